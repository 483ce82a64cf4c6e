"""What the edges said of themselves last: rows of table `status`, one a site and one a device."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableClient, UpdateMode
from pydantic import TypeAdapter

from handoff.signals import TLS_CERTIFICATE, DeviceSeen, EndingTold, Heartbeat

SITE, DEVICE = "site", "device"
_ENDINGS = TypeAdapter(tuple[EndingTold, ...])
_AT_ONCE = 100
_MOST = 5_000
_MISSED = 3
_SHORTEST_SILENCE = timedelta(minutes=10)
_GONE = timedelta(days=2)
"""A device that no heartbeat names for so long is no longer configured."""


@dataclass(frozen=True)
class Site:
    name: str
    at: datetime
    """Of its last heartbeat."""
    every: int
    version: str
    started_at: datetime
    spool_mails: int
    spool_bytes: int
    spool_most_bytes: int
    faults: int
    certificate_ends_at: datetime | None
    others_end: Mapping[str, datetime]
    """What else ends, and when."""

    @property
    def endings(self) -> Mapping[str, datetime]:
        """All that ends, by what it is."""
        certificate = self.certificate_ends_at
        return ({TLS_CERTIFICATE: certificate} if certificate else {}) | dict(self.others_end)

    def is_silent(self, now: datetime) -> bool:
        return now - self.at > max(_SHORTEST_SILENCE, timedelta(seconds=self.every * _MISSED))


@dataclass(frozen=True)
class Device:
    site: str
    name: str
    noted_at: datetime
    last_seen: datetime | None
    mails: int
    address: str
    tls: str
    silent_after: int | None
    limit_hits: int = 0

    def is_silent(self, now: datetime) -> bool:
        """Whether it was seen once, and not for as long as somebody wants to hear of."""
        if self.silent_after is None or self.last_seen is None:
            return False
        return now - self.last_seen > timedelta(seconds=self.silent_after)


class Sites:
    """Storage faults pass through."""

    def __init__(self, status: TableClient) -> None:
        self._status = status

    def note(self, heartbeat: Heartbeat) -> None:
        """Write what `heartbeat` says, unless a newer one has."""
        key = _key(heartbeat.site)
        try:
            known = self._status.get_entity(SITE, key)["at"]
        except ResourceNotFoundError:
            known = None
        if known is not None and known >= heartbeat.at:
            return
        columns = heartbeat.model_dump(exclude={"v", "kind", "id", "site", "devices", "endings"})
        columns["endings"] = _ENDINGS.dump_json(heartbeat.endings).decode()
        row = {"PartitionKey": SITE, "RowKey": key} | _known(columns)
        self._status.upsert_entity(row, mode=UpdateMode.REPLACE)  # what is not said is no more
        rows = [_device_row(heartbeat, device) for device in heartbeat.devices]
        unique = {row["RowKey"]: row for row in rows}
        left = iter(unique.values())
        while several := list(islice(left, _AT_ONCE)):
            # Merged: what this edge has not seen since it started stays as it was.
            self._status.submit_transaction([("upsert", row) for row in several])

    def all(self) -> Sequence[Site]:
        return [
            Site(
                name=_name(row["RowKey"]),
                certificate_ends_at=row.get("certificate_ends_at"),
                others_end={
                    one.what: one.ends_at
                    for one in _ENDINGS.validate_json(row.get("endings", "[]"), strict=False)
                },
                at=row["at"],
                every=row["every"],
                version=row["version"],
                started_at=row["started_at"],
                faults=row["faults"],
                spool_mails=int(row["spool_mails"]),
                spool_bytes=int(row["spool_bytes"]),
                spool_most_bytes=int(row["spool_most_bytes"]),
            )
            for row in self._rows(SITE)
        ]

    def devices(self, now: datetime) -> Sequence[Device]:
        """Those that are still configured, as far as is known."""
        found = []
        for row in self._rows(DEVICE):
            site, _, name = row["RowKey"].partition("|")
            device = Device(
                site=_name(site),
                name=name,
                last_seen=row.get("last_seen"),
                noted_at=row["noted_at"],
                mails=row["mails"],
                address=row.get("address", ""),
                tls=row.get("tls", ""),
                silent_after=row["silent_after"] or None,
                limit_hits=row.get("limit_hits", 0),
            )
            if now - device.noted_at < _GONE:
                found.append(device)
        return found

    def forget(self, site: str) -> bool:
        """Remove a site that is no more, with its devices; False when there is none."""
        key = _key(site)
        is_known = any(row["RowKey"] == key for row in self._rows(SITE))
        self._status.delete_entity(SITE, key)
        for row in self._rows(DEVICE):
            if row["RowKey"].partition("|")[0] == key:
                self._status.delete_entity(row)
        return is_known

    def _rows(self, partition: str) -> Sequence[Mapping[str, Any]]:
        rows = self._status.query_entities(
            "PartitionKey eq @partition",
            parameters={"partition": partition},
            results_per_page=1000,
        )
        return list(islice(rows, _MOST))


_ALWAYS = ("silent_after", "noted_at", "mails", "limit_hits")
_OCTETS = ("spool_mails", "spool_bytes", "spool_most_bytes")
_NO_NAME = "-"


def _device_row(heartbeat: Heartbeat, device: DeviceSeen) -> dict[str, Any]:
    key = f"{_key(heartbeat.site)}|{_key(device.name)}"
    columns = device.model_dump(exclude={"name"}) | {"noted_at": heartbeat.at}
    # 0 is written for none: a column that is left out would keep its old value.
    columns["silent_after"] = device.silent_after or 0
    if device.last_seen is None:
        columns = {name: columns[name] for name in _ALWAYS}
    return {"PartitionKey": DEVICE, "RowKey": key} | _known(columns)


def _known(columns: Mapping[str, Any]) -> dict[str, Any]:
    texts = {name: str(value) for name, value in columns.items() if name in _OCTETS}
    return {name: value for name, value in columns.items() if value is not None} | texts


def _key(name: str) -> str:
    """A name as a key, which takes no slash, number sign or question mark."""
    return "".join("_" if c in "/\\#?|" else c for c in name) or _NO_NAME


def _name(key: str) -> str:
    return "" if key == _NO_NAME else key
