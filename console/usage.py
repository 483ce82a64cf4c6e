"""What all commands share on the command line: exit codes, and --json. Imports next to nothing.

0 it is so, or done; 1 it failed, or is not so; 2 wrong usage; 4 the settings do not hold.
"""

from typing import Annotated

import typer

FAILED = 1
WRONG_USAGE = 2
BAD_SETTINGS = 4

Json = Annotated[bool, typer.Option("--json", help="Answer in JSON, for programs.")]
