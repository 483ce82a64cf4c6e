"""Let time pass in a storage account: all messages come back that somebody holds or put off."""

import json
from pathlib import Path
from typing import Any


def forget_leases(azurite: Path) -> None:
    """Make every queue message visible in the files of an Azurite that does not run."""
    for file in azurite.glob("__azurite_db_queue__.json"):
        database = json.loads(file.read_text("utf-8"))
        for collection in database["collections"]:
            for record in collection["data"]:
                _make_visible(record)
        file.write_text(json.dumps(database), "utf-8")


def _make_visible(record: dict[str, Any]) -> None:
    if "timeNextVisible" in record:
        record["timeNextVisible"] = 1  # milliseconds since 1970
