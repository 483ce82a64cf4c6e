"""Where a mail is that the ledger does not know: in the spool of the edge here, or in a queue."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from console.words import duration, plural
from edge.spool.view import NoSpool, open_view
from handoff.ids import is_id, time_of
from handoff.peek import MOST_PEEKED, find_waiting
from handoff.storage import Storage


@dataclass(frozen=True)
class Whereabouts:
    """Where the mail was seen just now, and what that means."""

    place: str
    """`spool`, `held`, `queue`, `poison`, or "" when it was not seen."""
    sentence: str


def whereabouts(mail_id: str, storage: Storage, spool: Path | None, now: datetime) -> Whereabouts:
    """Look for a mail of which the ledger has no row; `spool` is that of the edge here."""
    if not is_id(mail_id):
        return Whereabouts("", f'"{mail_id}" is no id of a mail.')
    if time_of(mail_id) > now:
        when = f"{time_of(mail_id):%Y-%m-%d %H:%M:%S} UTC"
        text = f"This id would be made at {when}, which is in the future: a digit may be wrong."
        return Whereabouts("", text)
    in_spool = _in_spool(mail_id, spool) if spool is not None else None
    if in_spool is not None and in_spool.place:
        return in_spool
    remark = in_spool.sentence if in_spool else ""
    return _in_queues(mail_id, storage, now) or _unseen(mail_id, storage, spool, remark)


def _in_spool(mail_id: str, spool: Path) -> Whereabouts | None:
    try:
        with open_view(spool) as view:
            mail = view.find(mail_id)
    except NoSpool as fault:
        return Whereabouts("", f"The spool of the edge here cannot be looked into ({fault}).")
    if mail is None:
        return None
    if mail.held is not None:
        text = f"The edge here keeps it back in its spool: {mail.held}. relay spool show has more."
        return Whereabouts("held", text)
    text = (
        "It is in the spool of the edge here, and leaves as soon as the storage account takes it; "
        "relay doctor says what keeps it from that."
    )
    return Whereabouts("spool", text)


def _in_queues(mail_id: str, storage: Storage, now: datetime) -> Whereabouts | None:
    waiting = find_waiting(mail_id, storage.outbound)
    if waiting is not None:
        seconds = (now - waiting.since).total_seconds() if waiting.since else 0
        text = f"It has waited in the queue for {duration(max(0.0, seconds))}, to be taken."
        if waiting.taken:
            taken = plural(waiting.taken, "time")
            text += f" It was taken out {taken} before: the function app's log tells why."
        return Whereabouts("queue", text)
    if find_waiting(mail_id, storage.poison) is not None:
        text = "It failed again and again; the next round of the timer makes a dead letter of it."
        return Whereabouts("poison", text)
    return None


def _unseen(mail_id: str, storage: Storage, spool: Path | None, remark: str) -> Whereabouts:
    places = "the queue" if spool is None else "the spool of the edge here, and the queue"
    sentences = [
        f"The ledger does not know {mail_id}, accepted at {time_of(mail_id):%Y-%m-%d %H:%M:%S} UTC;"
        f" nor do {places} show it.",
        remark,
    ]
    number = storage.outbound.get_queue_properties().approximate_message_count or 0
    if number:
        sentences.append(
            f"The queue holds {plural(number, 'message')}, and shows no more than {MOST_PEEKED} of "
            "them, and none that a worker has in hand."
        )
    sentences.append(
        "It may be in the spool of another edge (relay spool show, there), or have been removed "
        "after the time that deliveries are kept."
    )
    return Whereabouts("", " ".join(filter(None, sentences)))
