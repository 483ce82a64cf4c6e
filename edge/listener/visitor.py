"""Who is on the other side of a dialog: by address at first, by login once it has signed in."""

from edge import policy, replies
from edge.entra.guest import Guest, known_at, send_as_of
from edge.listener.reception import Reception
from edge.listener.sign_in import Credentials, verify
from edge.listener.wire import Wire
from edge.policy import Client
from edge.replies import Reply
from edge.settings import Device, EdgeSettings
from handoff import ticket
from handoff.letterhead import Letterhead


class Visitor:
    """What is known of one client. Settings that were exchanged are asked anew."""

    def __init__(self, wire: Wire, reception: Reception) -> None:
        self._wire = wire
        self._reception = reception
        self._device: Device | None = None
        self._failed_sign_ins = 0
        self._known: tuple[EdgeSettings, Client] | None = None
        self._letterhead: tuple[Client, Device, Letterhead] | None = None

    @property
    def client(self) -> Client:
        settings = self._reception.settings
        if self._known is None or self._known[0] is not settings:
            if self._known is not None and not self._still_stands(self._known[0], settings):
                self._device = None  # and has to sign in again
            self._known = settings, self._look_up(settings)
        return self._known[1]

    def letterhead(self, device: Device) -> Letterhead:
        """For the tickets of the mails that it brings as `device`."""
        client = self.client
        known = self._letterhead
        # An equal client is another one, too: it comes from other settings.
        if known is None or known[0] is not client or known[1] != device:
            told = ticket.Client(
                listener=client.listener.name,
                address=str(client.address),
                tls=self._wire.tls_version,
                signed_in=client.signed_in,
                rule=policy.rule_that_let_in(client),
            )
            site = self._reception.settings.site
            letterhead = Letterhead(site, device.name, send_as_of(device), told)
            self._letterhead = known = client, device, letterhead
        return known[2]

    @property
    def who(self) -> dict[str, str]:
        """For the log."""
        return {"listener": self._reception.listener.name, "peer": str(self._wire.address)}

    def is_learned_about(self) -> bool:
        """Whether a client that no device stands for is noted for the administrator."""
        reception = self._reception
        return policy.is_learning(reception.settings.learning, self._wire.address, reception.now())

    async def sign_in(self, credentials: Credentials) -> Reply:
        """Check `credentials`, and end the session of who guesses."""
        if credentials.are_blank and policy.check_client(self.client) is None:
            return replies.SIGNED_IN  # blanks where no sign-in is needed: as good as none
        outcome = await verify(credentials, self._wire, self._reception)
        if isinstance(outcome, Device):
            self._device, settings = outcome, self._reception.settings
            self._known = settings, self._look_up(settings)
            return replies.SIGNED_IN
        self._failed_sign_ins += outcome != replies.CANNOT_CHECK
        if outcome == replies.TOO_MANY_SIGN_INS:
            self._wire.end_after_reply()
        elif self._failed_sign_ins >= self._reception.limits.failed_sign_ins:
            self._wire.say(outcome)
            self._wire.end_after_reply()
            return replies.TOO_MANY_ERRORS
        return outcome

    def _still_stands(self, before: EdgeSettings, now: EdgeSettings) -> bool:
        if isinstance(self._device, Guest):
            return before.entra == now.entra
        return self._device in now.devices

    def _look_up(self, settings: EdgeSettings) -> Client:
        return Client(
            address=self._wire.address,
            listener=self._reception.listener,
            encrypted=self._wire.is_encrypted,
            device=self._device or known_at(settings, self._wire.address),
            signed_in=self._device is not None,
        )
