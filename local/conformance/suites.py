"""The suites: what is called, and what must come of it."""

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from local.conformance.target import LOGIN, PASSWORD, Target

_HERE = "127.0.0.1"
_PATIENCE = 600
_CALM = re.compile(r"LUCKY13.*potentially VULNERABLE")
"""testssl says so of every server that has CBC ciphers; OpenSSL has counter-measures since 2013."""


@dataclass(frozen=True)
class Suite:
    """One tool with one purpose."""

    name: str
    needs: str
    """The command; Debian's package of it is in docs/conformance.md."""
    run: Callable[[Target], list[str]]
    """Answers what was wrong."""
    is_quick: bool = True
    knows_us: bool = True
    """Whether the tool sends from the network of a known device."""


def _said(*words: object, directory: Path | None = None) -> str:
    done = subprocess.run(
        [str(word) for word in words],
        capture_output=True,
        text=True,
        errors="replace",
        cwd=directory,
        timeout=_PATIENCE,
        check=False,
    )
    return done.stdout + done.stderr


def _missing(wanted: str, said: str) -> list[str]:
    return [] if wanted in said else [f"did not say {wanted!r}: {said[-500:]}"]


def _counted(before: int, expected: int, target: Target) -> list[str]:
    arrived = target.mails - before
    return [] if arrived == expected else [f"{arrived} of {expected} mails arrived"]


def _smtp_source(target: Target) -> list[str]:
    faults = []
    for options in ((), ("-d",), ("-N", "-r", "5")):
        before = target.mails
        said = _said(
            *("smtp-source", *options, "-s", 10, "-m", 500, "-l", 4096),
            *("-f", "a@example.org", "-t", "b@example.org"),
            f"inet:{_HERE}:{target.ports['lan']}",
        )
        faults += ([said] if said else []) + _counted(before, 500, target)
    return faults


def _smtpping(*options: str) -> Callable[[Target], list[str]]:
    def run(target: Target) -> list[str]:
        before = target.mails
        _said(
            *("smtpping", *options, "-q", "-p", target.ports["lan"], "-w", 10, "-P", 4, "-c", 10),
            *("b@example.org", f"@{_HERE}"),
        )
        return _counted(before, 40, target)

    return run


def _postal(target: Target) -> list[str]:
    users = target.directory / "users"
    users.write_text("b@example.org\n")
    before = target.mails
    said = _said(
        *("timeout", 30, "postal", "-t", 2, "-m", 4, "-c", 5, "-r", 120),
        *("-p", target.ports["lan"], _HERE, users),
        directory=target.directory,  # it leaves its log behind
    )
    errors = re.findall(r"^\d\d:\d\d,(\d+),\d+,(\d+),", said, re.MULTILINE)
    faults = [f"{count} errors" for _, count in errors if count != "0"]
    return faults if target.mails > before else [*faults, "no mail arrived"]


def _open_relay(target: Target) -> list[str]:
    faults = []
    for name, port in target.ports.items():
        said = _said(
            *("nmap", "-Pn", "-n", "-p", port, "--script", "+smtp-open-relay,+smtp-enum-users"),
            _HERE,
        )
        if "smtp-open-relay" not in said or "Server is an open relay" in said:
            faults.append(f"{name}: {said}")
    return faults + _counted(0, 0, target)


def _sslscan(target: Target) -> list[str]:
    faults = []
    for name, old in (("submission", "disabled"), ("legacy", "enabled")):
        said = _said("sslscan", "--no-colour", "--starttls-smtp", f"{_HERE}:{target.ports[name]}")
        states = dict(re.findall(r"^(SSLv\d|TLSv1\.\d)\s+(enabled|disabled)$", said, re.MULTILINE))
        expected = {"SSLv2": "disabled", "SSLv3": "disabled", "TLSv1.0": old, "TLSv1.1": old}
        expected |= {"TLSv1.2": "enabled", "TLSv1.3": "enabled"}
        if states != expected:
            faults.append(f"{name}: {states}")
    return faults


def _testssl(target: Target) -> list[str]:
    said = _said(
        *("testssl", "--quiet", "--color", 0, "--warnings", "batch", "-t", "smtp", "-p", "-U"),
        f"{_HERE}:{target.ports['submission']}",
    )
    lines = [line for line in said.splitlines() if "NOT ok" in line or "VULNERABLE" in line]
    return _missing("TLS 1.3    offered (OK)", said) + [
        line for line in lines if not _CALM.search(line)
    ]


def _hydra(target: Target) -> list[str]:
    words = target.directory / "words"
    words.write_text("".join(f"word{number}\n" for number in range(30)) + PASSWORD + "\n")
    return _missing(
        "0 valid password found",
        _said(
            *("hydra", "-I", "-t", 4, "-l", LOGIN, "-P", words, "-s", target.ports["legacy"]),
            *(_HERE, "smtp"),
        ),
    )


def _doona(target: Target) -> list[str]:
    said = _said(
        *("doona", "-m", "SMTP", "-t", _HERE, "-p", target.ports["lan"], "-o", 0, "-M", 600),
        *("-u", "b@example.org"),
    )
    return _missing("Max requests (600) completed", said)


SUITES = (
    Suite("load: Postfix smtp-source", "smtp-source", _smtp_source),
    Suite("load: postal", "postal", _postal, is_quick=False),
    Suite("DATA: smtpping", "smtpping", _smtpping()),
    Suite("BDAT: smtpping", "smtpping", _smtpping("-C")),
    Suite("open relay: nmap", "nmap", _open_relay, knows_us=False),
    Suite("TLS versions: sslscan", "sslscan", _sslscan),
    Suite("TLS weaknesses: testssl", "testssl", _testssl, is_quick=False),
    Suite("guessing: hydra", "hydra", _hydra, knows_us=False),
    Suite("fuzzing: doona", "doona", _doona, is_quick=False),
)


def judge(suite: Suite, target: Target) -> list[str]:
    """Run `suite`; what was wrong, in the tool's eyes or in the edge's log."""
    return suite.run(target) + target.faults()
