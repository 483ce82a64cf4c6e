"""Mail that will never be sent, kept with its reason until an operator decides.

`<id>.eml` holds the octets as they were accepted, `<id>.json` the ticket, the reason and the
history. The octets are written first: a reason without its mail would be a lost mail. The blob's
metadata say what a list of them needs, so that nobody opens a thousand to count them.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from urllib.parse import quote, unquote

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import ContainerClient, ContentSettings

from handoff.ledger import Attempt


@dataclass(frozen=True)
class DeadLetter:
    """Why a mail died, and all that is known about it."""

    id: str
    """The mail's id; for a message that was no ticket, the id of the queue message."""
    code: str
    reason: str
    kept_at: datetime
    ticket: str
    """The queue message as it was found."""
    history: tuple[Attempt, ...] = ()


@dataclass(frozen=True)
class DeadLetterLabel:
    """What a list shows of a dead letter. Texts are "" when not known."""

    id: str
    kept_at: datetime
    code: str = ""
    site: str = ""
    device: str = ""
    mailbox: str = ""


_LABELS = ("code", "site", "device", "mailbox")


class DeadLetters:
    """Container `dead-letters`. Storage faults pass through: the caller must then not let go."""

    def __init__(self, container: ContainerClient) -> None:
        self._container = container

    def keep(self, letter: DeadLetter, pieces: Iterable[bytes] | None) -> None:
        """Keep `letter` and the pieces of its mail; None when they are lost. Twice is fine."""
        if pieces is not None:
            self._container.upload_blob(
                f"{letter.id}.eml",
                iter(pieces),
                overwrite=True,
                content_settings=ContentSettings(content_type="message/rfc822"),
            )
        self._container.upload_blob(
            f"{letter.id}.json",
            _to_json(letter),
            overwrite=True,
            content_settings=ContentSettings(content_type="application/json"),
            metadata=_labels_of(letter),
        )

    def labels(self) -> Iterator[DeadLetterLabel]:
        """All dead letters that there are, oldest mail first."""
        for blob in self._container.list_blobs(include=["metadata"], results_per_page=5000):
            letter_id, _, kind = blob.name.rpartition(".")
            if kind == "json":
                known = {key: unquote(text) for key, text in (blob.metadata or {}).items()}
                yield DeadLetterLabel(
                    letter_id,
                    blob.last_modified,
                    **{name: known.get(name, "") for name in _LABELS},
                )

    def remove(self, letter_id: str) -> None:
        """Let go of a dead letter, its reason first: what has no reason is in no list."""
        for kind in ("json", "eml"):
            try:
                self._container.delete_blob(f"{letter_id}.{kind}")
            except ResourceNotFoundError:
                continue

    def find(self, letter_id: str) -> DeadLetter | None:
        try:
            text = self._container.download_blob(f"{letter_id}.json").readall()
        except ResourceNotFoundError:
            return None
        return _from_json(text)

    def has(self, letter_id: str) -> bool:
        return self._container.get_blob_client(f"{letter_id}.json").exists()

    def octets_of(self, letter_id: str) -> bytes | None:
        pieces = self.pieces_of(letter_id)
        return None if pieces is None else b"".join(pieces)

    def pieces_of(self, letter_id: str) -> Iterator[bytes] | None:
        """The mail in pieces that are small enough for memory; None when it is lost."""
        try:
            return self._container.download_blob(f"{letter_id}.eml").chunks()
        except ResourceNotFoundError:
            return None


def _labels_of(letter: DeadLetter) -> dict[str, str]:
    """Metadata are header fields: ASCII, and short."""
    found = {"code": letter.code}
    try:
        ticket = json.loads(letter.ticket)
        found |= {"site": ticket["site"], "device": ticket["device"]}
        found["mailbox"] = ticket["send_as"]["mailbox"]
    except (ValueError, LookupError, TypeError, RecursionError):
        pass  # no ticket that anybody can read
    return {name: quote(str(text)[:128]) for name, text in found.items() if text}


def _to_json(letter: DeadLetter) -> str:
    record = asdict(letter) | {
        "kept_at": letter.kept_at.isoformat(),
        "history": [attempt.as_record() for attempt in letter.history],
    }
    return json.dumps(record, indent=1)


def _from_json(text: bytes) -> DeadLetter:
    record = json.loads(text)
    return DeadLetter(
        **record
        | {
            "kept_at": datetime.fromisoformat(record["kept_at"]),
            "history": tuple(Attempt.from_record(attempt) for attempt in record["history"]),
        }
    )
