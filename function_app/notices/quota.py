"""A few notices an hour tell what happens; a hundred hide it.

An addressee gets so many single notices in an hour; whatever else there is goes into one digest a
round. Whoever was granted a single notice keeps it, so that a round that is repeated after a crash
tells the same in the same way.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from azure.core.exceptions import ResourceNotFoundError

from handoff.storage import Storage

MOST_SINGLE = 5
PERIOD = timedelta(hours=1)
PARTITION = "notice-quota"


def grants(
    ids: Iterable[str], earlier: Mapping[str, datetime], now: datetime
) -> dict[str, datetime]:
    """Whose turn it is, and since when: those of `earlier`, and of `ids` as many as fit. Pure."""
    granted = {id_: at for id_, at in earlier.items() if now - at < PERIOD}
    for id_ in ids:
        if len(granted) < MOST_SINGLE:
            granted.setdefault(id_, now)
    return granted


def singles(addressee: str, ids: Iterable[str], storage: Storage, now: datetime) -> frozenset[str]:
    """Which of `ids` are told to `addressee` singly. Written down before anything is told."""
    row = {
        "PartitionKey": PARTITION,
        "RowKey": hashlib.sha256(addressee.encode("utf-8", "replace")).hexdigest(),
    }
    try:
        text = storage.status.get_entity(row["PartitionKey"], row["RowKey"])["granted"]
    except ResourceNotFoundError:
        text = "{}"
    earlier = {id_: datetime.fromisoformat(at) for id_, at in json.loads(text).items()}
    granted = grants(ids, earlier, now)
    record = {id_: at.isoformat() for id_, at in granted.items()}
    storage.status.upsert_entity(row | {"granted": json.dumps(record), "at": now})
    return frozenset(granted)
