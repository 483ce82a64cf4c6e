"""The part of the timer's round that removes what was kept for long enough, and only that.

Nothing goes whose mail is still to be sent, or of which nobody knows whether it was sent. A round
is bounded in rows and seconds; what it leaves is for the next one. Two at once do no harm, nor
does one that breaks off: each thing is found again, or is gone.
"""

from dataclasses import asdict, dataclass

from function_app.log import log
from function_app.retention.blobs import discard_letters, remove_contents, remove_litter
from function_app.retention.ledger import remove_deliveries
from function_app.retention.round import Round
from function_app.retention.status import remove_status
from function_app.retention.times import KeepTimes


@dataclass(frozen=True)
class Removed:
    """How many of each."""

    status_rows: int
    dead_letters: int
    contents: int
    deliveries: int


def retain(here: Round, keep: KeepTimes) -> Removed:
    """Make one round. Faults of the storage account pass through; the next round goes on."""
    removed = Removed(
        status_rows=remove_status(here, keep),
        dead_letters=discard_letters(here, keep.dead_letters),
        contents=remove_litter(here, keep.content) + remove_contents(here, keep.content),
        # Last: there are most of them, and they would leave nothing of the round for the others.
        deliveries=remove_deliveries(here, keep.deliveries),
    )
    if any(asdict(removed).values()):
        log("removed", **asdict(removed))
    return removed
