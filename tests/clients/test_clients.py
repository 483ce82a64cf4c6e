"""Real third-party mail clients, over STARTTLS with sign-in, through the whole relay.

Each sends to one recipient that its header names and to one that it does not. Clients that send
what they are given must arrive octet for octet; those that build a mail of their own must arrive
with text and attachment whole.
"""

import shutil
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from local.graph_simulator.client import ReceivedMail
from local.relay import DEVICE, MAILBOX, Relay, running
from tests.clients.letters import HIDDEN, TO, an_order, as_sent, check_parts
from tests.clients.programs import CLIENTS, MailClient, run


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    kept = tmp_path_factory.mktemp("relay")
    with running(kept, 0, 0, lambda _: nullcontext()) as relay:
        yield relay


def _with_bcc(mail: bytes) -> bytes:
    head, gap, body = mail.partition(b"\r\n\r\n")
    return head + b"\r\nBcc: " + HIDDEN.encode() + gap + body


def _arrived(relay: Relay, subject: str) -> ReceivedMail:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for mail in relay.simulator.mails():
            if mail.subject == subject:
                return mail
        time.sleep(0.05)
    raise AssertionError(f"{subject!r} did not arrive")


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_a_mail_of_a_real_client_arrives(client: MailClient, relay: Relay, tmp_path: Path) -> None:
    if shutil.which(client.needs) is None and not Path(client.needs).exists():
        pytest.skip(f"{client.needs} is not installed: apt-get install it (see .ci/run)")
    order = an_order(
        tmp_path,
        f"Scan by {client.name}",
        port=relay.submission_port,
        is_implicit=False,
        user=DEVICE,
        password=relay.password,
        certificate=relay.certificate,
        sender=MAILBOX,
    )
    run(client, order)
    found = _arrived(relay, order.subject)

    assert sorted(found.recipients) == sorted([TO, HIDDEN])
    assert HIDDEN.encode() not in found.delivered
    if client.sends_as_is:
        assert _with_bcc(as_sent(order)) == found.mime.partition(b"\r\n")[2]

    check_parts(found.mime)
