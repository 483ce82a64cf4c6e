"""When an alarm is told, to whom, and by which way."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from function_app.means import Means
from function_app.notices import alarms, events
from function_app.notices.alarm_news import FORGET_AFTER, MISCONFIGURED, lets_send, news_of
from function_app.notices.alarms import Alarm, AlarmKey, Alarms, found, key_of
from function_app.notices.settings import Endpoint, NoticeSettings
from function_app.notices.tell import tell
from handoff.ledger import State
from handoff.ticket import SendAs
from local.graph_simulator.client import SimulatorClient
from tests.builders import NOW
from tests.function_app.deaths import OPERATOR, SETTINGS, addressees, octets_of, round_
from tests.function_app.desk import (
    APPLICATION,
    BY_SECRET,
    SECRET,
    TENANT,
    Desk,
    delivered,
)
from tests.function_app.faults import DENIED, EXPIRED, SCAN, meets
from tests.function_app.hook import Hook, a_hook

NOBODY = NoticeSettings()


@pytest.fixture
def hook() -> Iterator[Hook]:
    with a_hook() as hook:
        yield hook


def told(desk: Desk, hook: Hook, settings: NoticeSettings = NOBODY) -> list[str]:
    """Events that one round posts."""
    before = len(hook.posted)
    tell(desk.storage, replace(settings, webhook=Endpoint(hook.url)), desk.now)
    return [post.event["event"] for post in hook.posted[before:]]


def test_an_alarm_is_told_once_and_again_after_a_day_and_when_it_is_over(
    desk: Desk, hook: Hook
) -> None:
    meets(desk, DENIED)
    assert ["alarm"] == told(desk, hook)
    assert [] == told(desk, hook)
    desk.now += timedelta(hours=23)
    meets(desk, DENIED)
    assert [] == told(desk, hook)
    desk.now += timedelta(hours=1)
    assert ["alarm"] == told(desk, hook)
    meets(desk)

    assert ["alarm-over"] == told(desk, hook)
    assert [] == told(desk, hook)
    assert [] == found(desk.storage)
    assert 3 == len({post.event["id"] for post in hook.posted})


def test_an_alarm_says_what_to_do(desk: Desk, hook: Hook) -> None:
    meets(desk, DENIED)
    told(desk, hook)

    event = hook.posted[0].event
    assert {
        "alarm": found(desk.storage)[0].key.name,
        "identity": "default",
        "mailbox": "scan@contoso.com",
        "code": "ErrorAccessDenied",
        "since": desk.now.isoformat(),
        "reason": "Grant it Mail.Send.",
        "text": "ErrorAccessDenied of scan@contoso.com is wrong: Grant it Mail.Send.",
    } == {name: event[name] for name in event.keys() - {"v", "event", "id", "at"}}


def test_what_passed_between_two_rounds_is_not_told(desk: Desk, hook: Hook) -> None:
    meets(desk, DENIED)
    desk.now += timedelta(seconds=1)
    meets(desk)

    assert [] == told(desk, hook)
    assert [] == found(desk.storage)


def test_an_alarm_that_nobody_meets_any_more_is_forgotten(desk: Desk, hook: Hook) -> None:
    meets(desk, DENIED)
    told(desk, hook)
    desk.now += FORGET_AFTER

    assert [] == told(desk, hook)
    assert [] == found(desk.storage)


def test_an_alarm_that_is_raised_while_it_ends_is_told_anew(desk: Desk, hook: Hook) -> None:
    worker, key = Alarms(desk.storage, lambda: desk.now), key_of(SCAN, "ErrorAccessDenied")
    worker.raise_alarm(key, "?")
    told(desk, hook)
    desk.now += timedelta(minutes=1)
    worker.clear(key)
    (over,) = found(desk.storage)
    desk.now += timedelta(minutes=1)
    worker.raise_alarm(key, "?")

    alarms.end(over, desk.storage)

    assert [False] == [alarm.is_over for alarm in found(desk.storage)]
    assert ["alarm"] == told(desk, hook)


def test_operators_get_mail_when_another_mailbox_is_meant(desk: Desk) -> None:
    meets(desk, DENIED)

    (mail,) = round_(desk)

    assert ([OPERATOR], "relay@contoso.com") == (addressees([mail]), mail.send_as.mailbox)
    text = octets_of(desk, mail).decode()
    assert "Subject: Alarm: ErrorAccessDenied (scan@contoso.com)" in text
    assert "Grant it Mail.Send." in text


def test_when_the_identity_is_broken_the_webhook_hears_of_it(desk: Desk, hook: Hook) -> None:
    meets(desk, EXPIRED)

    assert ["alarm"] == told(desk, hook, SETTINGS)
    assert [] == round_(desk)


def test_when_it_works_again_there_is_mail(desk: Desk, hook: Hook) -> None:
    meets(desk, EXPIRED)
    told(desk, hook, SETTINGS)
    desk.now += timedelta(minutes=5)
    meets(desk)

    (mail,) = round_(desk)

    assert "Subject: Alarm over: AADSTS7000222 (default)" in octets_of(desk, mail).decode()


RELAY = SendAs(mailbox="relay@contoso.com")
IN_THE_WAY = {
    "of the identity": (AlarmKey("default", "AADSTS7000222"), False),
    "of the mailbox": (AlarmKey("default", "ErrorAccessDenied", "relay@contoso.com"), False),
    "of the settings": (MISCONFIGURED, False),
    "of another mailbox": (AlarmKey("default", "ErrorAccessDenied", "scan@contoso.com"), True),
    "of another identity": (AlarmKey("plant", "AADSTS7000222"), True),
}


@pytest.mark.parametrize(("key", "expected"), IN_THE_WAY.values(), ids=IN_THE_WAY)
def test_no_mail_is_written_that_cannot_get_through(key: AlarmKey, expected: bool) -> None:
    alarm = Alarm(key, "?", NOW, NOW)

    assert expected == lets_send([alarm], RELAY)
    assert lets_send([replace(alarm, cleared_at=NOW + timedelta(seconds=1))], RELAY)


def test_many_alarms_are_one_digest(desk: Desk, hook: Hook) -> None:
    worker = Alarms(desk.storage, lambda: desk.now)
    for number in range(20):
        worker.raise_alarm(AlarmKey("default", "ErrorAccessDenied", f"m{number}@contoso.com"), "?")

    assert ["alarm"] * 5 + ["digest"] == told(desk, hook, SETTINGS)
    assert 6 == len(round_(desk))


def test_a_told_alarm_that_could_not_be_noted_has_the_same_id_when_it_is_told_again() -> None:
    alarm = Alarm(AlarmKey("default", "AADSTS7000222"), "?", NOW, NOW)
    later = replace(alarm, seen_at=NOW + timedelta(minutes=5))

    first, again = news_of(alarm, NOW), news_of(later, NOW + timedelta(minutes=5))
    repeat = news_of(
        replace(later, told_at=NOW, seen_at=NOW + timedelta(days=1)), NOW + timedelta(days=1)
    )

    assert first is not None
    assert again is not None
    assert repeat is not None
    assert first.id == again.id != repeat.id


def test_an_expired_secret_is_an_alarm_until_it_is_renewed(
    desk: Desk, graph: SimulatorClient, hook: Hook, means_of: Callable[..., Means]
) -> None:
    settings = {"ENTRA_AUTHORITY": graph.entra} | BY_SECRET
    wrong = settings | {"IDENTITY__DEFAULT__CLIENT_SECRET": "another"}
    deferred = delivered(desk, means_of(**wrong))
    assert "AADSTS7000215" == deferred.code
    assert ["alarm"] == told(desk, hook)
    graph.know(TENANT, APPLICATION, SECRET)

    assert State.SENT is delivered(desk, means_of(**settings)).state

    desk.now += timedelta(minutes=5)
    assert ["alarm-over"] == told(desk, hook)
    assert SECRET not in str(hook.posted)


def test_events_wait_for_the_webhook_like_mails_do(desk: Desk, hook: Hook) -> None:
    meets(desk, EXPIRED)
    hook.answers = [503]
    told(desk, hook)
    desk.now += timedelta(minutes=5)

    events.post_due(Endpoint(hook.url), desk.storage, desk.now)

    assert 2 == len(hook.posted)
    assert 1 == len({post.event["id"] for post in hook.posted})
