"""The spool: where a mail is safe from the moment its sender hears 250.

One SQLite database (WAL, synchronous=FULL) written by one thread that commits in groups; content
that is large goes to a file of its own beside it. See docs/spool.md for why.
"""

from edge.spool.draft import Draft
from edge.spool.group_commit import SpoolFull, SpoolUnavailable
from edge.spool.spool import Spool, SpoolEntry, SpoolLocked

__all__ = ["Draft", "Spool", "SpoolEntry", "SpoolFull", "SpoolLocked", "SpoolUnavailable"]
