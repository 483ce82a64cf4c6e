"""Mail that will never be sent, kept with its reason until an operator decides.

`<id>.eml` holds the octets as they were accepted, `<id>.json` the ticket, the reason and the
history. The octets are written first: a reason without its mail would be a lost mail.
Dead letters do not expire.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

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
        )

    def find(self, letter_id: str) -> DeadLetter | None:
        try:
            text = self._container.download_blob(f"{letter_id}.json").readall()
        except ResourceNotFoundError:
            return None
        return _from_json(text)

    def octets_of(self, letter_id: str) -> bytes | None:
        try:
            return self._container.download_blob(f"{letter_id}.eml").readall()
        except ResourceNotFoundError:
            return None


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
