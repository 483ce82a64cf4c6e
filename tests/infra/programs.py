"""Foreign programs that check our files: those of the environment first, then those of the path."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def path_of(program: str) -> str | None:
    own = Path(sys.prefix) / "bin" / program
    return str(own) if own.exists() else shutil.which(program)


def run(
    program: str, *arguments: str | Path, directory: Path | None = None, text: str = ""
) -> "subprocess.CompletedProcess[str]":
    """What `program` answers; `text` is its standard input."""
    return subprocess.run(
        [path_of(program) or program, *map(str, arguments)],
        cwd=directory,
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def needs(program: str, package: str) -> pytest.MarkDecorator:
    """Skip a test, visibly, where `program` is missing."""
    reason = f"needs {program} ({package})"
    return pytest.mark.skipif(path_of(program) is None, reason=reason)
