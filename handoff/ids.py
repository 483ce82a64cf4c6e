"""The one id of a mail: a ULID, from the 250 reply to the last log line.

26 characters of Crockford's base 32: 48 bits of milliseconds since 1970, then 80 random
bits. It sorts by time and cannot be guessed. Format: github.com/ulid/spec.
"""

import re
import secrets
from datetime import UTC, datetime

ID_PATTERN = r"[0-7][0-9A-HJKMNP-TV-Z]{25}"
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUE = {character: value for value, character in enumerate(_ALPHABET)}
_ID = re.compile(ID_PATTERN)


def new_id(now: datetime) -> str:
    """A fresh id that carries `now` in its first ten characters."""
    number = int(now.timestamp() * 1000) << 80 | secrets.randbits(80)
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))


def is_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def time_of(mail_id: str) -> datetime:
    """The moment the id was made, to the millisecond, in UTC."""
    milliseconds = 0
    for character in mail_id[:10]:
        milliseconds = milliseconds << 5 | _VALUE[character]
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def partition_of(mail_id: str) -> str:
    """The ledger partition of a mail: the hour of its id, `yyyyMMddHH`."""
    return f"{time_of(mail_id):%Y%m%d%H}"


def blob_name_of(mail_id: str) -> str:
    """The name of a mail's content in container `mail`."""
    return f"{time_of(mail_id):%Y/%m/%d/%H}/{mail_id}.eml"
