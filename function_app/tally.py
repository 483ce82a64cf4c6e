"""Count the hours, so that whoever asks about a week need not read all its mails.

The hour under way, the one before and those with mail that still waits are counted at every round.
A mail may also come late, from an edge that had no uplink for a day; so each hour of the last week
is counted again now and then, the one that was counted longest ago first.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from handoff.hours import HOUR, Hour, Hours, count, hour_of, stretch_of
from handoff.ledger_reader import LedgerReader
from handoff.storage import Storage

WEEK = 168
AGAIN_A_ROUND = 7
"""So each hour of a week comes about every two hours."""
_MOST_OPEN = 48


def tally(storage: Storage, now: datetime) -> None:
    """Make one round. Faults of the storage account pass through; the next round goes on."""
    hours, reader = Hours(storage.status), LedgerReader(storage.deliveries)
    this_hour = hour_of(now)
    known = {
        hour.begins: hour
        for hour in hours.read(this_hour - WEEK * HOUR, this_hour + HOUR, with_names=False)
    }
    for begins in due(known, this_hour):
        hours.write(Hour(begins, count(reader.every(stretch_of(begins))), now))


def due(known: Mapping[datetime, Hour], this_hour: datetime) -> Collection[datetime]:
    """Which hours to count now. Pure."""
    week = [this_hour - number * HOUR for number in range(WEEK)]
    waiting = [begins for begins in week if begins in known and known[begins].figures.waiting]

    def counted_at(begins: datetime) -> datetime:
        return known[begins].counted_at if begins in known else this_hour - timedelta(days=365)

    longest_ago = sorted(week[2:], key=counted_at)[:AGAIN_A_ROUND]
    return dict.fromkeys([*week[:2], *waiting[:_MOST_OPEN], *longest_ago])
