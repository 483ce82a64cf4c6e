"""Queue messages that are no mail: an edge's heartbeat, and an operator's probe.

They travel in the queue of the tickets, because that is the one thing an edge may write. Whatever
`decode_signal` is given, it answers with a signal or with None.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from handoff.ticket import Address, Label, MailId, Moment

TLS_CERTIFICATE = "tls-certificate"
"""What a heartbeat's `certificate_ends_at` is of."""
MOST_DEVICES = 240
"""In one heartbeat, so that it fits a queue message."""
HEARTBEAT_LIVES_SECONDS = 3600
"""An old heartbeat says nothing; unlike a mail, it may vanish."""
PROBE_LIVES_SECONDS = 300
_MOST_ENDINGS = 10
Count = Annotated[int, Field(ge=0)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


class DeviceSeen(_Part):
    """What an edge knows of one of its devices."""

    name: Label
    last_seen: Moment | None = None
    """When its last mail was accepted; None: not since the edge started."""
    mails: Count = 0
    """Since the edge started."""
    address: Label = ""
    tls: Label = ""
    """Of its last mail; "" in clear."""
    limit_hits: Count = 0
    """How often it was refused for its rate or a limit, since the edge started."""
    silent_after: Count | None = None
    """Seconds without a mail after which somebody is to be told."""


class EndingTold(_Part):
    """Something of an edge's that ends, beside the certificate of its listeners."""

    what: Annotated[str, StringConstraints(pattern=r"^[a-z-]{1,40}$")]
    ends_at: Moment


class Heartbeat(_Part):
    """How an edge does."""

    v: Literal[1] = 1
    kind: Literal["heartbeat"] = "heartbeat"
    id: MailId
    site: Label
    at: Moment
    every: Annotated[int, Field(ge=1)]
    """Seconds until the next."""
    version: Label = ""
    started_at: Moment
    spool_mails: Count
    spool_bytes: Count
    spool_most_bytes: Count
    faults: Count
    """Tries since the start that the storage account did not take."""
    certificate_ends_at: Moment | None = None
    """Of the listeners."""
    endings: Annotated[tuple[EndingTold, ...], Field(strict=False, max_length=_MOST_ENDINGS)] = ()
    devices: Annotated[tuple[DeviceSeen, ...], Field(strict=False)] = ()


class Probe(_Part):
    """A question of an operator: can this identity get a token, and reach this mailbox?"""

    v: Literal[1] = 1
    kind: Literal["probe"] = "probe"
    id: MailId
    asked_at: Moment
    identity: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")] = "default"
    mailbox: Address


Signal = Heartbeat | Probe
_ANY: TypeAdapter[Signal] = TypeAdapter(Annotated[Signal, Field(discriminator="kind")])


def encode_signal(signal: Signal) -> str:
    return signal.model_dump_json(ensure_ascii=True)


def decode_signal(message: str) -> Signal | None:
    try:
        return _ANY.validate_json(message)
    except ValidationError:
        return None
