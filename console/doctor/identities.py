"""About whom the function app is asked: each identity that sends for a device. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from edge.settings import Device
from handoff.findings import Finding

_USUAL = "default"


@dataclass(frozen=True)
class Asked:
    identity: str
    mailbox: str


def whom_to_ask(devices: Sequence[Device], identity: str, mailbox: str) -> tuple[Asked, ...]:
    """`identity` and `mailbox` as an operator names them, "" for what the devices have.

    Nobody when there is no mailbox to ask about.
    """
    fitting = [
        Asked(device.identity.lower(), device.send_as)
        for device in devices
        if identity.lower() in ("", device.identity.lower())
        and mailbox.lower() in ("", device.send_as.lower())
    ]
    if fitting:
        return tuple({one.identity: one for one in reversed(fitting)}.values())[::-1]
    mailbox = mailbox or next((device.send_as for device in devices), "")
    return (Asked(identity or _USUAL, mailbox),) if mailbox else ()


def naming(identity: str, findings: Iterable[Finding]) -> Iterator[Finding]:
    """`findings` of one of several, so that a reader knows whose they are."""
    for finding in findings:
        yield replace(finding, text=f"{identity}: {finding.text}")
