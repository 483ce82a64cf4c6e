"""When the function app got the access tokens that it uses: a row of table `status` an identity."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from azure.core.exceptions import AzureError
from azure.data.tables import TableClient

PARTITION = "token"
_MOST = 500


@dataclass(frozen=True)
class Refresh:
    """The last time that an identity was given a new token."""

    at: datetime
    ends_at: datetime


def note_refresh(status: TableClient, identity: str, refresh: Refresh) -> None:
    """For who watches. A storage account that does not take it is no reason not to send."""
    row = {"PartitionKey": PARTITION, "RowKey": identity}
    try:
        status.upsert_entity(row | {"at": refresh.at, "ends_at": refresh.ends_at})
    except AzureError:
        return


def read_refreshes(status: TableClient) -> Mapping[str, Refresh]:
    """By the identity's name."""
    rows = status.query_entities(
        "PartitionKey eq @partition", parameters={"partition": PARTITION}, results_per_page=_MOST
    )
    return {row["RowKey"]: Refresh(row["at"], row["ends_at"]) for row in islice(rows, _MOST)}
