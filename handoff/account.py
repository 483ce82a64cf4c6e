"""Which storage account, and how to sign in to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

MAIL_STORAGE = "MailStorage"
"""The app setting, or the prefix of several, that names the mail storage account."""


class NoAccount(Exception):
    """The settings do not say which storage account to use."""


@dataclass(frozen=True)
class Account:
    """Which storage account, and how to sign in to it."""

    connection_string: str | None = field(default=None, repr=False)
    queue_url: str = ""
    blob_url: str = ""
    table_url: str = ""
    client_id: str | None = None
    """The user-assigned identity to sign in with; None leaves the choice to the environment."""

    @classmethod
    def from_app_settings(cls, settings: Mapping[str, str], prefix: str) -> "Account":
        """Read the settings of a Functions connection: `PREFIX`, or `PREFIX__queueServiceUri` etc.

        Raises NoAccount, which names the settings that are missing.
        """
        if settings.get(prefix):
            return cls(connection_string=settings[prefix])
        urls = {
            part: settings.get(f"{prefix}__{part}ServiceUri", "")
            for part in ("queue", "blob", "table")
        }
        missing = [f"{prefix}__{part}ServiceUri" for part, url in urls.items() if not url]
        if missing:
            raise NoAccount(f"set {prefix} (a connection string), or {', '.join(missing)}")
        return cls(
            queue_url=urls["queue"],
            blob_url=urls["blob"],
            table_url=urls["table"],
            client_id=settings.get(f"{prefix}__clientId"),
        )
