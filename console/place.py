"""Which storage account the operator looks at, and who the operator is.

From the environment as the function app has it (`MailStorage`, or `MailStorage__…ServiceUri`), else
from the edge's settings, beside which the console often runs.
"""

import getpass
import os
import socket
from collections.abc import Mapping
from pathlib import Path

from edge.settings import EdgeSettings
from edge.settings_file import SettingsError, load
from handoff.account import Account, NoAccount

MAIL_STORAGE = "MailStorage"
EDGE_CONFIG = "EDGE_CONFIG"


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


__all__ = ["EDGE_CONFIG", "MAIL_STORAGE", "SettingsError", "account_of", "edge_settings", "me"]
