"""--explain says what a session would hear, and by which rule."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from edge.command_line import read_arguments
from edge.explain import Question, explain
from tests.edge.door import LEGACY, PRINTER, SCANNER, STRICT, open_door, trusting_context
from tests.edge.program import NOWHERE, config
from tests.edge.talk import Talk, talk

IMPLICIT = STRICT | {"tls": "implicit"}
NARROW = {"allow_from": ["*@contoso.com"], "recipients": ["*@contoso.com"]}
HERE = "127.0.0.1"


async def _rule_in_a_session(client: Talk, question: Question) -> tuple[str, str]:
    """The rule in the log, and the reply; both empty when the mail is taken."""
    with capture_logs() as events:
        if question.login is not None:
            answer = await client.sign_in(login=question.login)
            if not answer.startswith("235 "):
                return "", answer
        answers = [
            await client.say(f"MAIL FROM:<{question.reverse_path}>"),
            await client.say(f"RCPT TO:<{question.forward_path}>"),
        ]
    rules = [str(event["rule"]) for event in events if event["event"] == "refused"]
    refusals = [answer for answer in answers if answer[0] != "2"]
    return (rules[0], refusals[0]) if rules else ("", "")


@pytest.mark.parametrize(
    ("listener", "device", "login", "path", "to", "rule"),
    [
        (IMPLICIT, SCANNER, "scanner", "a@b.org", "c@d.org", ""),
        (IMPLICIT, SCANNER, None, "a@b.org", "c@d.org", "listeners[].auth"),
        (LEGACY, PRINTER, None, "a@b.org", "c@d.org", ""),
        (LEGACY, PRINTER, None, "", "c@d.org", ""),
        (LEGACY, SCANNER, None, "a@b.org", "c@d.org", "devices"),
        (LEGACY, PRINTER | NARROW, None, "a@b.org", "c@d.org", "devices[].allow_from"),
        (LEGACY, PRINTER | NARROW, None, "a@contoso.com", "c@d.org", "devices[].recipients"),
        (LEGACY, PRINTER | NARROW, None, "a@contoso.com", "c@contoso.com", ""),
        (
            LEGACY,
            PRINTER | {"from_policy": "reject"},
            None,
            "a@b.org",
            "c@d.org",
            "devices[].from_policy",
        ),
        (LEGACY, PRINTER, None, "a@@b.org", "c@d.org", "address"),
        (LEGACY, PRINTER, None, "a@b.org", "c@", "address"),
        (LEGACY, PRINTER, None, "printer", "postmaster", "address"),
        (LEGACY, PRINTER | NARROW, None, "a@b.org", "c@", "devices[].allow_from"),
        (LEGACY, PRINTER, None, "@c.org,@d.org:a@b.org", "@d.org:c@d.org", ""),
    ],
)
async def test_a_session_obeys_the_same_rule(
    listener: dict[str, Any],
    device: dict[str, Any],
    login: str | None,
    path: str,
    to: str,
    rule: str,
    tmp_path: Path,
) -> None:
    question = Question(ip_address(HERE), login, path, to)
    secure = listener is IMPLICIT
    async with (
        open_door(tmp_path, listeners=[listener], devices=[device]) as door,
        talk(
            door,
            ssl=trusting_context() if secure else None,
            server_hostname="localhost" if secure else None,
        ) as client,
    ):
        (finding,) = explain(door.reception.settings, question, datetime.now(UTC))
        heard = await _rule_in_a_session(client, question)

    refusal = finding.refusal
    told = (refusal.rule, bytes(refusal.reply).decode().strip()) if refusal else ("", "")
    assert told == heard
    assert rule == heard[0]


@pytest.mark.parametrize(
    ("path", "to", "rule"),
    [
        ("a@b.org", "c@d.org", "learning"),
        ("a@@b.org", "c@d.org", "address"),
        ("a@b.org", "c@", "address"),
    ],
)
async def test_a_session_that_learns_obeys_the_same_rule(
    path: str, to: str, rule: str, tmp_path: Path
) -> None:
    question = Question(ip_address(HERE), None, path, to)
    learning = {"networks": [HERE], "until": datetime.now(UTC) + timedelta(minutes=5)}
    async with (
        open_door(tmp_path, listeners=[LEGACY], devices=[], learning=learning) as door,
        talk(door) as client,
    ):
        (finding,) = explain(door.reception.settings, question, datetime.now(UTC))

        assert finding.refusal is not None
        assert finding.refusal.rule == rule
        assert (await _rule_in_a_session(client, question))[0] == rule


@pytest.mark.parametrize(
    ("listener", "device", "login", "rule"),
    [
        (IMPLICIT, SCANNER, "nobody", "devices[].name"),
        (IMPLICIT, PRINTER, "printer", "devices[].password_hash"),
        (LEGACY | {"auth": "off"}, SCANNER, "scanner", "listeners[].auth"),
    ],
)
async def test_a_sign_in_that_cannot_work_is_explained(
    listener: dict[str, Any], device: dict[str, Any], login: str, rule: str, tmp_path: Path
) -> None:
    question = Question(ip_address(HERE), login, "a@b.org", "c@d.org")
    async with open_door(tmp_path, listeners=[listener], devices=[device]) as door:
        (finding,) = explain(door.reception.settings, question, datetime.now(UTC))

    assert finding.refusal is not None
    assert rule == finding.refusal.rule


def _asked(file: Path, *words: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "edge", "--config", str(file), "--explain", *words],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_it_can_be_asked_on_the_command_line(tmp_path: Path) -> None:
    file = config(tmp_path, NOWHERE)

    assert _asked(file, "--peer", HERE, "--from", "a@b.org", "--to", "<c@d.org>") == (
        0,
        "listener submission (127.0.0.1:0): refused, device scanner (at 127.0.0.1)\n"
        "  rule:  listeners[].auth\n"
        "  reply: 530 5.7.0 Authentication required\n"
        "listener lan (127.0.0.1:0): taken from device scanner (at 127.0.0.1)\n",
    )
    assert (
        "taken from device scanner"
        in _asked(file, "--peer", f"::ffff:{HERE}", "--to", "c@d.org")[1]
    )
    assert _asked(file, "--peer", "192.0.2.1", "--to", "c@d.org")[0] == 1
    assert _asked(file, "--to", "c@d.org")[0] == 2
    assert not (tmp_path / "spool").exists()


@pytest.mark.parametrize("peer", ["everywhere", "10.0.8.0/24", "", "printer.local"])
def test_a_peer_that_is_no_address_is_told_what_is_one(
    peer: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["edge", "--explain", "--peer", peer, "--to", "c@d.org"])
    with pytest.raises(SystemExit) as ended:
        read_arguments()

    assert ended.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        "python -m edge: error: argument --peer: expected an IPv4 or IPv6 address,"
        f" such as 10.0.8.21, not {peer!r}"
    )
