"""Faults that stay until somebody acts: one alarm each, over with a success."""

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from function_app.notices.alarm_news import lets_send
from function_app.notices.alarms import AlarmKey, Alarms, found, key_of
from function_app.notices.settings import Endpoint, NoticeSettings
from function_app.notices.tell import tell
from function_app.outcome import Deferred
from handoff.ledger import State
from handoff.ticket import SendAs
from tests.function_app.desk import (
    Desk,
    ScriptedProvider,
    delivered,
)
from tests.function_app.desk import events as logged
from tests.function_app.faults import DENIED, EXPIRED, SCAN, meets

BUSY = Deferred("ErrorServerBusy", "It is busy.")


def alarm_logs(caplog: pytest.LogCaptureFixture) -> list[dict[str, str]]:
    return [event for event in logged(caplog) if event["event"] == "alarm"]


def test_a_configuration_fault_raises_one_alarm(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    meets(desk, *[DENIED] * 20)

    (alarm,) = found(desk.storage)
    assert AlarmKey("default", "ErrorAccessDenied", "scan@contoso.com") == alarm.key
    assert ("Grant it Mail.Send.", desk.now) == (alarm.sentence, alarm.raised_at)
    assert [("default", "ErrorAccessDenied")] == [
        (event["identity"], event["code"]) for event in alarm_logs(caplog)
    ]
    assert logging.ERROR in [record.levelno for record in caplog.records]


def test_a_thousand_mails_that_meet_one_fault_write_once_a_minute(desk: Desk) -> None:
    worker, key = Alarms(desk.storage, lambda: desk.now), key_of(SCAN, "ErrorAccessDenied")
    began, seen = desk.now, []
    for _ in range(8):
        worker.raise_alarm(key, "?")
        seen.append((found(desk.storage)[0].seen_at - began).total_seconds())
        desk.now += timedelta(seconds=20)

    assert [0, 0, 0, 60, 60, 60, 120, 120] == seen


def test_an_alarm_in_the_log_tells_no_address(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    meets(desk, DENIED)

    (event,) = alarm_logs(caplog)
    assert "@" not in str(event)
    assert found(desk.storage)[0].key.name == event["alarm"]


def test_workers_that_meet_a_fault_at_once_raise_one_alarm(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    several = [Alarms(desk.storage, lambda: desk.now) for _ in range(8)]
    key = key_of(SCAN, "AADSTS7000222")

    with ThreadPoolExecutor(8) as workers:
        list(workers.map(lambda one: one.raise_alarm(key, "It has expired."), several))

    assert 1 == len(found(desk.storage))
    assert 1 == len(alarm_logs(caplog))


def test_other_faults_raise_no_alarm(desk: Desk) -> None:
    meets(desk, BUSY)

    assert [] == found(desk.storage)


KEYS = {
    "AADSTS7000222": AlarmKey("default", "AADSTS7000222"),
    "token-invalid_client": AlarmKey("default", "token-invalid_client"),
    "InvalidAuthenticationToken": AlarmKey("default", "InvalidAuthenticationToken"),
    "http-401": AlarmKey("default", "http-401"),
    "ErrorAccessDenied": AlarmKey("default", "ErrorAccessDenied", "scan@contoso.com"),
    "MailboxNotEnabledForRESTAPI": AlarmKey(
        "default", "MailboxNotEnabledForRESTAPI", "scan@contoso.com"
    ),
}


@pytest.mark.parametrize(("code", "key"), KEYS.items())
def test_a_fault_is_of_the_identity_or_of_the_mailbox(code: str, key: AlarmKey) -> None:
    assert key == key_of(SendAs(mailbox="Scan@Contoso.com", identity="Default"), code)


def test_the_fault_of_a_clients_own_credential_is_its_own() -> None:
    own = SCAN.model_copy(update={"sealed": "a.b.c"})

    key = key_of(own, "AADSTS7000215")

    assert AlarmKey("default", "AADSTS7000215", "scan@contoso.com") == key
    assert key.is_disproved_by(own, by_draft=False)
    assert not key_of(SCAN, "AADSTS7000215").is_disproved_by(own, by_draft=False)


@pytest.mark.parametrize("code", ["a/b", "a#b?", "x" * 2_000, "\U0001f5a8", ""])
def test_any_code_has_a_name(desk: Desk, code: str) -> None:
    Alarms(desk.storage, lambda: desk.now).raise_alarm(key_of(SCAN, code), "€" * 5_000)

    assert [code[:150]] == [alarm.key.code for alarm in found(desk.storage)]
    tell(desk.storage, NoticeSettings(webhook=Endpoint()), desk.now)


def is_open(desk: Desk) -> bool:
    (alarm,) = found(desk.storage)
    return not alarm.is_over


def test_the_next_success_clears_it(desk: Desk) -> None:
    meets(desk, DENIED)
    assert is_open(desk)
    desk.now += timedelta(seconds=1)

    meets(desk)

    assert not is_open(desk)


def test_the_success_of_another_mailbox_clears_what_is_of_the_identity_only(desk: Desk) -> None:
    meets(desk, DENIED)
    meets(desk, EXPIRED)
    desk.now += timedelta(seconds=1)

    meets(desk, mailbox="other@contoso.com")

    left = [alarm.key.code for alarm in found(desk.storage) if not alarm.is_over]
    assert ["ErrorAccessDenied"] == left


def test_the_success_of_another_identity_clears_nothing(desk: Desk) -> None:
    meets(desk, EXPIRED)
    desk.now += timedelta(seconds=1)

    provider = ScriptedProvider()
    means = desk.means(provider, provider_of=lambda _: provider)
    delivered(desk, means, desk.a_ticket(identity="plant"))

    assert is_open(desk)


def test_a_small_mail_says_nothing_about_drafts(desk: Desk) -> None:
    worker, key = Alarms(desk.storage, lambda: desk.now), key_of(SCAN, "may-not-draft")
    worker.raise_alarm(key, "Grant it Mail.ReadWrite.")
    desk.now += timedelta(seconds=1)

    meets(desk)
    assert is_open(desk)
    assert lets_send(found(desk.storage), SCAN)
    provider = ScriptedProvider(draft="draft-1")
    delivered(desk, desk.means(provider), desk.a_ticket())

    assert not is_open(desk)


def test_a_fault_after_a_success_is_open_again(desk: Desk) -> None:
    worker = Alarms(desk.storage, lambda: desk.now)
    key = key_of(SCAN, "ErrorAccessDenied")
    for _ in range(3):
        worker.raise_alarm(key, "?")
        desk.now += timedelta(seconds=1)
        worker.has_sent(SCAN, by_draft=False)
        assert not is_open(desk)
        desk.now += timedelta(seconds=1)

    worker.raise_alarm(key, "?")

    assert is_open(desk)


def test_a_success_costs_no_request_while_all_is_well(desk: Desk) -> None:
    worker = Alarms(desk.storage, lambda: desk.now)
    worker.has_sent(SCAN, by_draft=False)
    Alarms(desk.storage, lambda: desk.now).raise_alarm(key_of(SCAN, "ErrorAccessDenied"), "?")
    desk.now += timedelta(seconds=30)
    worker.has_sent(SCAN, by_draft=False)
    assert is_open(desk)  # not looked at yet

    desk.now += timedelta(seconds=30)
    worker.has_sent(SCAN, by_draft=False)

    assert not is_open(desk)


def test_a_table_that_fails_hurts_no_mail(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.storage.status.delete_table()
    means = desk.means(ScriptedProvider([DENIED]))

    deferred, sent = delivered(desk, means), delivered(desk, means)

    assert (State.DEFERRED, State.SENT) == (deferred.state, sent.state)
    assert 1 == len(alarm_logs(caplog))
    assert "postponed" not in [event["event"] for event in logged(caplog)]
