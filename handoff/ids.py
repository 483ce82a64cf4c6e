"""The one id of a mail: a ULID, from the 250 reply to the last log line.

26 characters of Crockford's base 32: 48 bits of milliseconds since 1970, then 80 random
bits. It sorts by time and cannot be guessed. Format: github.com/ulid/spec.
"""

import re
from datetime import UTC, datetime
from functools import lru_cache
from secrets import token_bytes
from uuid import UUID

ID_PATTERN = r"[0-7][0-9A-HJKMNP-TV-Z]{25}"
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LETTERS = _ALPHABET.encode() * 8
"""Each octet's letter: all are as likely."""
_TO_PYTHON = str.maketrans(_ALPHABET, "0123456789abcdefghijklmnopqrstuv")
_ID = re.compile(ID_PATTERN)
_HOUR = 3_600_000  # milliseconds


def new_id(now: datetime) -> str:
    """A fresh id that carries `now` in its first ten characters."""
    return _time(int(now.timestamp() * 1000)) + token_bytes(16).translate(_LETTERS).decode("ascii")


def first_id(moment: datetime) -> str:
    """What sorts before every id made at `moment` or later, and after every earlier one."""
    return _time(int(moment.timestamp() * 1000)) + "0" * 16


def is_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def time_of(mail_id: str) -> datetime:
    """The moment the id was made, to the millisecond, in UTC."""
    return datetime.fromtimestamp(_milliseconds(mail_id) / 1000, UTC)


def partition_of(mail_id: str) -> str:
    """The ledger partition of a mail: the hour of its id, `yyyyMMddHH`."""
    return _hour(_milliseconds(mail_id) // _HOUR).replace("/", "")


def blob_name_of(mail_id: str) -> str:
    """The name of a mail's content in container `mail`."""
    return f"{_hour(_milliseconds(mail_id) // _HOUR)}/{mail_id}.eml"


def late_blob_name_of(mail_id: str, day: datetime) -> str:
    """The name of a mail's content that is put so late that it goes by the day it is put."""
    return f"{day.astimezone(UTC):%Y/%m/%d}/00/{mail_id}.eml"


def request_id_of(mail_id: str) -> UUID:
    """The id as Microsoft Graph and its support know it (client-request-id): the same 128 bits."""
    return UUID(int=int(mail_id.translate(_TO_PYTHON), 32))


@lru_cache(64)
def _time(milliseconds: int) -> str:
    return "".join([_ALPHABET[milliseconds >> shift & 31] for shift in range(45, -1, -5)])


def _milliseconds(mail_id: str) -> int:
    return int(mail_id[:10].translate(_TO_PYTHON), 32)


@lru_cache(256)
def _hour(hours_since_1970: int) -> str:
    return f"{datetime.fromtimestamp(hours_since_1970 * 3600, UTC):%Y/%m/%d/%H}"
