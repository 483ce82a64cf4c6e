"""Something that takes long to read, as it was a moment ago."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Album(Generic[T]):
    """The newest picture. Who looks does not wait for a fresh one; safe between threads.

    One thread at a time takes a picture, and only while somebody looks.
    """

    def __init__(
        self, take_one: Callable[[], T], patience: float = 0.03, fresh: float = 5.0
    ) -> None:
        self._take = take_one
        self._patience = patience
        self._fresh = fresh
        self._lock = threading.Lock()
        self._picture: T | None = None
        self._taken_at = float("-inf")
        self._taking: threading.Thread | None = None
        self._fault: Exception | None = None

    def newest(self) -> T:
        """Fresh, or as it was; the first look waits. Raises what went wrong with the last one."""
        picture = self.glance()
        if picture is None:
            assert self._taking is not None  # else there is one, or a fault was raised
            self._taking.join()
            picture = self.glance()
        assert picture is not None
        return picture

    def glance(self) -> T | None:
        """The same without waiting for the first one: None while there is none."""
        taking = self._begin()
        if taking is not None:
            taking.join(self._patience)
        with self._lock:
            if self._fault is not None:
                raise self._fault
            return self._picture

    def _begin(self) -> threading.Thread | None:
        """Who takes a picture now; None when the newest is fresh."""
        with self._lock:
            if time.monotonic() < self._taken_at + self._fresh:
                return None
            if self._taking is None or not self._taking.is_alive():
                self._taking = threading.Thread(target=self._refresh, daemon=True)
                self._taking.start()
            return self._taking

    def _refresh(self) -> None:
        try:
            picture = self._take()
        except Exception as fault:  # noqa: BLE001  it is the looker's to handle
            with self._lock:
                self._fault = fault
            return
        with self._lock:
            self._picture, self._fault = picture, None
            self._taken_at = time.monotonic()
