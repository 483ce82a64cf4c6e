"""Follow mails by the events that the edge and the function app write."""

import json
import threading
import time
from datetime import UTC, datetime

_STATIONS = {
    "spooled": "spooled",
    "queued": "queued",
    "sending": "sending",
    "sent": "sent",
    "deferred": "deferred",
    "dead": "dead",
}
_ENDS = ("sent", "dead")


class Stations:
    """When each mail was where. Read from several threads."""

    def __init__(self) -> None:
        self._passed: dict[str, dict[str, datetime]] = {}
        self._news = threading.Condition()

    def note(self, mail_id: str, station: str, at: datetime) -> None:
        with self._news:
            self._passed.setdefault(mail_id, {}).setdefault(station, at)
            self._news.notify_all()

    def read_line(self, line: str) -> None:
        """Take a line of a part's log; lines of another kind are passed over."""
        try:
            event = json.loads(line)
        except ValueError:
            return
        station = _STATIONS.get(str(event.get("event")) if isinstance(event, dict) else "")
        if station and "id" in event:
            stamp = event.get("ts")
            at = datetime.fromisoformat(stamp) if stamp else datetime.now(UTC)
            self.note(str(event["id"]), station, at)

    def wait_for_end(self, mail_id: str, seconds: float) -> dict[str, datetime]:
        """All stations of a mail, once it is sent or dead. Raises TimeoutError."""
        deadline = time.monotonic() + seconds
        with self._news:
            while not any(end in self._passed.get(mail_id, {}) for end in _ENDS):
                left = deadline - time.monotonic()
                if left <= 0:
                    passed = ", ".join(self._passed.get(mail_id, {})) or "nowhere"
                    raise TimeoutError(f"mail {mail_id} did not arrive; it was seen: {passed}")
                self._news.wait(left)
            return dict(self._passed[mail_id])

    def ended(self) -> list[str]:
        with self._news:
            return [
                mail_id
                for mail_id, passed in self._passed.items()
                if any(end in passed for end in _ENDS)
            ]

    def in_one_line(self, mail_id: str) -> str:
        with self._news:
            passed = sorted(self._passed[mail_id].items(), key=lambda station: station[1])
        first = passed[0][1]
        steps = (
            f"{station} +{(at - first).total_seconds() * 1000:.0f} ms" for station, at in passed
        )
        return f"{mail_id}  {'  '.join(steps)}"
