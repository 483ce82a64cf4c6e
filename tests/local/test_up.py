"""`make run`: one mail through everything, twice at once, with its ports taken, until Ctrl-C."""

import re
import signal
import smtplib
import socket
import ssl
import sys
import urllib.request

import pytest

from local.child import Child

UP = [sys.executable, "-m", "local.up"]
STATIONS = ("accepted", "spooled", "queued", "sending", "sent")


def text_of(child: Child) -> str:
    return "\n".join(child.lines)


def test_one_mail_goes_through_and_everything_ends() -> None:
    child = Child([*UP, "--once", "--port", "0", "--monitor-port", "0"])
    code = child.wait(90)
    child.stop()
    text = text_of(child)

    assert code == 0, text
    assert [station for station in STATIONS if station not in text] == []
    assert "delivered to ann@contoso.com, archive@contoso.com" in text
    assert "Subject: Scan" in text
    assert child.lines[-1] == "Stopped."


def test_two_at_once_with_the_port_taken_until_interrupted() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        children = [Child([*UP, "--port", port, "--monitor-port", port]) for _ in range(2)]
        for child in children:
            child.wait_for(lambda line: "Ctrl-C stops everything." in line, 90)
        places = [_told(child) for child in children]
        for place in places:
            _send(*place)
        for child, (_, _, _, mail) in zip(children, places, strict=True):
            assert mail != ""
            child.wait_for(lambda line: line.count("sent +") == 1, 30)
            child.send(signal.SIGINT)
        codes = [child.wait(60) for child in children]
        for child in children:
            child.stop()

    assert codes == [0, 0]
    assert len({place[0] for place in places} | {int(port)}) == 3


def _told(child: Child) -> tuple[int, str, str, str]:
    """What a mail program is told: port, password, certificate, and where mails are shown."""
    text = text_of(child)
    words = {
        name: re.search(rf"^  {name}\s+(.+)$", text, re.MULTILINE)
        for name in ("server", "password", "trust", "received")
    }
    found = {name: match[1] if match else "" for name, match in words.items()}
    port = re.search(r"port (\d+)", found["server"])

    assert port is not None, text
    return int(port[1]), found["password"], found["trust"], found["received"]


def _send(port: int, password: str, certificate: str, _mails: str) -> None:
    with smtplib.SMTP("localhost", port, timeout=30) as client:
        client.starttls(context=ssl.create_default_context(cafile=certificate))
        client.login("scanner", password)
        client.sendmail("scanner@contoso.com", ["ann@contoso.com"], "Subject: second\r\n\r\nHi")


@pytest.mark.parametrize("option", ["--help", "--port=x"])
def test_options_are_explained(option: str) -> None:
    child = Child([*UP, option])
    code = child.wait(30)
    child.stop()

    assert code == (0 if option == "--help" else 2)
    assert "--once" in text_of(child)


def test_the_console_shows_the_mail_and_what_arrived() -> None:
    with Child([*UP, "--port", "0", "--monitor-port", "0"]) as child:
        child.wait_for(lambda line: "Ctrl-C stops everything." in line, 90)
        found = re.search(r"^  console\s+(\S+)", text_of(child), re.MULTILINE)
        assert found is not None
        overview, inbox, mail = (_page(found[1] + path) for path in ("/", "/inbox", "/inbox/0"))

    assert "1 mail accepted in the last hour" in overview
    assert "Scan \N{EN DASH} two pages" in inbox
    assert "The scan is attached." in mail
    assert "archive@contoso.com" in mail


def _page(address: str) -> str:
    with urllib.request.urlopen(address, timeout=20) as answer:
        return str(answer.read().decode())
