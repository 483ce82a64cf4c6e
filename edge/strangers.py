"""Note who would send and is not known, while the edge is learning.

One line of JSON for each new combination of address, HELO, reverse-path and recipients' domains,
in a file beside the spool. It is a hint for an administrator, not a log: nothing is noted twice,
and not more than a thousand lines, of one address not more than twenty.
"""

import json
import os
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

import structlog

FILE_NAME = "strangers.jsonl"
_LINES_MOST = 1000
_LINES_OF_ADDRESS_MOST = 20
"""So that one client with ever new names does not fill the book for all."""
_OCTETS_MOST = 16 * 1024 * 1024
_LONGEST_HELLO = 255
log = structlog.get_logger()


@dataclass
class Stranger:
    """A client that no device stands for, and one mail that it would have sent."""

    listener: str
    address: str
    hello: str
    reverse_path: str
    domains: set[str] = field(default_factory=set)
    """Of its recipients."""


class StrangerBook:
    """What was noted, in `<directory>/strangers.jsonl`."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / FILE_NAME
        self._known = _noted_before(self._file)
        self._by_address = Counter(json.loads(key).get("address") for key in self._known)

    def note(self, stranger: Stranger, now: datetime) -> None:
        """Write `stranger` down, unless it is there already or the book is full."""
        entry = asdict(stranger) | {
            "hello": _readable(stranger.hello[:_LONGEST_HELLO]),
            "domains": sorted(stranger.domains),
        }
        key = json.dumps(entry)
        if key in self._known or len(self._known) >= _LINES_MOST:
            return
        if self._by_address[stranger.address] >= _LINES_OF_ADDRESS_MOST:
            return
        line = json.dumps({"time": now.isoformat()} | entry) + "\n"
        try:
            _append(self._file, line.encode("ascii"))
        except OSError as error:
            log.error("stranger_not_noted", reason=error.strerror)
            return
        self._known.add(key)
        self._by_address[stranger.address] += 1
        log.info("stranger_noted", listener=stranger.listener, peer=stranger.address)


def noted(file: Path) -> list[Stranger]:
    """Who is in the book, each combination once; none when there is no book."""
    found = []
    for line in sorted(_noted_before(file)):
        try:
            entry = json.loads(line)
            found.append(Stranger(**entry | {"domains": set(entry["domains"])}))
        except (TypeError, LookupError):
            continue  # a foreign line is nobody
    return found


def _noted_before(file: Path) -> set[str]:
    try:
        with file.open("rb") as book:
            lines = book.read(_OCTETS_MOST).splitlines()
    except OSError:
        return set()
    return {key for line in lines if (key := _key_of(line)) is not None}


def _key_of(line: bytes) -> str | None:
    try:
        entry = json.loads(line)
        del entry["time"]
    except (ValueError, KeyError, TypeError):
        return None  # a torn or foreign line is nobody
    return json.dumps(entry)


def _readable(text: str) -> str:
    """`text` with undecodable octets spelled out: they arrive as surrogates."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _append(file: Path, line: bytes) -> None:
    handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        os.write(handle, line)
    finally:
        os.close(handle)
