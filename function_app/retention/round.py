"""What one round of removing works on, and how much it may cost."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from handoff.storage import Storage

MOST_ROWS = 20_000
"""A million mails a month are 120 in the five minutes between two rounds."""
MOST_SECONDS = 60.0


@dataclass
class Round:
    """Spent when it has looked at enough, or has taken long enough."""

    storage: Storage
    now: datetime
    most: int = MOST_ROWS
    seconds: float = MOST_SECONDS
    clock: Callable[[], float] = time.monotonic
    _looked_at: int = field(default=0, init=False)
    _until: float = field(init=False)

    def __post_init__(self) -> None:
        self._until = self.clock() + self.seconds

    @property
    def is_spent(self) -> bool:
        return self._looked_at >= self.most or self.clock() >= self._until

    def look_at(self, number: int) -> None:
        self._looked_at += number

    def before(self, keep: timedelta) -> datetime:
        """What ended before it has been kept for long enough."""
        return self.now - keep
