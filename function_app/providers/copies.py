"""Whether a copy of a mail in a mailbox came of an attempt at that mail. Pure.

A device may send one message in several transactions, each with the same Message-ID, or use one
Message-ID for ever. So a copy counts only if it went to the same recipients, and not before the
attempt in question.
"""

from collections.abc import Iterable
from datetime import timedelta

from function_app.compose import Letter
from function_app.mime.addresses import normal

CLOCKS_DIFFER = timedelta(minutes=2)
"""By how much a copy may seem older than the attempt that made it."""
MOST_COPIES = 50
"""So many with one Message-ID are looked at."""


def went_to_the_same(letter: Letter, recipients: Iterable[str]) -> bool:
    """Raises ValueError when one of `recipients` is no address."""
    return set(map(normal, recipients)) == set(map(normal, letter.forward_paths))
