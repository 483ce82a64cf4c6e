"""Who may be told of a dead mail; and that no notice ever leads to another."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function_app.mime.fields import Field, a_field
from function_app.notices.alarm_news import news_of as news_of_alarm
from function_app.notices.alarms import Alarm, AlarmKey
from function_app.notices.board import Notice
from function_app.notices.dead_mail import DeadMail, Header
from function_app.notices.errands import Errand, in_one, on_alarm, on_dead
from function_app.notices.loops import is_automatic, is_own, may_hear
from function_app.notices.own_mail import ticket_of
from function_app.notices.settings import NoticeSettings
from handoff.ticket import Envelope, SendAs, Ticket
from tests.builders import NOW, a_ticket

DOMAINS = frozenset({"contoso.com", "xn--exmple-cua.org"})
SETTINGS = NoticeSettings(("it@contoso.com", "noc@fabrikam.com"), DOMAINS, "relay@contoso.com")

HEARS = [
    "scan@contoso.com",
    "Scan@CONTOSO.COM",
    '"scan"@contoso.com',
    "jörg@exämple.org",
    "bouncer@contoso.com",
    "requests@contoso.com",
]
HEARS_NOT = [
    "",
    "scan@fabrikam.com",
    "scan@sub.contoso.com",
    "scan@contoso.com.fabrikam.com",
    "mailer-daemon@contoso.com",
    "MAILER-DAEMON@contoso.com",
    '"mailer-daemon"@contoso.com',
    "maildaemon@contoso.com",
    "postmaster@contoso.com",
    "bounces@contoso.com",
    "bounces+ann=fabrikam.com@contoso.com",
    "list-bounces@contoso.com",
    "owner-list@contoso.com",
    "list-owner@contoso.com",
    "list-request@contoso.com",
    "no domain",
    "two words@contoso.com",
]


@pytest.mark.parametrize(
    ("path", "hears"), [(path, True) for path in HEARS] + [(path, False) for path in HEARS_NOT]
)
def test_only_a_sender_of_ours_who_is_no_mail_system_hears(path: str, hears: bool) -> None:
    envelope = Envelope(reverse_path=path, forward_paths=("ann@contoso.com",))

    assert hears == may_hear(envelope, DOMAINS)


AUTOMATIC = [
    ("Auto-Submitted", "auto-replied"),
    ("Auto-Submitted", "auto-generated; owner-email=x@y"),
    ("Auto-Submitted", "(no) auto-notified"),
    ("Auto-Submitted", "nobody knows"),
    ("Auto-Submitted", ""),
    ("List-Id", "<all.contoso.com>"),
    ("List-Unsubscribe", "<mailto:x@y>"),
    ("Precedence", "bulk"),
    ("Precedence", " List "),
    ("Precedence", "junk"),
]
NOT_AUTOMATIC = [
    ("Auto-Submitted", "no"),
    ("Auto-Submitted", "No (a person)"),
    ("Auto-Submitted", "no; why=not"),
    ("Precedence", "first-class"),
    ("Subject", "Auto-Submitted: auto-replied"),
    ("Listing", "x"),
]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [(*field, True) for field in AUTOMATIC] + [(*field, False) for field in NOT_AUTOMATIC],
)
def test_a_header_says_that_nobody_waits_for_an_answer(
    name: str, value: str, expected: bool
) -> None:
    assert expected == is_automatic([a_field("Subject", "x"), a_field(name, value)])


def a_dead(ticket: Ticket | None, code: str = "gave-up") -> DeadMail:
    return DeadMail(Notice(ticket.id if ticket else "x"), code, "It was so.", NOW, ticket)


def told(mail: DeadMail, settings: NoticeSettings = SETTINGS, *fields: Field) -> dict[str, Errand]:
    errands = on_dead(mail, settings, lambda _: Header(fields, is_whole=True))
    return {errand.to: errand for errand in errands}


EVERYBODY = ["scan@contoso.com", "it@contoso.com", "noc@fabrikam.com"]


def test_sender_and_operators_are_told() -> None:
    assert EVERYBODY == list(told(a_dead(a_ticket())))


def test_a_sender_of_automatic_mail_is_not_told_but_the_operators_are() -> None:
    assert EVERYBODY[1:] == list(
        told(a_dead(a_ticket()), SETTINGS, a_field("Auto-Submitted", "auto-generated"))
    )


def test_a_sender_is_not_told_when_nobody_knows_the_whole_header() -> None:
    errands = on_dead(a_dead(a_ticket()), SETTINGS, lambda _: Header((), is_whole=False))

    assert EVERYBODY[1:] == [errand.to for errand in errands]


def test_a_sender_whose_mail_is_lost_is_told() -> None:
    errands = on_dead(a_dead(a_ticket(), "content-lost"), SETTINGS, lambda _: None)

    assert EVERYBODY == [errand.to for errand in errands]


def test_an_operator_who_sent_the_mail_is_told_once() -> None:
    mail = a_dead(a_ticket(sender="IT@contoso.com"))
    errands = on_dead(mail, SETTINGS, lambda _: Header((), is_whole=True))

    assert ["IT@contoso.com", "noc@fabrikam.com"] == [errand.to for errand in errands]


def test_of_what_is_no_ticket_the_operators_are_told() -> None:
    assert EVERYBODY[1:] == list(told(a_dead(None, "bad-ticket")))


LABELS = st.sampled_from(["", "relay", "scanner-2f"])
PATHS = st.sampled_from([*HEARS, *HEARS_NOT, "it@contoso.com", "relay@contoso.com"])
CODES = st.sampled_from(["gave-up", "ErrorInvalidUser", "unknown-identity", "content-lost", "?"])
FIELDS = st.lists(
    st.sampled_from([a_field(*field) for field in AUTOMATIC + NOT_AUTOMATIC]), max_size=2
).map(tuple)
HEADERS = st.one_of(st.none(), st.builds(Header, FIELDS, st.booleans()))
MAILS = st.builds(
    lambda device, site, path, seal: a_ticket(
        device=device,
        site=site,
        sender=path,
        send_as=SendAs(mailbox="scan@contoso.com", sealed=seal),
    ),
    LABELS,
    LABELS,
    PATHS,
    st.sampled_from([None, "a.b.c"]),
)
ANY_SETTINGS = st.builds(
    NoticeSettings,
    st.lists(st.sampled_from(["it@contoso.com", "scan@contoso.com"]), unique=True).map(tuple),
    st.sampled_from([frozenset(), DOMAINS]),
    st.sampled_from(["", "relay@contoso.com"]),
)


@given(MAILS, CODES, CODES, ANY_SETTINGS, HEADERS, HEADERS)
def test_no_notice_leads_to_another(
    ticket: Ticket,
    code: str,
    code_of_notice: str,
    settings: NoticeSettings,
    header: Header | None,
    header_of_notice: Header | None,
) -> None:
    errands = list(on_dead(a_dead(ticket, code), settings, lambda _: header))
    for errand in [*errands, *([in_one(errands)] if errands else [])]:
        notice = ticket_of(errand.mail(), NOW)

        assert is_own(notice)
        assert [] == list(
            on_dead(a_dead(notice, code_of_notice), settings, lambda _: header_of_notice)
        )


@given(ANY_SETTINGS, CODES)
def test_no_mail_of_an_alarm_leads_to_a_notice(settings: NoticeSettings, code: str) -> None:
    alarm = Alarm(AlarmKey("default", "AADSTS7000222"), "It has expired.", NOW, NOW)
    news = news_of_alarm(alarm, NOW)

    assert news is not None
    for errand in on_alarm(news, [], settings):
        notice = ticket_of(errand.mail(), NOW)

        assert [] == list(on_dead(a_dead(notice, code), settings, lambda _: None))


@given(MAILS, ANY_SETTINGS, HEADERS)
def test_a_sender_is_told_only_when_everything_allows_it(
    ticket: Ticket, settings: NoticeSettings, header: Header | None
) -> None:
    path = ticket.envelope.reverse_path
    errands = on_dead(a_dead(ticket), settings, lambda _: header)
    reports = [errand for errand in errands if b"multipart/report" in errand.mail().octets]

    assert all(path in [*HEARS, "it@contoso.com", "relay@contoso.com"] for _ in reports)
    assert all(path == report.to for report in reports)
    assert not reports or settings.domains
    if header is not None and any(field.raw for field in header.fields):
        assert not reports or not is_automatic(list(header.fields))


def test_a_notice_has_the_same_id_whenever_it_is_told() -> None:
    ticket = a_ticket()
    later = DeadMail(Notice(ticket.id), "gave-up", "?", NOW + timedelta(days=1), ticket)

    one = {errand.mail().id for errand in told(a_dead(ticket)).values()}
    other = {errand.mail().id for errand in told(later).values()}
    again = {
        errand.mail().id
        for errand in told(DeadMail(Notice(ticket.id, 1), "gave-up", "?", NOW, ticket)).values()
    }

    assert one == other
    assert 3 == len(one)
    assert not one & again
