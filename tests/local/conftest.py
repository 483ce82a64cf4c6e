"""A function app in a directory of its own, and hosts that run it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local.host import Host, Start, write_host_json


@pytest.fixture
def app(tmp_path: Path) -> Path:
    shutil.copy(Path(__file__).parent / "sample_app.py", tmp_path / "function_app.py")
    write_host_json(tmp_path)
    return tmp_path


@pytest.fixture
def start(app: Path, mail_account: str) -> Iterator[Start]:
    """Start a host with the sample app; each argument is an app setting, or None to miss it."""
    started: list[Host] = []

    def run(wait: bool = True, **changes: str | None) -> Host:
        settings = {"MailStorage": mail_account} | changes
        host = Host(app, {name: value for name, value in settings.items() if value is not None})
        started.append(host)
        if wait:
            host.child.wait_for(lambda line: line == "ready", 30)
        return host

    yield run
    for host in started:
        host.child.kill()
