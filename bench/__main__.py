"""`python -m bench [NAME ...]`: measure what is named, or all that there is.

Each bench is a package beside this file and runs by itself, too: `python -m bench.NAME`.
"""

import subprocess
import sys
from pathlib import Path

BENCHES = sorted(found.parent.name for found in Path(__file__).parent.glob("*/__main__.py"))


def main(names: list[str]) -> int:
    unknown = sorted(set(names) - set(BENCHES))
    if unknown:
        sys.stderr.write(f"bench: no {', '.join(unknown)}; there is {', '.join(BENCHES)}\n")
        return 2
    codes = [_run(name) for name in names or BENCHES]
    return max(codes)


def _run(name: str) -> int:
    return subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
