"""Which storage account the operator looks at, and who the operator is.

From the environment as the function app has it (`MailStorage`, or `MailStorage__…ServiceUri`), else
from the edge's settings, beside which the console often runs.
"""

import getpass
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edge.settings import EdgeSettings
from edge.settings_file import SettingsError, load
from handoff.account import MAIL_STORAGE, Account, NoAccount

EDGE_CONFIG = "EDGE_CONFIG"


@dataclass(frozen=True)
class Beside:
    """The edge beside us, if there is one. Its settings are read anew each time."""

    environment: Mapping[str, str]
    config: Path | None = None

    @property
    def file(self) -> Path | None:
        """Its `edge.toml`."""
        named = self.environment.get(EDGE_CONFIG)
        return self.config or (Path(named) if named else None)

    @property
    def is_writable(self) -> bool:
        """Whether `edge.toml` can be put anew in its place."""
        file = self.file
        return file is not None and file.is_file() and os.access(file.parent, os.W_OK)

    def settings(self) -> EdgeSettings | None:
        """Raises SettingsError."""
        return edge_settings(self.environment, self.config)

    @property
    def spool(self) -> Path | None:
        """Its spool; None when there is none, or nobody can tell where."""
        try:
            settings = self.settings()
        except SettingsError:
            return None
        return settings.spool.directory if settings else None


def account_of(environment: Mapping[str, str], config: Path | None) -> Account:
    """Raises NoAccount, or SettingsError when the edge's settings do not hold."""
    if config is None and any(
        text for name, text in environment.items() if name.startswith(MAIL_STORAGE)
    ):
        return Account.from_app_settings(environment, MAIL_STORAGE)
    settings = edge_settings(environment, config)
    if settings is None:
        raise NoAccount(
            f"set {MAIL_STORAGE} (a connection string) or {MAIL_STORAGE}__queueServiceUri, "
            "__blobServiceUri and __tableServiceUri; or name the edge's settings with --config"
        )
    storage = settings.storage
    if storage.connection_string is not None:
        return Account(connection_string=storage.connection_string.get_secret_value())
    return Account(
        queue_url=storage.account_url_queue,
        blob_url=storage.account_url_blob,
        table_url=storage.account_url_blob.replace(".blob.", ".table.", 1),
    )


def edge_settings(environment: Mapping[str, str], config: Path | None) -> EdgeSettings | None:
    """Those of the edge beside us; None when there is none. Raises SettingsError."""
    path = config or (Path(environment[EDGE_CONFIG]) if environment.get(EDGE_CONFIG) else None)
    named = [n for n in environment if n.startswith("EDGE_") and n != EDGE_CONFIG]
    return load(path, environment) if path or named else None


def me() -> str:
    """Who runs this program, for the audit."""
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError):  # a container's user need not have a name
        return f"{os.getuid()}@{socket.gethostname()}"
