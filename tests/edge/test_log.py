"""What a line of the log looks like to the machine that reads it."""

import json
import subprocess
import sys

_PROGRAM = """
import structlog
from edge import log
from edge.settings import LogSettings

log.configure(LogSettings(format="json"))
said = structlog.get_logger()
said.debug("not_asked_for")
said.info("hello", name="Zoë \\x9b\\u2028\\nlevel", size=7, reason=ValueError("odd"))
said.warning("octets", login=b"caf\\xe9".decode("utf-8", "surrogateescape"))
try:
    raise KeyError("gone")
except KeyError:
    said.exception("internal_fault", peer="::1")
"""


def test_each_event_is_one_line_of_ascii_json_with_all_that_was_said() -> None:
    ran = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, check=True)
    hello, octets, fault = lines = [json.loads(line) for line in ran.stdout.splitlines()]

    assert ran.stdout.isascii()
    assert ["info", "warning", "error"] == [line["level"] for line in lines]
    assert ("hello", "Zoë \x9b\u2028\nlevel", 7, "odd") == (
        hello["event"],
        hello["name"],
        hello["size"],
        hello["reason"],
    )
    assert all(line["ts"].endswith("Z") for line in lines)
    assert b"caf\xe9" == octets["login"].encode("utf-8", "surrogateescape")
    assert ("KeyError", "::1") == (fault["exception"][0]["exc_type"], fault["peer"])
