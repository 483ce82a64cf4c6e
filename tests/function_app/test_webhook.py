"""What is posted to an operator's web server, and what happens when that does not take it."""

import hashlib
import logging
import re
import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from function_app.notices import events
from function_app.notices.news import News
from function_app.notices.settings import Endpoint, NoticeSettings
from function_app.notices.tell import tell
from function_app.notices.webhook import signature
from function_app.outcome import Rejected
from tests.builders import MAIL
from tests.function_app.deaths import dies, rows
from tests.function_app.desk import Desk
from tests.function_app.desk import events as logged
from tests.function_app.hook import TOKEN, Hook, Posted

SECRET = "the-secret-of-the-webhook"
DOCS = Path(__file__).parents[2] / "docs" / "notices.md"


def settings(hook: Hook, secret: str = SECRET) -> NoticeSettings:
    return NoticeSettings(webhook=Endpoint(hook.url, secret))


def news(number: int = 0, **changes: Any) -> News:
    now = datetime.now(UTC)
    return News(
        f"news-{number:03}", "dead", now, now, f"mail-{number}", "gave-up", "s", "t", **changes
    )


def noted(desk: Desk, *several: News) -> None:
    events.note(several, desk.storage, desk.now)


def posted(desk: Desk, hook: Hook, after: timedelta = timedelta(0)) -> list[tuple[str, str]]:
    """What a round some time later posts, whether it is taken or not."""
    desk.now += after
    before = len(hook.posted)
    events.post_due(Endpoint(hook.url), desk.storage, desk.now)
    return [(post.event["event"], post.event["id"]) for post in hook.posted[before:]]


def test_a_dead_mail_is_posted(desk: Desk, hook: Hook) -> None:
    ticket = dies(desk)

    tell(desk.storage, settings(hook), desk.now)

    (post,) = hook.posted
    assert f"/hooks/{TOKEN}?key={TOKEN}" == post.path
    assert "application/json" == post.headers["content-type"]
    assert {
        "v": 1,
        "event": "dead",
        "id": f"{ticket.id}-0",
        "at": desk.now.isoformat(),
        "text": f"Mail {ticket.id} was not sent: Exchange does not take a recipient.",
        "mail": ticket.id,
        "generation": 0,
        "site": "plant-2",
        "device": "scanner-2f",
        "mailbox": "scan@contoso.com",
        "recipients": 1,
        "code": "ErrorInvalidRecipients",
        "status": "5.1.3",
        "reason": "Exchange does not take a recipient.",
    } == post.event
    assert 0 == rows(desk, "notice-event")


def test_nothing_of_the_mail_and_no_secret_is_posted(desk: Desk, hook: Hook) -> None:
    dies(desk, desk.a_ticket(MAIL.replace(b"Scan\r\n", b"Top secret\r\n")))

    tell(desk.storage, settings(hook), desk.now)

    said = str(hook.posted[0])
    assert all(word not in said for word in ("Top secret", "Hello", "one@contoso.com", SECRET))


def is_signed(post: Posted, secret: str) -> bool:
    """HMAC as RFC 2104 has it, from hashes alone."""
    found = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", post.headers["x-relay-signature"])
    assert found is not None
    key = secret.encode().ljust(64, b"\0")
    inner = hashlib.sha256(bytes(octet ^ 0x36 for octet in key))
    inner.update(found[1].encode() + b"." + post.body)
    outer = hashlib.sha256(bytes(octet ^ 0x5C for octet in key) + inner.digest())
    return outer.hexdigest() == found[2]


def test_a_post_is_signed(desk: Desk, hook: Hook) -> None:
    dies(desk)

    tell(desk.storage, settings(hook), desk.now)

    (post,) = hook.posted
    assert is_signed(post, SECRET)
    assert not is_signed(post, SECRET + "x")
    assert not is_signed(replace(post, body=post.body + b" "), SECRET)


def test_the_documented_way_to_verify_works(desk: Desk, hook: Hook) -> None:
    snippet = re.search(r"```python\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    assert snippet is not None
    names: dict[str, Any] = {}
    exec(snippet[1], names)  # the documentation is the test's own source
    dies(desk)

    tell(desk.storage, settings(hook), desk.now)

    post = hook.posted[0]
    given = post.headers["x-relay-signature"]
    old = signature(post.body, SECRET, datetime.fromtimestamp(time.time() - 600, UTC))
    assert names["is_from_relay"](given, post.body, SECRET)
    assert not names["is_from_relay"](given, post.body + b" ", SECRET)
    assert not names["is_from_relay"](given, post.body, "another")
    assert not names["is_from_relay"](old, post.body, SECRET)


def test_without_a_secret_nothing_is_signed(desk: Desk, hook: Hook) -> None:
    dies(desk)

    tell(desk.storage, settings(hook, secret=""), desk.now)

    assert "x-relay-signature" not in hook.posted[0].headers


def test_what_is_not_taken_comes_again_in_growing_pauses(desk: Desk, hook: Hook) -> None:
    noted(desk, news())
    hook.answers = [503] * 100
    five = timedelta(minutes=5)

    tried = [bool(posted(desk, hook, five)) for _ in range(24)]

    assert [0, 1, 3, 7, 14] == [number for number, is_tried in enumerate(tried) if is_tried][:5]


OUTAGES = {"busy": 503, "gone": 0, "too often": 429}


@pytest.mark.parametrize("answer", OUTAGES.values(), ids=OUTAGES)
def test_an_outage_is_met_once_a_round(desk: Desk, hook: Hook, answer: int) -> None:
    noted(desk, *map(news, range(4)))
    hook.answers = [answer]

    first, second = posted(desk, hook), posted(desk, hook, timedelta(minutes=5))

    assert [("dead", "news-000")] == first
    assert [("dead", f"news-00{number}") for number in range(4)] == second
    assert 0 == rows(desk, "notice-event")


def test_a_refused_event_is_in_nobodys_way(desk: Desk, hook: Hook) -> None:
    noted(desk, *map(news, range(3)))
    hook.answers = [400]

    assert 3 == len(posted(desk, hook))
    assert [("dead", "news-000")] == posted(desk, hook, timedelta(minutes=5))


def test_a_redirect_is_not_followed(desk: Desk, hook: Hook) -> None:
    noted(desk, news())
    hook.answers = [302]

    posted(desk, hook)

    assert 1 == len(hook.posted)
    assert 1 == rows(desk, "notice-event")


def test_after_a_day_it_is_given_up(
    desk: Desk, hook: Hook, caplog: pytest.LogCaptureFixture
) -> None:
    noted(desk, news())
    hook.answers = [503] * 100
    posted(desk, hook)

    posted(desk, hook, timedelta(hours=23))
    assert 1 == rows(desk, "notice-event")
    posted(desk, hook, timedelta(hours=2))

    (gave_up,) = [event for event in logged(caplog) if event["event"] == "webhook-gave-up"]
    assert ("news-000", "mail-0") == (gave_up["id"], gave_up["about"])
    assert logging.ERROR in [record.levelno for record in caplog.records]
    assert 0 == rows(desk, "notice-event")


def test_what_was_never_tried_is_tried_before_it_is_given_up(desk: Desk, hook: Hook) -> None:
    noted(desk, news())

    assert [("dead", "news-000")] == posted(desk, hook, timedelta(days=3))


@pytest.mark.parametrize("endpoint", [None, Endpoint()])
def test_without_an_address_events_wait_a_day(desk: Desk, endpoint: Endpoint | None) -> None:
    noted(desk, news())

    events.post_due(endpoint, desk.storage, desk.now + timedelta(hours=23))
    assert 1 == rows(desk, "notice-event")
    events.post_due(endpoint, desk.storage, desk.now + timedelta(hours=24))
    assert 0 == rows(desk, "notice-event")


def test_many_events_are_one_post(desk: Desk, hook: Hook) -> None:
    noted(desk, *map(news, range(30)))

    found = posted(desk, hook)

    digest = hook.posted[-1].event
    assert ["dead"] * 5 + ["digest"] == [event for event, _ in found]
    assert (25, {"gave-up": 25}, {"s": 25}) == (digest["count"], digest["codes"], digest["origins"])
    assert [f"mail-{number}" for number in range(5, 15)] == digest["first"]
    assert [] == posted(desk, hook)


def test_an_event_of_another_version_is_in_nobodys_way(
    desk: Desk, hook: Hook, caplog: pytest.LogCaptureFixture
) -> None:
    noted(desk, news(0), news(1))
    row = {"PartitionKey": "notice-event", "RowKey": "1-news-000", "news": '{"colour": "red"}'}
    desk.storage.status.update_entity(row)

    assert [("dead", "news-001")] == posted(desk, hook)
    assert ["webhook-gave-up"] == [event["event"] for event in logged(caplog)]
    assert 0 == rows(desk, "notice-event")


def test_an_alarm_is_posted_before_all_dead_mails(desk: Desk, hook: Hook) -> None:
    noted(desk, *map(news, range(6)), replace(news(99), event="alarm"))

    assert ("alarm", "news-099") == posted(desk, hook)[0]


def test_the_address_is_in_no_log(desk: Desk, hook: Hook, caplog: pytest.LogCaptureFixture) -> None:
    where = Endpoint(hook.url, SECRET)
    nowhere = Endpoint(f"http://127.0.0.1:9/{TOKEN}", SECRET)
    with ExitStack() as stack:
        for name in (None, "relay", "requests"):
            stack.enter_context(caplog.at_level(logging.DEBUG, name))
        hook.answers = [500, 0, 400]
        noted(desk, news())
        for endpoint in (where, where, where, nowhere, where):
            desk.now += timedelta(hours=1)
            events.post_due(endpoint, desk.storage, desk.now)

    assert 4 == len(hook.posted)
    assert "webhook-failed" in caplog.text
    assert TOKEN not in caplog.text
    assert SECRET not in caplog.text


def test_the_address_is_in_no_repr(hook: Hook) -> None:
    assert TOKEN not in repr(settings(hook))
    assert SECRET not in repr(settings(hook))


def test_an_outage_of_the_webhook_delays_no_mail(desk: Desk, hook: Hook) -> None:
    dies(desk, outcome=Rejected("gave-up", "It was late."))
    hook.answers = [0]

    tell(desk.storage, replace(settings(hook), operators=("it@contoso.com",)), desk.now)

    assert desk.taken() is not None
    assert (0, 1) == (rows(desk, "notice"), rows(desk, "notice-event"))
