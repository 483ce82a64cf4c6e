"""What is still to be posted to the webhook: rows of table `status`, removed when it took them.

An event is tried in the next round and then in growing pauses. After a day it is given up, with an
ERROR in the log; by then somebody should have read the others.
"""

import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from function_app.log import log
from function_app.notices.news import Digest, News
from function_app.notices.quota import singles
from function_app.notices.rows import Row, remove, write
from function_app.notices.settings import Endpoint
from function_app.notices.webhook import Answer, body_of, body_of_digest, send
from handoff.storage import Storage

MOST_A_ROUND = 256
GIVE_UP_AFTER = timedelta(hours=24)
_PARTITION = "notice-event"
_ADDRESSEE = "webhook"
_FIRST_PAUSE = timedelta(minutes=4)
"""Shorter than the time between two rounds, or every second one would come too early."""
_LONGEST_PAUSE = timedelta(hours=1)
_DOUBLINGS = 4
_MOMENTS = ("at", "since")


@dataclass(frozen=True)
class _Waiting:
    """An event, and how often it was tried."""

    news: News
    noted_at: datetime
    tries: int


def note(news: Iterable[News], storage: Storage, now: datetime) -> None:
    """Have `news` posted. Noted twice, it is posted once, unless it went between the two."""
    write((_row_of(_Waiting(one, now, 0), now) for one in news), storage)


def post_due(endpoint: Endpoint | None, storage: Storage, now: datetime) -> None:
    """Post what is due; give up what has waited for too long."""
    due = list(_due(storage, now))
    left = _in_bodies(due, storage, now)
    while left and endpoint is not None and endpoint.url:
        several = left.pop(0)
        answer = send(_body_of(several), endpoint, now)
        if answer is Answer.TAKEN:
            remove(map(_key_of, several), storage)
        else:
            _put_off(several, storage, now)
        if answer is Answer.ABSENT:
            break
    for several in left:
        _give_up_old(several, storage, now)


def pause_after(tries: int) -> timedelta:
    """How long an event rests that was tried so often. Pure."""
    return min(_FIRST_PAUSE * (1 << min(tries - 1, _DOUBLINGS)), _LONGEST_PAUSE)


def _in_bodies(due: Sequence[_Waiting], storage: Storage, now: datetime) -> list[list[_Waiting]]:
    """`due` in groups, each of which is one request."""
    if not due:
        return []
    alone = singles(_ADDRESSEE, [one.news.id for one in due], storage, now)
    rest = [one for one in due if one.news.id not in alone]
    return [[one] for one in due if one.news.id in alone] + ([rest] if rest else [])


def _body_of(several: Sequence[_Waiting]) -> bytes:
    if len(several) == 1:
        return body_of(several[0].news)
    return body_of_digest(Digest.of([one.news for one in several]))


def _put_off(several: Iterable[_Waiting], storage: Storage, now: datetime) -> None:
    young = _give_up_old(several, storage, now)
    again = [replace(one, tries=one.tries + 1) for one in young]
    write((_row_of(one, now + pause_after(one.tries)) for one in again), storage)


def _give_up_old(several: Iterable[_Waiting], storage: Storage, now: datetime) -> list[_Waiting]:
    """What of `several` is still worth a try."""
    old = [one for one in several if now - one.noted_at >= GIVE_UP_AFTER]
    for one in old:
        log("webhook-gave-up", logging.ERROR, id=one.news.id, about=one.news.about)
    remove((_key_of(one) for one in old), storage)
    return [one for one in several if one not in old]


def _due(storage: Storage, now: datetime) -> Iterable[_Waiting]:
    found = storage.status.query_entities(
        "PartitionKey eq @partition and due_at le @now",
        parameters={"partition": _PARTITION, "now": now},
        results_per_page=MOST_A_ROUND,
    )
    for row in islice(found, MOST_A_ROUND):
        try:
            yield _Waiting(_news_of(row["news"]), row["noted_at"], row["tries"])
        except (ValueError, LookupError, TypeError):  # of another version
            log("webhook-gave-up", logging.ERROR, id=row["RowKey"])
            storage.status.delete_entity(row)


def _news_of(text: str) -> News:
    record = json.loads(text)
    moments = {name: datetime.fromisoformat(record[name]) for name in _MOMENTS}
    return News(**record | moments)


def _row_of(waiting: _Waiting, due_at: datetime) -> Row:
    news = waiting.news
    record = asdict(news) | {name: getattr(news, name).isoformat() for name in _MOMENTS}
    return {
        **_key_of(waiting),
        "news": json.dumps(record),
        "noted_at": waiting.noted_at,
        "tries": waiting.tries,
        "due_at": due_at,
    }


def _key_of(waiting: _Waiting) -> Row:
    # Rows come in the order of their keys, and alarms matter most.
    rank = 1 if waiting.news.event == "dead" else 0
    return {"PartitionKey": _PARTITION, "RowKey": f"{rank}-{waiting.news.id}"}
