"""Clients that send one numbered mail after another, whatever happens to the relay."""

import itertools
import smtplib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from torture.account import NO_REPLY, Account, Heard
from torture.mails import NumberedMail, numbered_mail

_PATIENCE_SECONDS = 60
_MAILS_A_SESSION = 10
_REST_SECONDS = 0.2


def address_of(device: int) -> str:
    """Where device number `device` sends from: a device of its own for the edge."""
    return f"127.0.1.{device + 1}"


class Clients:
    """A crowd of devices on one port."""

    def __init__(self, seed: int, port: int, account: Account, mails_a_second: float) -> None:
        self._seed = seed
        self._port = port
        self._account = account
        self._pause = 1 / mails_a_second
        self._numbers = itertools.count(1)
        self._stop = threading.Event()

    @contextmanager
    def sending(self, clients: int) -> Iterator[None]:
        """So many clients send until the end of the context."""
        threads = [
            threading.Thread(
                target=self._send_on, args=(address_of(number), self._pause * clients), daemon=True
            )
            for number in range(clients)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join(_PATIENCE_SECONDS + 10)

    def _send_on(self, address: str, pause: float) -> None:
        while not self._stop.is_set():
            with suppress(OSError, smtplib.SMTPException):
                self._hold_session(address, pause)
            self._stop.wait(_REST_SECONDS)

    def _hold_session(self, address: str, pause: float) -> None:
        # Not a context manager: its end would wait for an answer to QUIT.
        client = smtplib.SMTP(
            "127.0.0.1", self._port, timeout=_PATIENCE_SECONDS, source_address=(address, 0)
        )
        try:
            client.ehlo()
            for _ in range(_MAILS_A_SESSION):
                due = time.monotonic() + pause
                self._send(client, numbered_mail(self._seed, next(self._numbers)))
                if self._stop.wait(max(0.0, due - time.monotonic())):
                    return
        finally:
            client.close()

    def _send(self, client: smtplib.SMTP, mail: NumberedMail) -> None:
        """One transaction. A connection that breaks is raised, and noted if a mail was on it."""
        client.rset()
        taken, _ = client.mail("device@contoso.com", [f"SIZE={len(mail.octets)}"])
        if taken == 250:
            taken = max(client.rcpt(recipient)[0] for recipient in mail.recipients)
        if taken != 250:
            self._account.note(Heard(mail.number, taken))
            return
        try:
            code, text = client.data(mail.octets)
        except (OSError, smtplib.SMTPException):
            self._account.note(Heard(mail.number, NO_REPLY))
            raise
        mail_id = text.decode("ascii").rpartition(" ")[2] if code == 250 else ""
        self._account.note(Heard(mail.number, code, mail_id))
