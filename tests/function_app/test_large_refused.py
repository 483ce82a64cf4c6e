"""Large mails that are not sent: why, and that nothing of them is lost."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from function_app.means import Means
from function_app.outcome import Rejected
from function_app.providers.graph.provider import LIMIT
from handoff.ledger import State
from local.graph_simulator.client import SimulatorClient
from tests.builders import MAIL
from tests.fixtures.graph import GraphMailbox
from tests.function_app.desk import Desk, delivered
from tests.function_app.large_mails import HEAD, TEXT, mail_with, octets_of
from tests.function_app.letters import composed

MeansOf = Callable[..., Means]


class Long:
    """Octets that nobody has."""

    def __init__(self, size: int) -> None:
        self._size = size

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, place: slice, /) -> bytes:
        raise AssertionError


def test_a_mail_beyond_every_limit_is_rejected(means_of: MeansOf) -> None:
    provider = means_of().provider_of("default")
    assert provider is not None
    letter = replace(composed(MAIL), body=Long(LIMIT))
    outcome = provider.send(letter, no_draft)

    assert isinstance(outcome, Rejected)
    assert "too-large" == outcome.code
    assert f"{letter.size:,} octets; 157,286,400" in outcome.reason


def test_a_signed_mail_is_not_taken_apart(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    signed = HEAD + b"Content-Type: multipart/signed; boundary=b\r\n"
    row = delivered(desk, means_of(), desk.a_ticket_with_blob(signed + TEXT + b"x" * 3_000_000))

    assert (State.DEAD, "signed-too-large") == (row.state, row.code)
    assert [] == graph.requests()


def test_a_mail_beyond_the_limit_of_the_tenant_is_rejected(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    graph.rule(message_limit=5_000_000)
    row = delivered(desk, means_of(), desk.a_ticket_with_blob(mail_with(octets_of(6_000_000))))

    assert (State.DEAD, "ErrorMessageSizeExceeded") == (row.state, row.code)
    assert "MaxSendSize" in row.reason
    assert [] == graph.state()["drafts"]


def test_a_large_dead_letter_is_the_mail_as_it_was_accepted(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    graph.rule(missing=[GraphMailbox.address])
    octets = mail_with(octets_of(9_000_000)).replace(b"\r\n", b"\n")
    row = delivered(desk, means_of(), desk.a_ticket_with_blob(octets))

    assert (State.DEAD, "ErrorInvalidUser") == (row.state, row.code)
    assert octets == desk.dead_letters.octets_of(row.id)


def test_a_dead_letter_keeps_what_does_not_match_its_hash(desk: Desk, means_of: MeansOf) -> None:
    ticket = desk.a_ticket_with_blob(mail_with(octets_of(4_000_000)))
    desk.storage.mail.upload_blob(str(ticket.content.blob), b"half a mail", overwrite=True)
    row = delivered(desk, means_of(), ticket)

    assert (State.DEAD, "content-lost") == (row.state, row.code)
    assert b"half a mail" == desk.dead_letters.octets_of(row.id)


def test_a_full_disk_defers(desk: Desk, means_of: MeansOf, monkeypatch: pytest.MonkeyPatch) -> None:
    ticket = desk.a_ticket_with_blob(mail_with(octets_of(4_000_000)))
    monkeypatch.setattr("tempfile.tempdir", "/nonexistent")
    row = delivered(desk, means_of(), ticket)

    assert (State.DEFERRED, "no-room") == (row.state, row.code)


def no_draft(draft_id: str) -> None:
    raise AssertionError(f"a draft: {draft_id}")
