"""What the application of an identity is known to say of its secret: rows of table `status`."""

from dataclasses import dataclass
from datetime import datetime

from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableClient, UpdateMode

PARTITION = "application"


@dataclass(frozen=True)
class RecordSeen:
    """What was learned of one application, and when to look again."""

    client_id: str
    ask_at: datetime
    ends_at: datetime | None = None
    """Of the secret."""
    code: str = ""
    """Why the record is not shown."""


def read_record(status: TableClient, identity: str) -> RecordSeen | None:
    try:
        row = status.get_entity(PARTITION, identity)
    except ResourceNotFoundError:
        return None
    return RecordSeen(row["client_id"], row["ask_at"], row.get("ends_at"), row["code"])


def write_record(status: TableClient, identity: str, seen: RecordSeen) -> None:
    columns = {"client_id": seen.client_id, "ask_at": seen.ask_at, "code": seen.code}
    if seen.ends_at is not None:
        columns["ends_at"] = seen.ends_at
    row = {"PartitionKey": PARTITION, "RowKey": identity} | columns
    status.upsert_entity(row, mode=UpdateMode.REPLACE)
