"""The ticket: the queue message that tells the function app to send one mail.

UTF-8 JSON of at most 60,000 bytes (a Storage queue message holds 65,536). Characters
beyond ASCII are escaped, because the queue carries the text in XML, which knows fewer
characters than JSON. Whatever `decode` is given, it answers with a Ticket or with
BadTicket, and with nothing else.
"""

from datetime import UTC, datetime
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_serializer,
    model_validator,
)

from handoff.ids import ID_PATTERN

FOREVER = -1
"""A ticket's time to live in a queue: without it a message vanishes after seven days."""
MAX_TICKET_BYTES = 60_000
RECIPIENT_BUDGET_BYTES = 56_000
"""What the forward paths may take, written as JSON, so that the rest of a ticket still fits."""

MailId = Annotated[str, StringConstraints(pattern=f"^{ID_PATTERN}$")]
Address = Annotated[
    str, StringConstraints(min_length=1, max_length=320, pattern=r"^[^\x00-\x1f\x7f]+$")
]
Label = Annotated[str, StringConstraints(max_length=128, pattern=r"^[^\x00-\x1f\x7f]*$")]
BlobName = Annotated[
    str,
    StringConstraints(pattern=rf"^[0-9]{{4}}/[0-9]{{2}}/[0-9]{{2}}/[0-9]{{2}}/{ID_PATTERN}\.eml$"),
]

Base64 = Annotated[str, StringConstraints(pattern="^[A-Za-z0-9+/]*={0,2}$")]

FromPolicy = Literal["rewrite", "keep", "reject"]


def _is_empty(value: object) -> bool:
    return value == ""


def _is_none(value: object) -> bool:
    return value is None


def _in_our_time(moment: datetime) -> datetime:
    if not 2000 <= moment.year < 2200:
        raise ValueError("the year is not one in which this relay runs")
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(_in_our_time)]


class BadTicket(Exception):
    """A queue message that is no ticket of a version known here, and never becomes one."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Envelope(_Part):
    """Who the mail is from and for, as said in MAIL and RCPT (RFC 5321 §2.3.1)."""

    reverse_path: Address | Literal[""]
    """Without angle brackets; "" is the null reverse-path."""
    forward_paths: Annotated[tuple[Address, ...], Field(min_length=1, strict=False)]
    smtputf8: bool = False


class SendAs(_Part):
    """Whose mailbox sends the mail, and how the function app proves its right to it."""

    mailbox: Address
    from_policy: FromPolicy = "rewrite"
    identity: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")] = "default"
    sealed: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]+$")] | None = None
    """A client's own credential as a compact JWE, for the function app's key only."""


class Content(_Part):
    """The octets of the mail: inside the ticket (base64) or in a blob, never both."""

    size: Annotated[int, Field(ge=0)]
    """Octets of the mail itself, before base64."""
    sha256: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
    mime: Base64 | None = Field(default=None, exclude_if=_is_none)
    blob: BlobName | None = Field(default=None, exclude_if=_is_none)

    @model_validator(mode="after")
    def _has_one_place(self) -> Self:
        if (self.mime is None) == (self.blob is None):
            raise ValueError("content needs either mime or blob")
        return self


class Client(_Part):
    """Who brought the mail, as the edge saw it. For whoever asks later; nothing depends on it."""

    listener: Label
    address: Label
    tls: Label = ""
    """The protocol version; "" in clear."""
    signed_in: bool = False
    """Known by a login; else by its network."""
    rule: Label = Field(default="", exclude_if=_is_empty)
    """The setting that let it in, as docs/edge-settings.md names it."""


class Ticket(_Part):
    """One mail, accepted by an edge, to be sent by the function app."""

    v: Literal[1]
    kind: Literal["mail"]
    id: MailId
    site: Label = ""
    device: Label = ""
    received_at: Moment
    envelope: Envelope
    send_as: SendAs
    content: Content
    client: Client | None = Field(default=None, exclude_if=_is_none)
    trace: Annotated[str, StringConstraints(pattern=r"^[0-9a-f-]{1,128}$")] | None = None
    """W3C traceparent of the transaction."""
    generation: int = Field(default=0, ge=0, exclude_if=lambda generation: generation == 0)
    """How often an operator has put this mail back; a new generation may be sent again."""
    redriven_at: Moment | None = Field(default=None, exclude_if=_is_none)
    """When that was last: it is given up only so long after."""

    @field_serializer("received_at", "redriven_at")
    def _in_utc(self, moment: datetime | None) -> str | None:
        if moment is None:
            return None
        return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def encode(ticket: Ticket) -> str:
    """The queue message for `ticket`. ASCII, so its length is its size in bytes."""
    return ticket.model_dump_json(ensure_ascii=True)


def decode(message: str | bytes) -> Ticket:
    """Read a queue message. Raises BadTicket, and no other exception, for anything but a ticket."""
    try:
        return Ticket.model_validate_json(message)
    except ValidationError as error:
        raise BadTicket(_first_fault(error)) from error


def _first_fault(error: ValidationError) -> str:
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(step) for step in fault["loc"]) or "message"
    return f"{place}: {fault['msg']}"
