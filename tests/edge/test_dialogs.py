"""Golden dialogs: each file in dialogs/ is played, word by word, against the real listener.

`C:` the client sends a line; `C|` it sends exactly these octets (Python escapes); `S:` the server
answers (`*` is anything); `S+` it answers in several lines; `S.` the server closes; `TLS` the
client shakes hands. The first lines, `# listener:`, `# devices:`, `# limits:`, choose the settings;
`# spooled: N` at the end counts, `# content:` and `# reverse_path:` are those of the first mail.
"""

import asyncio
import fnmatch
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.edge.door import LEGACY, PRINTER, SCANNER, STRICT, open_door, trusting_context

_DIALOGS = sorted((Path(__file__).parent / "dialogs").glob("*.smtp"))
_LISTENERS: dict[str, dict[str, Any]] = {
    "strict": STRICT,
    "legacy": LEGACY,
    "lan": LEGACY | {"name": "lan", "auth": "off"},
    "required": LEGACY | {"name": "required", "auth": "required"},
    "implicit": STRICT | {"tls": "implicit"},
    "loose": LEGACY | {"tls": "starttls"},
}
_DEVICES = {"scanner": SCANNER, "printer": PRINTER}


def _directives(lines: list[str]) -> dict[str, str]:
    marked = [line[1:].partition(":") for line in lines if line.startswith("#") and ":" in line]
    return {name.strip(): value.strip() for name, _, value in marked}


@pytest.mark.parametrize("path", _DIALOGS, ids=lambda path: path.stem)
async def test_the_door_answers_as_the_dialog_says(path: Path, tmp_path: Path) -> None:
    lines = path.read_text("utf-8").splitlines()
    said = _directives(lines)
    listener = _LISTENERS[said.get("listener", "strict")]
    extra = json.loads(said.get("device", "{}"))
    devices = [_DEVICES[name] | extra for name in said.get("devices", "scanner").split()]
    spool = {"directory": tmp_path / "spool"} | json.loads(said.get("spool", "{}"))
    async with open_door(
        tmp_path,
        listeners=[listener],
        devices=devices,
        limits=json.loads(said.get("limits", "{}")),
        spool=spool,
        learning=_learning(said.get("learning")),
    ) as door:
        tls = trusting_context() if listener.get("tls") == "implicit" else None
        reader, writer = await asyncio.open_connection(
            *door.place, ssl=tls, server_hostname="localhost" if tls else None
        )
        try:
            for number, line in enumerate(lines, 1):
                await asyncio.wait_for(_play(line, number, reader, writer), 10)
        finally:
            writer.close()

        assert int(said.get("spooled", "0")) == len(await door.entries())
        if "content" in said:
            assert _octets(said["content"]) == (await door.contents())[0]
        if "reverse_path" in said:
            assert said["reverse_path"] == (await door.tickets())[0].envelope.reverse_path


def _octets(text: str) -> bytes:
    return text.encode("latin-1").decode("unicode_escape").encode("latin-1")


def _learning(network: str | None) -> dict[str, Any]:
    until = datetime.now(UTC) + timedelta(minutes=5)
    return {"networks": [network], "until": until} if network else {}


async def _play(
    line: str, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    mark, text = line[:2], line[2:].removeprefix(" ")
    if mark == "C:":
        writer.write(text.encode("utf-8", "surrogateescape") + b"\r\n")
    elif mark == "C|":
        writer.write(_octets(text))
    elif mark == "S:":
        answer = (await reader.readline()).decode("utf-8")
        assert answer.endswith("\r\n"), f"line {number}: the server said {answer!r}"
        assert fnmatch.fnmatchcase(answer[:-2], text.replace("[", "[[]")), (
            f"line {number}: expected {text!r}, the server said {answer[:-2]!r}"
        )
    elif mark == "S+":
        while (said := await reader.readline())[:4] == f"{text}-".encode():
            pass
        assert said.startswith(f"{text} ".encode()), f"line {number}: {said!r}"
    elif mark == "S.":
        assert await reader.read() == b"", f"line {number}: the server did not close"
    elif line == "TLS":
        await writer.start_tls(trusting_context(), server_hostname="localhost")
    else:
        assert not line or line.startswith("#"), f"line {number}: {line!r} is no dialog"
