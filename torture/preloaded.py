"""Make what is preloaded into a program, and say to it what to do."""

import shutil
import subprocess
from pathlib import Path


class NoCompiler(Exception):
    """There is no C compiler here."""


def compiled(source: Path, workshop: Path) -> Path:
    """The library, in `workshop`. Raises NoCompiler."""
    library = workshop / f"{source.stem}.so"
    compiler = shutil.which("cc")
    if compiler is None:
        raise NoCompiler("a C compiler is needed here: install gcc")
    subprocess.run(
        [compiler, "-O2", "-Wall", "-Wextra", "-shared", "-fPIC", "-o", library, source],
        check=True,
    )
    return library


def say(file: Path, text: str) -> None:
    # Renamed into place: the program must never read half of it.
    draft = file.with_suffix(".new")
    draft.write_text(text)
    draft.rename(file)
