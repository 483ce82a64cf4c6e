"""The checks of where the edge lives: a spool on a disk that stays, no root in a container."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from handoff.findings import Finding

_MOUNTS = Path("/proc/self/mountinfo")
_MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"))
_OF_THE_CONTAINER = frozenset({"overlay", "aufs", "fuse-overlayfs", "fuse.fuse-overlayfs"})
_IN_MEMORY = frozenset({"tmpfs", "ramfs"})


@dataclass(frozen=True)
class Mount:
    place: str
    kind: str
    is_read_only: bool


@dataclass(frozen=True)
class Place:
    """Where the edge runs."""

    is_container: bool
    user_id: int | None
    """Who runs the container's first process; None when nobody can tell."""
    mount: Mount | None
    """That holds the spool; None when nobody can tell."""


def look_around(spool: Path) -> Place:
    is_container = any(mark.exists() for mark in _MARKS) or "KUBERNETES_SERVICE_HOST" in os.environ
    try:
        mount = mount_of(spool.resolve(), _MOUNTS.read_text("utf-8", "replace"))
        user_id = Path("/proc/1").stat().st_uid
    except OSError:  # no Linux
        return Place(is_container, None, None)
    return Place(is_container, user_id, mount)


def check_place(spool: Path, place: Place) -> Iterator[Finding]:
    """Pure, over what `look_around` saw."""
    yield _volume(spool, place)
    if place.is_container and place.user_id is not None:
        yield _user(place.user_id)


def mount_of(directory: Path, table: str) -> Mount | None:
    """The mount that holds `directory`, of a mountinfo (proc(5)). Pure."""
    found = None
    for line in table.splitlines():
        front, _, back = line.partition(" - ")
        fields, kinds = front.split(" "), back.split(" ")
        if len(fields) < 6 or not kinds[0]:
            continue
        mount = Mount(_unescaped(fields[4]), kinds[0], "ro" in fields[5].split(","))
        if directory.is_relative_to(mount.place) and (
            found is None or len(mount.place) >= len(found.place)
        ):
            found = mount  # of two on one place, the later hides the other
    return found


def _volume(spool: Path, place: Place) -> Finding:
    mount = place.mount
    if mount is None:
        return Finding("L07", "volume", "skip", "Nobody can tell on what disk the spool is.")
    if mount.is_read_only:
        fix = "Mount it writable; with a read-only root file system give the spool a volume."
        return Finding("L07", "volume", "fail", f"{mount.place} is read-only.", fix=fix)
    if mount.kind in _IN_MEMORY:
        text = f"{spool} is in memory ({mount.kind}): mail that got a 250 is lost with the power."
        return Finding("L07", "volume", "fail", text, fix="Put the spool on a disk.")
    if place.is_container and mount.kind in _OF_THE_CONTAINER:
        text = f"{spool} is in the container itself: mail that got a 250 is lost with it."
        fix = f"Give it a volume: --volume relay:{spool}, or a PersistentVolumeClaim."
        return Finding("L07", "volume", "fail", text, fix=fix)
    return Finding("L07", "volume", "ok", f"On {mount.place} ({mount.kind}).")


def _user(user_id: int) -> Finding:
    if user_id == 0:
        fix = "Leave the user of the image: no --user 0, no runAsUser 0."
        return Finding("L08", "user", "warn", "The container runs as root.", fix=fix)
    return Finding("L08", "user", "ok", f"The container runs as user {user_id}.")


def _unescaped(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)
