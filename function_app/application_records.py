"""When client secrets end, as the applications' own records say. Each is asked for once a day.

An identity asks with its own right, Application.Read.All. One that may not is told of once, and
what the administrator has configured counts. What was learned stands in table `status`.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from function_app.identities import CLIENT_SECRET, Identity
from function_app.log import log
from function_app.providers.entra import secret_of
from function_app.providers.graph.application_record import NotShown, SecretShown, end_of
from function_app.providers.graph.calls import CallFailed
from function_app.providers.token_faults import TokenUnavailable
from handoff.application_records import RecordSeen, read_record, write_record
from handoff.storage import Storage

_DAILY = timedelta(days=1)
_AFTER_FAULT = timedelta(hours=1)
Ask = Callable[[Identity], Sequence[SecretShown] | NotShown | None]


class Records:
    """Storage faults pass through."""

    def __init__(self, storage: Storage, ask: Ask, now: Callable[[], datetime]) -> None:
        self._status = storage.status
        self._ask = ask
        self._now = now

    def secret_ends_at(self, identity: Identity) -> datetime | None:
        """When the client secret of `identity` ends; None when nobody knows."""
        if identity.credential != CLIENT_SECRET:
            return None
        now = self._now()
        seen = read_record(self._status, identity.name)
        if seen is None or seen.client_id != identity.client_id:
            seen = RecordSeen(identity.client_id, now)
        if seen.ask_at <= now:
            seen = self._learn(identity, seen, now)
            write_record(self._status, identity.name, seen)
        return seen.ends_at or identity.expires

    def _learn(self, identity: Identity, seen: RecordSeen, now: datetime) -> RecordSeen:
        try:
            shown = self._ask(identity)
            secret = secret_of(identity)
        except (CallFailed, TokenUnavailable):
            shown = None  # the mails of this identity tell of it
        if shown is None:
            return replace(seen, ask_at=now + _AFTER_FAULT)
        learned = RecordSeen(identity.client_id, now + _DAILY)
        if not isinstance(shown, NotShown):
            return replace(learned, ends_at=end_of(shown, secret, now))
        if seen.code != shown.code:
            _tell(identity, shown)
        return replace(learned, code=shown.code)


def _tell(identity: Identity, refused: NotShown) -> None:
    log(
        "record-not-shown",
        logging.INFO if identity.expires else logging.WARNING,
        identity=identity.name,
        code=refused.code,
        counts="CLIENT_SECRET_EXPIRES" if identity.expires else "nothing",
    )
