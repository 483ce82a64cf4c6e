"""A checkout of its own for a test of the set-up, as a program."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.local.registry import Registry

ROOT = Path(__file__).parents[2]
PYTHON = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
Outcome = tuple[int, str, str]


class Checkout:
    """A tree with what the set-up reads, and where it installs."""

    def __init__(self, root: Path, registry: Registry) -> None:
        self.root = root
        self.registry = registry
        (root / "local").mkdir(parents=True)
        for name in ("__init__.py", "setup.py", "steps.py"):
            shutil.copy(ROOT / "local" / name, root / "local")
        for folder in ("local/azurite", "tests/clients"):
            (root / folder).mkdir(parents=True)
            for name in ("package.json", "package-lock.json", ".npmrc"):
                (root / folder / name).write_text("{}")
        self.pin(registry.sample)

    def pin(self, sample: str) -> None:
        run = self.registry.uv + self.registry.node + sample
        (self.root / "local/requirements.txt").write_text(run)
        (self.root / "requirements-dev.lock").write_text(run + self.registry.checker)

    def start(self, purpose: str, **settings: str) -> "subprocess.Popen[str]":
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.root),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.registry.directory),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }
        return subprocess.Popen(
            [PYTHON, "-m", "local.setup", purpose],
            cwd=self.root,
            env=environment | settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def setup(self, purpose: str, **settings: str) -> Outcome:
        with self.start(purpose, **settings) as process:
            try:
                out, err = process.communicate(timeout=120)
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                raise
        return process.returncode, out, err

    def has(self, module: str) -> bool:
        python = self.root / ".venv/bin/python"
        return subprocess.run([python, "-c", f"import {module}"], check=False).returncode == 0

    def sample_version(self) -> str:
        python = str(self.root / ".venv/bin/python")
        command = [python, "-c", "import sample; print(sample.version)"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return done.stdout.strip()


@contextmanager
def hanging(checkout: Checkout, directory: Path) -> Iterator["subprocess.Popen[str]"]:
    """A set-up that installs the newer sample, for ever."""
    checkout.pin(checkout.registry.newer_sample)
    hangs = directory / "hangs"
    with checkout.start("run", UV_HANGS=str(hangs)) as process:
        try:
            deadline = time.monotonic() + 60
            while not hangs.exists():
                assert time.monotonic() < deadline
                time.sleep(0.02)
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
