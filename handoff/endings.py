"""What ends of the function app's own, as its timer notes it: rows of table `status`."""

from collections.abc import Mapping
from datetime import datetime
from itertools import islice

from azure.data.tables import TableClient

PARTITION = "expiry"
_MOST = 500


def note_ending(status: TableClient, name: str, expires_at: datetime, now: datetime) -> None:
    """`name` is `identity.kind`."""
    row = {"PartitionKey": PARTITION, "RowKey": name}
    status.upsert_entity(row | {"expires_at": expires_at, "at": now})


def read_endings(status: TableClient) -> Mapping[str, datetime]:
    """When each of the function app's credentials ends, by `identity.kind`."""
    rows = status.query_entities(
        "PartitionKey eq @partition", parameters={"partition": PARTITION}, results_per_page=_MOST
    )
    return {row["RowKey"]: row["expires_at"] for row in islice(rows, _MOST)}
