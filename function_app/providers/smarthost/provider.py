"""Send through a smarthost: the envelope as it is, the mail as it is, a verdict a recipient.

Sessions are kept for a while, since most of a session is its beginning.
"""

import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from weakref import finalize

from function_app.compose import Form, Letter
from function_app.outcome import CannotLook, Deferred, Divided, Outcome, Rejected
from function_app.providers.smarthost.replies import on_sender
from function_app.providers.smarthost.session import (
    CannotOpen,
    Session,
    SignIn,
    no_connection,
)
from function_app.providers.smarthost.transaction import hand_over
from function_app.providers.smarthost.wire import Broken
from function_app.providers.token_faults import TokenUnavailable
from function_app.ways.smarthost import Smarthost
from handoff.findings import Finding

_SECONDS = 200.0
"""The host ends a run after five minutes."""
_MOST_KEPT = 8
_KEPT_SECONDS = 20
_CANNOT_LOOK = CannotLook("A smarthost cannot be asked whether it has sent a mail.")


@dataclass(frozen=True)
class SmarthostProvider:
    """Sends by the right of one identity."""

    smarthost: Smarthost
    secret: Callable[[], str] | None = field(default=None, repr=False)
    """The password, or a token; None for a server that takes mail without."""
    is_token: bool = False
    seconds: float = _SECONDS
    """For one mail."""
    _idle: "_Idle" = field(default_factory=lambda: _Idle(), repr=False)

    form = Form(header_is_envelope=False)

    def send(
        self, letter: Letter, note_draft: Callable[[str], None], draft_id: str = ""
    ) -> Outcome | Divided:
        until = time.monotonic() + self.seconds
        user = self._user(letter.mailbox)
        try:
            session = self._idle.take(user, until) or self._opened(user, until)
        except CannotOpen as fault:
            return fault.outcome
        except TokenUnavailable as fault:
            return Deferred(fault.code, fault.reason, is_configuration=fault.is_configuration)
        try:
            outcome = hand_over(session, letter)
        except Broken as fault:
            session.wire.close()
            return no_connection(fault)
        except BaseException:
            session.wire.close()
            raise
        self._idle.keep(user, session)
        return outcome

    def look(self, letter: Letter, draft_id: str, since: datetime) -> CannotLook:
        return _CANNOT_LOOK

    def probe(self, mailbox: str, probe_id: str) -> Iterator[Finding]:
        """As far as MAIL: whether it takes the sender, and not a single recipient."""
        try:
            session = self._opened(self._user(mailbox), time.monotonic() + self.seconds)
        except CannotOpen as closed:
            yield Finding("G02", "session", "fail", closed.outcome.reason, closed.outcome.code)
            yield Finding("G03", "mailbox", "skip", "Needs G02.")
            return
        except TokenUnavailable as missing:
            yield Finding("G02", "token", "fail", missing.reason, missing.code)
            yield Finding("G03", "mailbox", "skip", "Needs G02.")
            return
        yield Finding("G02", "session", "ok", f"{self.smarthost.host} answers{self._how}.")
        try:
            reply = session.command(f"MAIL FROM:<{mailbox}>")
            fault: Deferred | Rejected | None = None if reply.is_good else on_sender(reply)
        except Broken as broken:
            fault = no_connection(broken)
        finally:
            session.leave()
        if fault is None:
            yield Finding("G03", "mailbox", "ok", f"It takes mail from {mailbox}.")
        else:
            yield Finding("G03", "mailbox", "fail", fault.reason, fault.code)

    @property
    def _how(self) -> str:
        signed_in = ", and the relay is signed in" if self.secret else ""
        return f"{' in clear' if self.smarthost.tls == 'none' else ' over TLS'}{signed_in}"

    def _user(self, mailbox: str) -> str:
        """Who signs in to send for `mailbox`; "" for nobody. Whose user is one share sessions."""
        return (self.smarthost.username or mailbox) if self.secret else ""

    def _opened(self, user: str, until: float) -> Session:
        tls = None if self.smarthost.tls == "none" else _tls_context(self.smarthost.ca_file)
        sign_in = SignIn(user, self.secret, self.is_token) if self.secret else None
        return Session.open(self.smarthost, tls, sign_in, until)


class _Idle:
    """Sessions between two mails, by the user that they are signed in for."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: list[tuple[str, float, Session]] = []
        finalize(self, _close_all, self._kept)

    def take(self, user: str, until: float) -> Session | None:
        """One that is alive; the others of this user that are found dead are closed."""
        while (session := self._next(user)) is not None:
            session.wire.until = until
            if session.is_alive():
                return session
            session.wire.close()
        return None

    def keep(self, user: str, session: Session) -> None:
        if session.wire.is_broken:
            session.wire.close()
            return
        with self._lock:
            self._kept.append((user, time.monotonic(), session))
            surplus = self._kept[:-_MOST_KEPT]
            del self._kept[:-_MOST_KEPT]
        for _, _, old in surplus:
            old.leave()

    def _next(self, user: str) -> Session | None:
        oldest = time.monotonic() - _KEPT_SECONDS
        with self._lock:
            old = [session for _, since, session in self._kept if since < oldest]
            self._kept[:] = [kept for kept in self._kept if kept[1] >= oldest]
            found = next((kept for kept in self._kept if kept[0] == user), None)
            if found is not None:
                self._kept.remove(found)
        for session in old:
            session.leave()
        return found[2] if found else None


def _close_all(kept: list[tuple[str, float, Session]]) -> None:
    for _, _, session in kept:
        session.wire.close()


def _tls_context(ca_file: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca_file:
        context.load_verify_locations(cafile=ca_file)
    return context
