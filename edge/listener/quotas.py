"""How much of the door one client may take: connections at once, mails in a time. No IO."""

from collections import Counter

from edge.policy import Address
from edge.settings import Limits, Rate


class Crowd:
    """Who is connected now."""

    def __init__(self) -> None:
        self.total = 0
        self._by_address: Counter[Address] = Counter()

    def enter(self, address: Address, limits: Limits) -> bool:
        """Count one more connection from `address`, unless there are too many already."""
        if (
            self.total >= limits.connections
            or self._by_address[address] >= limits.connections_per_address
        ):
            return False
        self.total += 1
        self._by_address[address] += 1
        return True

    def leave(self, address: Address) -> None:
        self.total -= 1
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]


class Allowances:
    """What is left of each device's rate: a bucket that refills steadily."""

    def __init__(self) -> None:
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, device: str, rate: Rate, now: float) -> bool:
        """Use up one mail of `device`, unless its bucket is empty. `now` in seconds."""
        left, then = self._left.get(device, (float(rate.mails), now))
        left = min(rate.mails, left + (now - then) * rate.mails / rate.seconds)
        if left < 1:
            self._left[device] = (left, now)
            return False
        self._left[device] = (left - 1, now)
        return True
