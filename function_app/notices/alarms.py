"""Faults that stay until an administrator acts: one alarm each, for the whole app.

An alarm is a row of table `status`, raised by an atomic insert, so that of a thousand mails that
wait for one wrong secret only the first makes a noise. The next success with the same identity
and mailbox clears it. Nobody is told from here but the log: the timer's round does the rest.

Nothing in this room raises: a mail must not suffer from the telling of its fault.
"""

import hashlib
import logging
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from threading import Lock

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)

from function_app.log import log
from function_app.mime.addresses import normal
from handoff.alarms import PARTITION
from handoff.storage import Storage
from handoff.ticket import SendAs

MOST_READ = 2_000
_PAGE = 1_000
_FRESH = timedelta(minutes=1)
"""For so long a process does not write again what it has just written, or read."""
_MOST_REMEMBERED = 1_000
_LONGEST_SENTENCE = 2_000
_LONGEST_CODE = 150
_NEVER = datetime(2000, 1, 1, tzinfo=UTC)
_OF_IDENTITY = re.compile(r"AADSTS\d+|token-.*|InvalidAuthenticationToken|http-401")
_NO_DRAFTS = "may-not-draft"
"""Of large mail alone: small mail goes all the same."""
_NO_NAME = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(frozen=True)
class AlarmKey:
    """What there is one alarm of."""

    identity: str
    """The sending identity; "" for the function app itself."""
    code: str
    mailbox: str = ""
    """ "" when the fault is of no single mailbox."""
    about: str = ""
    """What else there is one alarm of: a site, or a device."""

    @property
    def name(self) -> str:
        """The row's key, and the name in the log: it tells no address."""
        about = f".{self.about}" if self.about else ""
        name = _NO_NAME.sub("-", f"{self.identity or 'app'}.{self.code}{about}")
        if not self.mailbox:
            return name
        return f"{name}.{hashlib.sha256(self.mailbox.encode('utf-8', 'replace')).hexdigest()[:12]}"

    def is_disproved_by(self, send_as: SendAs, *, by_draft: bool) -> bool:
        """Whether a mail that was sent so shows that all is well."""
        return self == key_of(send_as, self.code) and (by_draft or self.code != _NO_DRAFTS)


def key_of(send_as: SendAs, code: str) -> AlarmKey:
    """The alarm of a mail that was deferred with `code`."""
    is_of_identity = _OF_IDENTITY.fullmatch(code) and send_as.sealed is None
    mailbox = "" if is_of_identity else normal(send_as.mailbox)
    return AlarmKey(send_as.identity.lower(), code[:_LONGEST_CODE], mailbox)


@dataclass(frozen=True)
class Alarm:
    """A row. It is over when it was cleared after it was last seen."""

    key: AlarmKey
    sentence: str
    raised_at: datetime
    seen_at: datetime
    cleared_at: datetime | None = None
    told_at: datetime | None = None
    etag: str = ""

    @property
    def is_over(self) -> bool:
        return self.cleared_at is not None and self.cleared_at > self.seen_at


class Alarms:
    """The alarms of the app, as one process sees them. Safe to share between threads."""

    def __init__(self, storage: Storage, now: Callable[[], datetime]) -> None:
        self._storage = storage
        self._now = now
        self._lock = Lock()
        self._written: dict[AlarmKey, datetime] = {}
        self._open: frozenset[AlarmKey] = frozenset()
        self._open_as_of: datetime | None = None

    def raise_alarm(self, key: AlarmKey, sentence: str) -> None:
        """Note that `key` is wrong now; `sentence` tells an administrator what to do."""
        now = self._now()
        if not self._is_news(key, now):
            return
        seen = {"sentence": sentence[:_LONGEST_SENTENCE], "seen_at": now}
        try:
            self._storage.status.create_entity(_row(key) | asdict(key) | {"raised_at": now} | seen)
        except ResourceExistsError:
            self._change(key, seen)
            return
        except AzureError:
            # Whoever cannot be told by the table may still read the log.
            log("alarm-unwritten", logging.WARNING, alarm=key.name)
        log("alarm", logging.ERROR, alarm=key.name, identity=key.identity, code=key.code)

    def clear(self, key: AlarmKey) -> None:
        """Note that `key` is right now, if an alarm says otherwise."""
        with self._lock:
            self._written.pop(key, None)
            self._open -= {key}
        self._change(key, {"cleared_at": self._now()})

    def has_sent(self, send_as: SendAs, *, by_draft: bool) -> None:
        """Clear what a mail disproves that was sent so, by way of a draft or not."""
        for key in self._known_open():
            if key.is_disproved_by(send_as, by_draft=by_draft):
                self.clear(key)

    def _is_news(self, key: AlarmKey, now: datetime) -> bool:
        with self._lock:
            written_at = self._written.get(key)
            if written_at is not None and now - written_at < _FRESH:
                return False
            if len(self._written) >= _MOST_REMEMBERED:
                self._written.clear()
            self._written[key] = now
            self._open |= {key}
            return True

    def _known_open(self) -> frozenset[AlarmKey]:
        now = self._now()
        with self._lock:
            is_stale = self._open_as_of is None or now - self._open_as_of >= _FRESH
            if is_stale:
                self._open_as_of = now
        if is_stale:  # one thread reads; the others do not wait for it
            self._read_open()
        with self._lock:
            return self._open

    def _read_open(self) -> None:
        try:
            open_ = frozenset(alarm.key for alarm in found(self._storage) if not alarm.is_over)
        except AzureError:
            log("alarms-unread", logging.WARNING)
            return
        with self._lock:
            self._open = open_

    def _change(self, key: AlarmKey, columns: dict[str, object]) -> None:
        try:
            self._storage.status.update_entity(_row(key) | columns)
        except ResourceNotFoundError:
            return
        except AzureError:
            log("alarm-unwritten", logging.WARNING, alarm=key.name)


def found(storage: Storage) -> list[Alarm]:
    """All alarms that there are."""
    rows = storage.status.query_entities(
        "PartitionKey eq @partition",
        parameters={"partition": PARTITION},
        results_per_page=_PAGE,
    )
    return [
        Alarm(
            key=AlarmKey(row["identity"], row["code"], row["mailbox"], row.get("about", "")),
            sentence=row["sentence"],
            raised_at=row["raised_at"],
            seen_at=row["seen_at"],
            cleared_at=row.get("cleared_at"),
            told_at=row.get("told_at"),
            etag=str(row.metadata["etag"]),
        )
        for row in islice(rows, MOST_READ)
    ]


def note_told(alarm: Alarm, storage: Storage, now: datetime) -> None:
    storage.status.update_entity(_row(alarm.key) | {"told_at": now})


def end(alarm: Alarm, storage: Storage) -> None:
    """Remove the row of an alarm that is over. If it was raised meanwhile, it is told anew."""
    try:
        storage.status.delete_entity(
            _row(alarm.key), etag=alarm.etag, match_condition=MatchConditions.IfNotModified
        )
    except ResourceModifiedError:
        note_told(alarm, storage, _NEVER)


def _row(key: AlarmKey) -> dict[str, object]:
    return {"PartitionKey": PARTITION, "RowKey": key.name}
