"""One mail transaction: MAIL to the end of content."""

from dataclasses import dataclass, field

from edge import policy, replies
from edge.listener.content import Intake
from edge.listener.reception import Reception
from edge.listener.wire import Wire
from edge.paths import MailFrom
from edge.policy import Refusal
from edge.replies import Reply
from edge.settings import Device, Limits
from handoff.letterhead import Letterhead, quoted
from handoff.ticket import RECIPIENT_BUDGET_BYTES


@dataclass
class Transaction:
    """What was said since MAIL, and what has come in since the first BDAT."""

    mail: MailFrom
    device: Device
    began: float
    """By the event loop's clock."""
    letterhead: Letterhead
    forward_paths: list[str] = field(default_factory=list)
    intake: Intake | None = None
    _ticket_octets: int = 0
    """What the forward paths take in the ticket."""
    _is_known_full: bool = False
    """Whether it was told once that no more recipients go in."""

    def add(self, forward_path: str, limits: Limits) -> Refusal | None:
        """One more recipient, unless policy refuses."""
        octets = self._ticket_octets + len(quoted(forward_path)) + 1
        refusal = policy.check_forward_path(
            self.device,
            forward_path,
            taken=len(self.forward_paths),
            fits_ticket=octets <= RECIPIENT_BUDGET_BYTES,
            limits=limits,
        )
        if refusal is None:
            self.forward_paths.append(forward_path)
            self._ticket_octets = octets
        return refusal

    def is_news(self, refusal: Refusal) -> bool:
        """False of the second recipient that was one too many, of which there may be thousands."""
        if refusal.reply != replies.TOO_MANY_RECIPIENTS:
            return True
        was_known, self._is_known_full = self._is_known_full, True
        return not was_known

    async def receive_data(self, wire: Wire) -> Reply | Refusal:
        """Read the content that DATA announced, and keep it. Raises ConnectionEnded."""
        assert self.intake is not None  # since DATA
        try:
            refusal = await self.intake.read_data()
        except Exception:
            wire.end_after_reply()  # what is left of the content is no command
            raise
        return refusal or await self.intake.keep(self.forward_paths, self.letterhead)

    async def receive_chunk(
        self, wire: Wire, reception: Reception, octets: int, is_last: bool
    ) -> Reply | Refusal | None:
        """Read one chunk of BDAT, and keep all after the last; None when more may come.

        Raises ConnectionEnded.
        """
        try:
            if self.intake is None:
                self.intake = Intake(wire, reception, self.mail, octets)
            refusal = await self.intake.read_chunk(octets, is_last=is_last)
        except Exception:
            wire.end_after_reply()  # what is left of the content is no command
            raise
        if refusal is not None or not is_last:
            return refusal
        return await self.intake.keep(self.forward_paths, self.letterhead)

    def end(self) -> None:
        """Leave nothing behind of what was not kept."""
        if self.intake is not None:
            self.intake.abandon()
