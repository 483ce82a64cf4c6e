"""A disk for one program: it fails on demand, and it can lose its power.

`disk.c` is preloaded into the program. It writes down every change, flush and promise in their
order; `Platter` says from that what a power cut at any moment would have left.
"""

from torture.disk.faulty import SOURCE, FaultyDisk
from torture.disk.platter import Platter
from torture.disk.record import Record, read_records

__all__ = ["SOURCE", "FaultyDisk", "Platter", "Record", "read_records"]
