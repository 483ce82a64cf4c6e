"""What was right and wrong lately, kept as salted hashes. No IO.

It answers for exactly one login with exactly one password: another password for the same login is
another question.
"""

import hashlib
import hmac
import secrets
from collections import OrderedDict
from enum import StrEnum

_FRESH_SECONDS = 300.0
_WRONG_SECONDS = 600.0
_LOCKED_SECONDS = 600.0
_MOST = 10_000


class Recollection(StrEnum):
    FRESH = "fresh"
    """Right so lately that nobody need be asked."""
    OLD = "old"
    """Right once; it counts when nobody answers."""
    WRONG = "wrong"
    NONE = "none"


class Memory:
    """Of one process. Times are those of one clock."""

    def __init__(self) -> None:
        self._salt = secrets.token_bytes(32)
        self._right: OrderedDict[bytes, float] = OrderedDict()
        self._wrong: OrderedDict[bytes, float] = OrderedDict()
        self._locked: OrderedDict[bytes, float] = OrderedDict()

    def mark(self, *words: str) -> bytes:
        """What stands for these words; nobody gets them out of it again."""
        text = "\0".join(words).encode("utf-8", "surrogatepass")
        return hmac.digest(self._salt, text, hashlib.sha256)

    def recall(self, mark: bytes, now: float, remember: float) -> Recollection:
        asked_at = self._right.get(mark)
        if asked_at is not None and now - asked_at < min(_FRESH_SECONDS, remember):
            return Recollection.FRESH
        if asked_at is not None and now - asked_at < remember:
            return Recollection.OLD
        if now - self._wrong.get(mark, now - _WRONG_SECONDS) < _WRONG_SECONDS:
            return Recollection.WRONG
        return Recollection.NONE

    def is_locked(self, login: bytes, now: float) -> bool:
        return now - self._locked.get(login, now - _LOCKED_SECONDS) < _LOCKED_SECONDS

    def note_right(self, mark: bytes, login: bytes, now: float) -> None:
        self._wrong.pop(mark, None)
        self._locked.pop(login, None)
        _note(self._right, mark, now)

    def note_wrong(self, mark: bytes, now: float) -> None:
        self._right.pop(mark, None)
        _note(self._wrong, mark, now)

    def note_locked(self, login: bytes, now: float) -> None:
        _note(self._locked, login, now)


def _note(book: OrderedDict[bytes, float], mark: bytes, now: float) -> None:
    book.pop(mark, None)
    if len(book) >= _MOST:
        book.popitem(last=False)
    book[mark] = now
