"""Dead letters whose time has come, and octets in blobs that no mail needs any more."""

from datetime import timedelta

from function_app.retention.round import Round
from handoff.dead_letters import DeadLetters
from handoff.ids import blob_name_of, first_id
from handoff.redrive import Operator
from handoff.retention import blobs_before, is_waiting, octets_without_reason, remove_blob
from handoff.storage import Storage

_WHO = "RELAY_KEEP_DEAD_LETTERS"
"""Who did it, as the audit and the row say."""
_A_DAY = timedelta(days=1)


def discard_letters(here: Round, keep: timedelta | None) -> int:
    """Discard as an operator does, with a row of the audit; how many dead letters are gone."""
    if keep is None:
        return 0
    chosen = []
    for label in DeadLetters(here.storage.dead_letters).labels():
        if here.is_spent:
            break
        if label.kept_at < here.before(keep):
            here.look_at(1)
            if not is_waiting(label.id, here.storage.deliveries):
                chosen.append(label.id)
    if chosen:
        Operator(here.storage, _WHO).discard(tuple(chosen), here.now)
    return len(chosen)


def remove_litter(here: Round, keep: timedelta) -> int:
    """Octets of dead letters without their reason: what a crash has left."""
    letters, removed = DeadLetters(here.storage.dead_letters), 0
    for letter_id in octets_without_reason(here.storage.dead_letters, here.before(keep)):
        if here.is_spent:
            break
        here.look_at(1)
        if not is_waiting(letter_id, here.storage.deliveries):
            letters.remove(letter_id)
            removed += 1
    return removed


def remove_contents(here: Round, keep: timedelta) -> int:
    """Content that is old and has no mail that is still to be sent.

    A ticket may wait in a queue without a row, and nobody can look into a whole queue; so nothing
    is removed while any message is there, and whatever its queue has had ends here first.
    """
    if not _are_empty(here.storage):
        return 0
    before, removed = here.before(keep), 0
    # An id may be some minutes ahead of the clock that wrote the blob.
    for blob in blobs_before(here.storage.mail, before, blob_name_of(first_id(before + _A_DAY))):
        if here.is_spent:
            break
        here.look_at(1)
        mail_id = str(blob.name).rpartition("/")[2].removesuffix(".eml")
        if not is_waiting(mail_id, here.storage.deliveries):
            removed += remove_blob(blob, here.storage.mail)
    return removed


def _are_empty(storage: Storage) -> bool:
    """Both queues, with what is hidden in them. The counts are never below the truth."""
    # https://learn.microsoft.com/rest/api/storageservices/get-queue-metadata
    return not any(
        queue.get_queue_properties().approximate_message_count
        for queue in (storage.outbound, storage.poison)
    )
