"""How much of the door one client may take: connections, mails, wrong passwords. No IO."""

from collections import Counter
from collections.abc import Hashable, Mapping
from types import MappingProxyType
from typing import Generic, TypeVar

from edge.notation import Rate
from edge.policy import Address
from edge.settings import Limits

_WINDOW_SECONDS = 600.0
_REMEMBERED_MOST = 10_000


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

    def take(self, device: str, rate: Rate, now: float) -> float:
        """Use up one mail of `device`; the seconds to wait when its bucket is empty, else 0."""
        left, then = self._left.get(device, (float(rate.mails), now))
        left = min(rate.mails, left + (now - then) * rate.mails / rate.seconds)
        if left < 1:
            self._left[device] = (left, now)
            return (1 - left) * rate.seconds / rate.mails
        self._left[device] = (left - 1, now)
        return 0.0


Key = TypeVar("Key", bound=Hashable)


class _Tally(Generic[Key]):
    """How often something happened, counted for each key from its first time on."""

    def __init__(self) -> None:
        self._counts: dict[Key, tuple[float, int]] = {}

    def count(self, key: Key, now: float) -> int:
        began, count = self._counts.get(key, (now, 0))
        return count if now - began < _WINDOW_SECONDS else 0

    def add(self, key: Key, now: float) -> None:
        began, count = self._counts.pop(key, (now, 0))
        if now - began >= _WINDOW_SECONDS:
            began, count = now, 0
        if len(self._counts) >= _REMEMBERED_MOST:
            del self._counts[next(iter(self._counts))]
        self._counts[key] = (began, count + 1)


class FailedSignIns:
    """Wrong passwords of the last ten minutes, by address and by login. Right ones do not count.

    A login that has just succeeded from an address stays free to sign in from there: neither a
    guesser elsewhere nor a neighbour behind the same address can lock a working device out.
    """

    def __init__(self) -> None:
        self._by_address: _Tally[Address] = _Tally()
        self._by_login: _Tally[str] = _Tally()
        self._at_home: dict[tuple[Address, str], None] = {}

    def may_try(
        self,
        address: Address,
        login: str,
        limits: Limits,
        now: float,
        beside: Mapping[Address | str, int] = MappingProxyType({}),
    ) -> bool:
        """`login` as the client wrote it, whether there is such a device or not.

        `beside` are tries that may turn out wrong.
        """
        if (address, login) in self._at_home:
            return True
        wrong = self._by_address.count(address, now) + beside.get(address, 0)
        wrong_of_login = self._by_login.count(login, now) + beside.get(login, 0)
        return (
            wrong < limits.failed_sign_ins_per_address
            and wrong_of_login < limits.failed_sign_ins_per_login
        )

    def failed(self, address: Address, login: str, now: float) -> None:
        self._at_home.pop((address, login), None)
        self._by_address.add(address, now)
        self._by_login.add(login, now)

    def succeeded(self, address: Address, login: str) -> None:
        if len(self._at_home) >= _REMEMBERED_MOST:
            self._at_home.clear()
        self._at_home[address, login] = None
