"""`python -m bench [NAME ...]`: measure what is named, or all that there is.

Each bench is a package beside this file and runs by itself, too: `python -m bench.NAME`.
"""

import runpy
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
    sys.argv = [f"bench.{name}"]
    try:
        runpy.run_module(f"bench.{name}", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
