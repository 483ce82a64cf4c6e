"""What every provider promises, asked of each of them."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from function_app.compose import Letter, compose
from function_app.outcome import Deferred, Sent
from handoff.storage import Storage
from local.graph_simulator.client import SimulatorClient
from tests.builders import MAIL, NOW, a_ticket
from tests.fixtures.gmail import GmailClient
from tests.function_app.to_smarthost import no_draft
from tests.function_app.ways import NAMES, REMOTE, SECRETS, RemoteWay, Way, way

BODY = (
    b"Gr\xc3\xbc\xc3\x9fe\r\n.\r\n..dots\r\nFrom the start\r\n \r\n"
    b"--=_no_part\r\n\ttab at the end \t\r\n" + b"x" * 900 + b"\r\n"
)
PROBE = "01JD3V6Q8K5T0C9E8XW2M7B4FA"
TO = ("ann@contoso.com", "bob@x.org", "carol@y.org")


@pytest.fixture
def to(
    storage: Storage,
    graph: SimulatorClient,
    gmail: GmailClient,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[str], AbstractContextManager[Way]]:
    monkeypatch.setenv("IDENTITY_ENDPOINT", graph.identity_endpoint)
    monkeypatch.setenv("IDENTITY_HEADER", graph.identity_header)
    return lambda name: way(name, storage, graph, gmail)


@pytest.fixture(params=NAMES)
def a_way(
    request: pytest.FixtureRequest, to: Callable[[str], AbstractContextManager[Way]]
) -> Iterator[Way]:
    with to(request.param) as found:
        yield found


@pytest.fixture(params=REMOTE)
def a_remote_way(
    request: pytest.FixtureRequest, to: Callable[[str], AbstractContextManager[Way]]
) -> Iterator[RemoteWay]:
    with to(request.param) as found:
        assert isinstance(found, RemoteWay)
        yield found


def a_letter(a_way: Way, octets: bytes = MAIL + BODY, to: tuple[str, ...] = TO) -> Letter:
    return compose(a_ticket(octets, to=to), octets, NOW, a_way.provider.form)


def below_header(octets: bytes) -> bytes:
    return octets.partition(b"\r\n\r\n")[2]


def test_exactly_the_envelope_gets_the_mail(a_way: Way) -> None:
    octets = MAIL.replace(b"To: ann", b"Cc: eve@z.org\r\nBcc: bob@x.org\r\nTo: ann")
    outcome = a_way.provider.send(a_letter(a_way, octets), no_draft)

    ((recipients, _),) = a_way.arrived()
    assert isinstance(outcome, Sent)
    assert sorted(TO) == sorted(recipients)


def test_the_content_arrives_octet_for_octet(a_way: Way) -> None:
    a_way.provider.send(a_letter(a_way), no_draft)

    ((_, arrived),) = a_way.arrived()
    assert below_header(MAIL + BODY) == below_header(arrived)
    assert b"Message-ID: <one@contoso.com>\r\n" in arrived


def test_a_blind_copy_is_named_only_where_the_provider_takes_it_out(a_way: Way) -> None:
    octets = MAIL.replace(b"Subject", b"Bcc: bob@x.org\r\nSubject")
    a_way.provider.send(a_letter(a_way, octets), no_draft)

    ((_, arrived),) = a_way.arrived()
    header = arrived.partition(b"\r\n\r\n")[0].lower()
    assert a_way.provider.form.header_is_envelope == (b"\r\nbcc:" in header)


def test_many_mails_go_one_by_one(a_way: Way) -> None:
    letters = [a_letter(a_way, to=(f"r{number}@x.org",)) for number in range(5)]
    outcomes = [a_way.provider.send(letter, no_draft) for letter in letters]

    assert [Sent] * 5 == [type(outcome) for outcome in outcomes]
    assert 5 == len({recipients[0] for recipients, _ in a_way.arrived()})


def test_a_busy_provider_is_surely_not_sent_and_asked_again(a_remote_way: RemoteWay) -> None:
    a_remote_way.answer_busy()
    first = a_remote_way.provider.send(a_letter(a_remote_way), no_draft)
    second = a_remote_way.provider.send(a_letter(a_remote_way), no_draft)

    assert isinstance(first, Deferred)
    assert (False, False) == (first.unsure, first.is_configuration)
    assert isinstance(second, Sent)
    assert 1 == len(a_remote_way.arrived())


def test_a_lost_answer_is_in_doubt(a_remote_way: RemoteWay) -> None:
    a_remote_way.lose_answer()
    outcome = a_remote_way.provider.send(a_letter(a_remote_way), no_draft)

    assert isinstance(outcome, Deferred)
    assert outcome.unsure
    assert 1 == len(a_remote_way.arrived())


def test_nobody_there_is_surely_not_sent(a_remote_way: RemoteWay) -> None:
    outcome = a_remote_way.away.send(a_letter(a_remote_way), no_draft)

    assert isinstance(outcome, Deferred)
    assert ("no-connection", False) == (outcome.code, outcome.unsure)
    found = a_remote_way.away.probe("scan@contoso.com", PROBE)
    assert "fail" in [finding.verdict for finding in found]


def test_a_check_of_what_works_finds_no_fault_and_sends_nothing(a_way: Way) -> None:
    found = list(a_way.provider.probe("scan@contoso.com", PROBE))

    assert found
    assert {"ok"} == {finding.verdict for finding in found}
    if isinstance(a_way, RemoteWay):
        assert [] == a_way.arrived()


def test_a_check_of_a_refused_identity_names_the_fix(a_remote_way: RemoteWay) -> None:
    a_remote_way.refuse_identity()
    found = a_remote_way.provider.probe("scan@contoso.com", PROBE)
    (fault,) = [finding for finding in found if finding.verdict == "fail"]

    outcome = a_remote_way.provider.send(a_letter(a_remote_way), no_draft)
    assert isinstance(outcome, Deferred)
    assert outcome.is_configuration
    assert len(fault.text) > 40
    assert outcome.code == fault.code
    assert [] == a_remote_way.arrived()


def test_no_secret_is_shown(a_way: Way) -> None:
    shown = f"{a_way.provider!r} {[*a_way.provider.probe('scan@contoso.com', PROBE)]!r}"

    assert [] == [secret for secret in SECRETS if secret in shown]
