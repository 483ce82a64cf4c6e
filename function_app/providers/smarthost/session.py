"""A session with a smarthost: connected, encrypted, introduced and signed in."""

import socket
import ssl
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from function_app.outcome import Deferred
from function_app.providers.smarthost.replies import Reply, on_greeting, on_sign_in
from function_app.providers.smarthost.wire import Broken, Wire, named
from function_app.ways.smarthost import Smarthost

_CONNECT_SECONDS = 10
_MOST_IN_A_ROW = 50
"""Commands sent before the first reply is read: more could fill the buffers of both ends."""
_NO_STARTTLS = Deferred(
    "no-starttls",
    "The smarthost does not offer STARTTLS, so nothing is sent to it. Switch it on there, or set "
    "TLS to implicit; to none only if the line is safe by itself.",
    is_configuration=True,
)
_NO_WAY_TO_SIGN_IN = Deferred(
    "no-sign-in",
    "The smarthost offers no way to sign in that the relay knows with this credential: PLAIN or "
    "LOGIN with a password, XOAUTH2 with a token. Check PORT, TLS and CREDENTIAL.",
    is_configuration=True,
)


class CannotOpen(Exception):
    """There is no session. `outcome` is what that means for the mail."""

    def __init__(self, outcome: Deferred) -> None:
        super().__init__(outcome.code)
        self.outcome = outcome


@dataclass(frozen=True)
class SignIn:
    """By what right. The secret is asked for when it is needed."""

    username: str
    secret: Callable[[], str]
    is_token: bool


class Session:
    """Whoever has one has it alone."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.extensions: Mapping[str, str] = {}
        """What the server offers, in lower case, with what it says of each."""

    @classmethod
    def open(
        cls, smarthost: Smarthost, tls: ssl.SSLContext | None, sign_in: SignIn | None, until: float
    ) -> "Session":
        """Raises CannotOpen, and whatever `sign_in.secret` raises."""
        session = cls(Wire(_connected(smarthost), until))
        try:
            session._introduce(smarthost, tls)
            if sign_in is not None:
                session._sign_in(sign_in)
        except (OSError, ValueError, Broken) as fault:
            session.wire.close()
            raise CannotOpen(_on_transport(fault)) from fault
        except BaseException:
            session.wire.close()
            raise
        return session

    @property
    def size_limit(self) -> int:
        """RFC 1870; 0 when none is told."""
        told = self.extensions.get("size", "")
        return int(told) if told.isdecimal() and len(told) < 16 else 0

    def is_alive(self) -> bool:
        try:
            return self.command("RSET").is_good
        except Broken:
            return False

    def command(self, line: str) -> Reply:
        """Raises Broken."""
        return next(self.commands([line]))

    def commands(self, lines: list[str]) -> Iterator[Reply]:
        """The replies to several, sent together where the server allows that (RFC 2920)."""
        step = _MOST_IN_A_ROW if "pipelining" in self.extensions else 1
        for start in range(0, len(lines), step):
            several = lines[start : start + step]
            self.wire.send("".join(f"{line}\r\n" for line in several).encode())
            for _ in several:
                yield self.wire.reply()

    def leave(self) -> None:
        with suppress(Broken):
            self.wire.send(b"QUIT\r\n")
        self.wire.close()

    def _introduce(self, smarthost: Smarthost, tls: ssl.SSLContext | None) -> None:
        if tls is not None and smarthost.tls == "implicit":
            self.wire.encrypt(tls, smarthost.host)
        greeting = self.wire.reply()
        if not greeting.is_good:
            raise CannotOpen(on_greeting(greeting))
        self._hello()
        if tls is None or smarthost.tls == "implicit":
            return
        if "starttls" not in self.extensions:
            raise CannotOpen(_NO_STARTTLS)
        reply = self.command("STARTTLS")
        if not reply.is_good:
            raise CannotOpen(on_greeting(reply))
        self.wire.encrypt(tls, smarthost.host)
        self._hello()  # what was offered in clear does not count

    def _hello(self) -> None:
        self.extensions = {}
        address = self.wire.own_address
        literal = f"[IPv6:{address}]" if ":" in address else f"[{address}]"
        reply = self.command(f"EHLO {literal}")
        if reply.code in (500, 502):
            reply = self.command(f"HELO {literal}")
        elif reply.is_good:
            self.extensions = _extensions(reply.text)
        if not reply.is_good:
            raise CannotOpen(on_greeting(reply))

    def _sign_in(self, sign_in: SignIn) -> None:
        offered = self.extensions.get("auth", "").upper().split()
        user, secret = sign_in.username, sign_in.secret()
        if sign_in.is_token and "XOAUTH2" in offered:
            # https://learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth
            reply = self.command(
                "AUTH XOAUTH2 " + _base64(f"user={user}\1auth=Bearer {secret}\1\1")
            )
        elif not sign_in.is_token and "PLAIN" in offered:
            reply = self.command("AUTH PLAIN " + _base64(f"\0{user}\0{secret}"))
        elif not sign_in.is_token and "LOGIN" in offered:
            reply = self._answered("AUTH LOGIN", user, secret)
        else:
            raise CannotOpen(_NO_WAY_TO_SIGN_IN)
        if reply.code == 334:  # the reason of a refusal, which itself comes after our answer
            reply = self.command("")
        if not reply.is_good:
            raise CannotOpen(on_sign_in(reply))

    def _answered(self, line: str, *answers: str) -> Reply:
        reply = self.command(line)
        for answer in answers:
            if reply.code != 334:
                break
            reply = self.command(_base64(answer))
        return reply


def _connected(smarthost: Smarthost) -> socket.socket:
    try:
        return socket.create_connection((smarthost.host, smarthost.port), _CONNECT_SECONDS)
    except (OSError, ValueError) as fault:
        raise CannotOpen(no_connection(fault)) from fault


def _on_transport(fault: Exception) -> Deferred:
    if isinstance(fault, ssl.SSLCertVerificationError):
        return Deferred(
            "tls-certificate",
            f"The certificate of the smarthost is not good: {fault.verify_message}. Set HOST to "
            "the name in it, and CA_FILE to its authority if that is one of your own.",
            is_configuration=True,
        )
    if isinstance(fault, ssl.SSLError):
        return Deferred(
            "tls",
            f"No TLS with the smarthost ({fault.reason or 'unknown'}). Check PORT and TLS: 465 is "
            "implicit, 587 and 25 are starttls.",
            is_configuration=True,
        )
    return no_connection(fault)


def no_connection(fault: Exception) -> Deferred:
    how = str(fault) if isinstance(fault, Broken) else named(fault)
    return Deferred(
        "no-connection",
        f"No session with the smarthost: {how}. Check HOST and PORT; Azure lets nothing out on "
        "port 25.",
    )


def _extensions(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in text.splitlines()[1:]:
        # AUTH=PLAIN is what some have said since before there was a standard.
        name, _, said = line.strip().replace("=", " ", 1).partition(" ")
        known = found.get(name.lower())
        found[name.lower()] = f"{known} {said}" if known else said
    return found


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode("ascii")
