"""Check a device's password without stopping anybody else.

argon2id is slow on purpose, so it runs in a few threads, a password that was right is remembered
for a short time, and sessions that bring the same one at once wait for one answer. An unknown
device costs as much time as a wrong password.
"""

import asyncio
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

_REMEMBERED_SECONDS = 300.0
_REMEMBERED_MOST = 10_000
_ANY = "utf-8", "surrogateescape"
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def hash_password(password: str) -> str:
    """The argon2id hash for a device's `password_hash`."""
    return _HASHER.hash(password)


class PasswordCheck:
    """Verifies passwords against argon2id hashes, in threads of its own."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="password")
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._nobody = hash_password(secrets.token_hex())
        self._right: dict[bytes, float] = {}
        self._asked: dict[bytes, asyncio.Future[bool]] = {}

    async def is_right(self, password_hash: str, password: str) -> bool:
        """Whether `password` fits."""
        mark = self._mark(password_hash, password)
        if self._right.get(mark, 0.0) > self._clock():
            return True
        fits = await self._verified(mark, password_hash, password)
        if fits:
            self._remember(mark)
        return fits

    async def refuse(self, login: str, hashes: Sequence[str], password: str) -> None:
        """Take as long as a wrong password takes for a login that has one of `hashes`.

        They may have been made with other costs than ours; for a login it is always the same one.
        """
        number = int.from_bytes(hmac.digest(self._key, login.encode(*_ANY), hashlib.sha256))
        like = hashes[number % len(hashes)] if hashes else self._nobody
        await self._verified(self._mark(f"\0{login}", password), like, password)

    async def _verified(self, mark: bytes, password_hash: str, password: str) -> bool:
        asked = self._asked.get(mark)
        if asked is None:
            asked = self._asked[mark] = asyncio.get_running_loop().run_in_executor(
                self._threads, _verify, password_hash, password
            )
            asked.add_done_callback(lambda _: self._asked.pop(mark, None))
        # One session that ends must not take the answer from the others.
        return await asyncio.shield(asked)

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)

    def _mark(self, password_hash: str, password: str) -> bytes:
        text = f"{password_hash}\0{password}".encode(*_ANY)
        return hmac.digest(self._key, text, hashlib.sha256)

    def _remember(self, mark: bytes) -> None:
        if len(self._right) >= _REMEMBERED_MOST:
            self._right.clear()
        self._right[mark] = self._clock() + _REMEMBERED_SECONDS


def _verify(password_hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(password_hash, password.encode(*_ANY))
    except (Argon2Error, InvalidHashError):
        return False
