"""The function app's settings as it shows them, without secrets: one row of table `status`.

The operator has no right to read app settings, and need not have it: the function app tells.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableClient

_PARTITION, _ROW = "function-app", "settings"
_MOST_CHARACTERS = 30_000
"""A property holds 32,768."""


@dataclass(frozen=True)
class ShownSettings:
    at: datetime
    values: Mapping[str, str]
    """Names and texts; of a secret only that it is set."""


def show_settings(shown: ShownSettings, status: TableClient) -> None:
    """Write them in place of those before; the last ones are left out where they are too many."""
    values = dict(sorted(shown.values.items()))
    while len(text := json.dumps(values)) > _MOST_CHARACTERS:
        values.popitem()
    status.upsert_entity(
        {"PartitionKey": _PARTITION, "RowKey": _ROW, "at": shown.at, "values": text}
    )


def read_shown_settings(status: TableClient) -> ShownSettings | None:
    """None while the function app has told nothing."""
    try:
        row = status.get_entity(_PARTITION, _ROW)
    except ResourceNotFoundError:
        return None
    return ShownSettings(row["at"], json.loads(row["values"]))
