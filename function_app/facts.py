"""Write into the ledger what has happened already: who has the mail. Whatever it takes.

Without it the mail goes out a second time.
"""

import time
from dataclasses import replace

from azure.core.exceptions import AzureError

from handoff.ledger import ClaimLost, Delivery, Ledger, State

_PAUSES_SECONDS = (0.2, 0.5, 1.0, 2.0)


def record_fact(row: Delivery, ledger: Ledger) -> Delivery:
    """The row as it is in the ledger then. Raises AzureError when the account does not heal."""
    for pause in _PAUSES_SECONDS:
        try:
            return _write_over(row, ledger)
        except (AzureError, ClaimLost):
            time.sleep(pause)
    return _write_over(row, ledger)


def _write_over(row: Delivery, ledger: Ledger) -> Delivery:
    try:
        return ledger.record(row)
    except ClaimLost:
        # Whoever has the row now does not know what is a fact.
        found = ledger.find(row.id)
        if found is None or found.state is State.SENT:
            return row
        return ledger.record(replace(row, attempts=found.attempts, etag=found.etag))
