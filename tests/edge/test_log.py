"""What a line of the log looks like to the machine that reads it."""

import json
import subprocess
import sys

import pytest

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


_FAULT = """
import sys
import structlog
from edge import log
from edge.settings import LogSettings

log.configure(LogSettings(format=sys.argv[1]))
def verify(password):
    raise ValueError("odd\\x1b[2J")
try:
    verify("hunter" + "2")
except ValueError:
    structlog.get_logger().exception("internal_fault", peer="::1")
"""


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_fault_is_told_without_the_values_of_variables(form: str) -> None:
    ran = subprocess.run([sys.executable, "-c", _FAULT, form], capture_output=True, check=True)

    assert b"in verify" in ran.stdout or b'"name":"verify"' in ran.stdout
    assert b"hunter2" not in ran.stdout
    assert b"\x1b[2J" not in ran.stdout
