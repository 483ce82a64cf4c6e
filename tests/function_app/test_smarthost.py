"""What the smarthost provider sends, and what it makes of a server that goes wrong."""

import socket
from contextlib import closing
from dataclasses import replace

import pytest

from function_app.outcome import Deferred, Divided, Rejected, Sent
from function_app.providers.smarthost.provider import SmarthostProvider
from function_app.providers.smarthost.transaction import stuffed
from function_app.ways.smarthost import Smarthost
from tests.builders import MAIL
from tests.function_app.smtp_script import DROP, OFFERS, SILENCE, scripted
from tests.function_app.to_smarthost import (
    PLAIN_OFFER,
    TWO,
    a_letter,
    no_draft,
    provider_for,
    sent,
)


def test_the_server_gets_the_true_envelope_and_the_mail_as_it_is() -> None:
    octets = MAIL.replace(b"Subject", b"Bcc: carol@contoso.com\r\nSubject")
    letter = a_letter(octets, to=("carol@contoso.com", "ann@contoso.com"))
    with scripted() as server:
        outcome = sent(server, letter)

    (mail,) = server.taken
    assert Sent("smarthost", "2.0.0 Ok: queued as 4F1") == outcome
    assert "scan@contoso.com" == mail.reverse_path
    assert ["carol@contoso.com", "ann@contoso.com"] == mail.forward_paths
    assert mail.content.partition(b"\r\n")[2] == MAIL


def test_quoted_printable_stays_as_it_is() -> None:
    octets = MAIL.replace(
        b"\r\n\r\nHello.",
        b"\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe",
    )
    with scripted() as server:
        sent(server, a_letter(octets))

    assert server.taken[0].content.endswith(b"Gr=C3=BC=C3=9Fe\r\n")


REVERSE_PATHS = {
    ("rewrite", "odd@printer.local"): "scan@contoso.com",
    ("keep", "desk@contoso.com"): "desk@contoso.com",
    ("rewrite", ""): "",
    ("keep", ""): "",
}


@pytest.mark.parametrize(("given", "told"), REVERSE_PATHS.items(), ids=map(str, REVERSE_PATHS))
def test_the_reverse_path_follows_the_from_policy(given: tuple[str, str], told: str) -> None:
    policy, sender = given

    assert told == a_letter(from_policy=policy, sender=sender).reverse_path


def test_a_line_with_a_dot_arrives_as_it_was() -> None:
    octets = MAIL + b".\r\n..\r\n.x\r\nno line end"
    with scripted() as server:
        sent(server, a_letter(octets))

    assert server.taken[0].content.endswith(b"Hello.\r\n.\r\n..\r\n.x\r\nno line end\r\n")


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_dots_are_found_wherever_the_pieces_are_cut(size: int) -> None:
    whole = b".a\r\n.\r\n..b\r\nc.\r\n\r\n.d\r\n"
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]

    assert b"..a\r\n..\r\n...b\r\nc.\r\n\r\n..d\r\n" == b"".join(stuffed(pieces))


BEFORE_THE_END = ["connect", "EHLO", "MAIL", "RCPT", "DATA"]


@pytest.mark.parametrize("step", BEFORE_THE_END)
def test_a_connection_that_drops_before_the_end_surely_sent_nothing(step: str) -> None:
    with scripted({step: DROP}) as server:
        outcome = sent(server)

    assert isinstance(outcome, Deferred)
    assert ("no-connection", False) == (outcome.code, outcome.unsure)


@pytest.mark.parametrize("how", [DROP, "999 what", "garbage"])
def test_a_lost_answer_to_the_content_is_in_doubt(how: str) -> None:
    with scripted({"end": how}) as server:
        outcome = sent(server)

    assert isinstance(outcome, Deferred)
    assert ("no-answer", True) == (outcome.code, outcome.unsure)


@pytest.mark.parametrize("step", [*BEFORE_THE_END, "end"])
def test_4yz_defers_at_every_step(step: str) -> None:
    with scripted({step: "451 4.3.0 Not now"}) as server:
        outcome = sent(server)

    assert isinstance(outcome, Deferred)
    assert ("smtp-451-4.3.0", False) == (outcome.code, outcome.unsure)
    assert not outcome.is_configuration


PERMANENT = {
    "connect": (Deferred, True),
    "EHLO": (Deferred, True),
    "MAIL": (Deferred, True),
    "RCPT": (Rejected, False),
    "DATA": (Rejected, False),
    "end": (Rejected, False),
}


@pytest.mark.parametrize("step", PERMANENT)
def test_5yz_is_permanent_where_it_is_about_the_mail(step: str) -> None:
    kind, is_configuration = PERMANENT[step]
    with scripted({step: "550 No"}) as server:
        outcome = sent(server)

    assert kind is type(outcome)
    assert is_configuration is getattr(outcome, "is_configuration", False)


MEANINGS = {
    ("RCPT", "554 5.7.1 Relay access denied"): (Deferred, "smtp-554-5.7.1"),
    ("RCPT", "550 5.1.1 User unknown"): (Rejected, "smtp-550-5.1.1"),
    ("RCPT", "552 Too many"): (Deferred, "too-many-recipients"),
    ("RCPT", "552 5.2.2 Mailbox full"): (Rejected, "smtp-552-5.2.2"),
    ("MAIL", "530 5.7.57 Sign in first"): (Deferred, "smtp-530-5.7.57"),
    ("MAIL", "553 5.1.8 Bad sender"): (Rejected, "smtp-553-5.1.8"),
    ("MAIL", "552 5.3.4 Too large"): (Rejected, "too-large"),
    ("MAIL", "503 5.5.1 Bad sequence"): (Deferred, "smtp-503-5.5.1"),
    ("end", "554 5.2.252 SendAsDenied"): (Rejected, "smtp-554-5.2.252"),
    ("end", "550 5.7.60 May not send as"): (Rejected, "smtp-550-5.7.60"),
    ("end", "552 Too large"): (Rejected, "too-large"),
    ("end", "354 go on"): (Deferred, "smtp-354"),
}


@pytest.mark.parametrize(("said", "meaning"), MEANINGS.items(), ids=map(str, MEANINGS))
def test_each_reply_has_its_meaning(said: tuple[str, str], meaning: tuple[type, str]) -> None:
    with scripted({said[0]: said[1]}) as server:
        outcome = sent(server)

    assert isinstance(outcome, Deferred | Rejected)
    assert meaning == (type(outcome), outcome.code)


def test_each_recipient_has_a_verdict_of_his_own() -> None:
    script = {"RCPT bob@fabrikam.com": "550 5.1.1 User unknown", "RCPT c@x.org": "450 Later"}
    with scripted(script) as server:
        outcome = sent(server, a_letter(to=(*TWO, "c@x.org")))

    assert isinstance(outcome, Divided)
    kinds = {path: type(one) for path, one in outcome.outcomes.items()}
    assert {TWO[0]: Sent, TWO[1]: Rejected, "c@x.org": Deferred} == kinds
    assert [TWO[0]] == server.taken[0].forward_paths


def test_nothing_is_sent_when_nobody_is_taken_and_the_session_goes_on() -> None:
    with scripted({"RCPT": ["550 5.1.1 No"]}) as server:
        provider = provider_for(server)
        outcomes = [provider.send(a_letter(), no_draft) for _ in range(2)]

    assert [Rejected, Sent] == [type(outcome) for outcome in outcomes]
    assert 1 == server.connections


SHARING: dict[str, tuple[str, bool, int]] = {
    "nobody signs in": ("", False, 1),
    "one account for all": ("relay", True, 1),
    "each mailbox for itself": ("", True, 2),
}


@pytest.mark.parametrize(("username", "signs_in", "connections"), SHARING.values(), ids=SHARING)
def test_mailboxes_share_a_session_when_the_same_user_is_signed_in(
    username: str, signs_in: bool, connections: int
) -> None:
    with scripted({"EHLO": PLAIN_OFFER}) as server:
        smarthost = Smarthost("127.0.0.1", server.port, "none", username=username)
        provider = SmarthostProvider(smarthost, (lambda: "s3cret") if signs_in else None)
        for mailbox in ("scan@contoso.com", "erp@contoso.com"):
            provider.send(a_letter(mailbox=mailbox), no_draft)

    assert connections == server.connections
    assert ["scan@contoso.com", "erp@contoso.com"] == [mail.reverse_path for mail in server.taken]


def test_a_session_is_used_again_and_a_dead_one_is_not() -> None:
    with scripted({"RSET": ["250 Ok", DROP]}) as server:
        provider = provider_for(server)
        outcomes = [provider.send(a_letter(), no_draft) for _ in range(3)]

    assert [Sent] * 3 == [type(outcome) for outcome in outcomes]
    assert 2 == server.connections


def test_a_session_whose_answer_was_lost_is_not_used_again() -> None:
    # The late answer would be taken for that to the next command.
    with scripted({"end": ["garbage"]}) as server:
        provider = provider_for(server)
        outcomes = [provider.send(a_letter(), no_draft) for _ in range(2)]

    assert [Deferred, Sent] == [type(outcome) for outcome in outcomes]
    assert 2 == server.connections


def test_without_8bitmime_eight_bits_are_not_sent() -> None:
    with scripted({"EHLO": "250 smarthost"}) as server:
        outcome = sent(server, a_letter(MAIL + b"Gr\xc3\xbc\xc3\x9fe\r\n"))

    assert isinstance(outcome, Rejected)
    assert "no-8bitmime" == outcome.code
    assert [] == server.taken


def test_eight_bits_and_the_size_are_announced_where_that_is_offered() -> None:
    letter = a_letter(MAIL + b"Gr\xc3\xbc\xc3\x9fe\r\n")
    with scripted() as server:
        sent(server, letter)

    assert f"MAIL FROM:<scan@contoso.com> SIZE={letter.size} BODY=8BITMIME" in server.lines


def test_smtputf8_is_for_those_who_need_it() -> None:
    letter = replace(a_letter(), forward_paths=("änn@contoso.com",))
    with scripted() as server:
        sent(server, letter)
    with scripted({"EHLO": "250 smarthost"}) as old:
        outcome = sent(old, letter)

    assert ["änn@contoso.com"] == server.taken[0].forward_paths
    assert isinstance(outcome, Rejected)
    assert "no-smtputf8" == outcome.code


def test_a_mail_above_the_size_limit_is_not_offered() -> None:
    with scripted({"EHLO": OFFERS.replace("1000000", "100")}) as server:
        outcome = sent(server)

    assert isinstance(outcome, Rejected)
    assert "too-large" == outcome.code
    assert not any(line.startswith("MAIL") for line in server.lines)


def test_a_server_of_old_gets_helo() -> None:
    with scripted({"EHLO": "502 What?"}) as server:
        assert isinstance(sent(server), Sent)

    assert "HELO [127.0.0.1]" in server.lines


def test_recipients_go_together_only_where_pipelining_is_offered() -> None:
    to = tuple(f"r{number}@contoso.com" for number in range(120))
    with scripted() as server:
        sent(server, a_letter(to=to))
    with scripted({"EHLO": "250-smarthost\r\n250 8BITMIME"}) as old:
        sent(old, a_letter(to=to))

    assert list(to) == server.taken[0].forward_paths == old.taken[0].forward_paths


def test_nobody_listening_is_deferred() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]

    outcome = SmarthostProvider(Smarthost("127.0.0.1", port, "none")).send(a_letter(), no_draft)

    assert isinstance(outcome, Deferred)
    assert "no-connection" == outcome.code


def test_a_server_that_says_nothing_costs_no_more_than_its_time() -> None:
    with scripted({"MAIL": SILENCE}) as server:
        outcome = provider_for(server, seconds=0.5).send(a_letter(), no_draft)

    assert isinstance(outcome, Deferred)
    assert "out of time" in outcome.reason


def test_a_slow_server_is_waited_for() -> None:
    with scripted({"MAIL": "slow 250 Ok", "end": "slow 250 Ok"}) as server:
        assert isinstance(sent(server), Sent)
