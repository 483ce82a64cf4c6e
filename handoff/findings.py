"""What the function app found for a probe: rows of table `status`, by the probe's id."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableClient

PARTITION = "probe"
Verdict = Literal["ok", "warn", "fail", "skip"]


@dataclass(frozen=True)
class Finding:
    """The outcome of one check, with an id that stays the same between versions."""

    id: str
    name: str
    verdict: Verdict
    text: str
    code: str = ""
    """Of the fault, when there is one; remedies are known by it."""
    fix: str = ""


def write_findings(
    probe_id: str, findings: Iterable[Finding], now: datetime, status: TableClient
) -> None:
    status.upsert_entity(
        {
            "PartitionKey": PARTITION,
            "RowKey": probe_id,
            "at": now,
            "findings": json.dumps([asdict(finding) for finding in findings]),
        }
    )


def read_findings(probe_id: str, status: TableClient) -> Sequence[Finding] | None:
    """None while the probe is not answered."""
    try:
        row = status.get_entity(PARTITION, probe_id)
    except ResourceNotFoundError:
        return None
    return [Finding(**record) for record in json.loads(row["findings"])]
