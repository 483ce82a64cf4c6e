"""`make lock`: turn the dependency groups of pyproject.toml into pinned files with hashes.

The files hold no address: where packages come from is the business of whoever installs them. One
set of versions for all: the largest file is made first, and binds the others.
"""

import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parent.parent
_ALL = "requirements-dev.lock"
_FILES = (
    ("dev", _ALL),
    ("function", "requirements.txt"),
    ("edge", "edge/requirements.txt"),
    ("console", "console/requirements.txt"),
    ("local", "local/requirements.txt"),
)


def main() -> int:
    for group, file in _FILES:
        command = [sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml"]
        command += ["--group", group, "--output-file", file, "--quiet"]
        command += ["--universal", "--python-version", "3.11", "--generate-hashes"]
        command += ["--no-header", "--no-annotate"]
        command += [] if file == _ALL else ["--constraints", _ALL]
        print(f"{file} ...", flush=True)
        code = subprocess.run(command, cwd=_ROOT, check=False).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
