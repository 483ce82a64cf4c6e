"""The settings of other relays, as this one would have them. Pure.

What each setting becomes is told line by line, and what has no counterpart is told as well: who
comes over must not believe that something still holds that does not.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_LEVELS = {"debug": "debug", "info": "info", "warn": "warning", "warning": "warning"}
_OWN_CREDENTIAL = "clients sign in with it themselves"


@dataclass(frozen=True)
class Line:
    """What became of one setting."""

    setting: str
    becomes: str
    """"" when there is nothing for it."""
    remark: str = ""


@dataclass
class Translation:
    """The settings of an edge, its secrets apart, and what is to be known of them."""

    edge: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    """As environment variables of the edge."""
    lines: list[Line] = field(default_factory=list)
    next_steps: list[str] = field(default_factory=list)

    def put(self, setting: str, key: str, value: Any, remark: str = "") -> None:
        place = self.edge
        *sections, last = key.split(".")
        for section in sections:
            place = place.setdefault(section, {})
        place[last] = value
        self.lines.append(Line(setting, key, remark))

    def drop(self, setting: str, remark: str) -> None:
        self.lines.append(Line(setting, "", remark))


_SEALING = (
    "Make a pair of keys with `relay sealing-key`: the public half is entra.sealing_key of the "
    "edge, the private one RELAY_SEALING_KEY of the function app."
)
_STORAGE = "Set storage in edge.toml: a connection string, or the addresses of queue and blob."


_LIMITS = {
    "max_message_size": "limits.message_size",
    "max_connections": "limits.connections",
    "connection_timeout": "limits.idle_timeout",
}
_NEEDLESS = {
    "log": "the log goes to standard output",
    "save_to_sent": "Microsoft Graph keeps a copy in Sent Items",
    "strict_attachments": "mail goes as it is",
    "retry_attempts": "the queue tries for 48 hours: RELAY_GIVE_UP_AFTER",
    "retry_initial_delay": "5 s, doubling to an hour",
}
"""Settings of azureSMTPwithOAuth without a counterpart, and why none is needed."""


def from_azure_smtp_with_oauth(settings: Mapping[str, Any]) -> Translation:
    """Of the config.yaml of mmalcek/azureSMTPwithOAuth."""
    found = Translation(next_steps=[_STORAGE, _SEALING])
    oauth = settings.get("oauth2_config") or {}
    address = str(settings.get("listen_addr") or "127.0.0.1:2526")
    user = str(settings.get("fallback_smtp_user") or "")
    listener = {
        "name": "imported",
        "address": address,
        "tls": "none",
        "profile": "legacy",
        "auth": "optional" if user else "required",
    }
    found.put("listen_addr", "listeners", [listener], "in clear, as before; starttls is better")
    found.put("oauth2_config.tenant_id", "entra.users.tenant", str(oauth.get("tenant_id") or ""))
    found.put("oauth2_config.client_id", "entra.users.client_id", str(oauth.get("client_id") or ""))
    _secret(found, str(oauth.get("client_secret") or ""))
    if "scopes" in oauth:
        found.drop("oauth2_config.scopes", "the relay knows what it needs")
    if user:
        _fallback(found, user, address)
    for name, key in _LIMITS.items():
        if isinstance(settings.get(name), int):
            found.put(name, key, settings[name])
    level = _LEVELS.get(str(settings.get("log_level") or "info").lower(), "error")
    found.put("log_level", "log.level", level)
    for name in settings:
        if name in _NEEDLESS:
            found.drop(name, _NEEDLESS[name])
        elif not any(line.setting.partition(".")[0] == name for line in found.lines):
            found.drop(name, "not known to this import")
    return found


def _secret(found: Translation, secret: str) -> None:
    name = "oauth2_config.client_secret"
    if secret.startswith(("ENC", "enc:", "encrypted")):
        found.drop(name, "encrypted for another machine: set EDGE_ENTRA__USERS__CLIENT_SECRET")
    elif secret:
        found.secrets["EDGE_ENTRA__USERS__CLIENT_SECRET"] = secret
        found.lines.append(Line(name, "entra.users.client_secret", "in edge.env"))


def _fallback(found: Translation, user: str, address: str) -> None:
    host = address.rpartition(":")[0]
    if host not in ("127.0.0.1", "localhost"):
        found.drop(
            "fallback_smtp_user",
            "would let in every client without a password: make a device with its networks",
        )
    else:
        device = {"name": "imported", "networks": ["127.0.0.0/8"], "send_as": user}
        found.put("fallback_smtp_user", "devices", [device], "for programs on this machine alone")
    found.drop("fallback_smtp_pass", "the function app sends by an identity of its own")


_NEEDLESS_IN_ENV = {
    "SERVER_GREETING": "the greeting is fixed",
    "USERNAME_DELIMITER": "@, : and | are all understood",
    "TLS_CIPHER_SUITE": "profile legacy or strict of a listener",
    "AZURE_TABLES_URL": "entra.aliases: one for each row, with its mailbox as send_as",
    "AZURE_TABLES_PARTITION_KEY": "see AZURE_TABLES_URL",
    "AZURE_TABLES_FORCE_USAGE": "only tenants that are named may sign in",
}
"""The same of smtp-oauth-relay."""


def from_smtp_oauth_relay(env: Mapping[str, str], tenants: tuple[str, ...]) -> Translation:
    """Of the environment of JustinIven/smtp-oauth-relay."""
    found = Translation(next_steps=[_STORAGE, _SEALING])
    source = env.get("TLS_SOURCE", "off" if env.get("USE_TLS", "").lower() == "false" else "file")
    needs_tls = env.get("REQUIRE_TLS", "true").lower() != "false"
    is_off = source.lower() == "off"
    listener = {
        "name": "imported",
        "address": "0.0.0.0:8025",
        "tls": "none" if is_off else "starttls",
        "profile": "legacy" if is_off or not needs_tls else "strict",
        "auth": "required",
    }
    found.put("REQUIRE_TLS", "listeners", [listener], "the port stays 8025")
    _certificate(found, env, source.lower())
    level = env.get("LOG_LEVEL", "WARNING").lower()
    found.put("LOG_LEVEL", "log.level", _LEVELS.get(level, "error"))
    if tenants:
        found.put("logins", "entra.tenants", list(tenants), _OWN_CREDENTIAL)
    else:
        found.next_steps.insert(0, "Name the tenants whose applications sign in: --tenant ID.")
    for name in env:
        if name in _NEEDLESS_IN_ENV:
            found.drop(name, _NEEDLESS_IN_ENV[name])
    return found


def _certificate(found: Translation, env: Mapping[str, str], source: str) -> None:
    if source == "keyvault":
        found.put("TLS_SOURCE", "tls.source", "keyvault")
        url = env.get("AZURE_KEY_VAULT_URL", "").rstrip("/")
        found.put("AZURE_KEY_VAULT_URL", "tls.vault_url", url)
        name = env.get("AZURE_KEY_VAULT_CERT_NAME", "")
        found.put("AZURE_KEY_VAULT_CERT_NAME", "tls.vault_certificate", name)
    elif source == "file":
        found.put("TLS_SOURCE", "tls.source", "file")
        for name, key, usual in (
            ("TLS_CERT_FILEPATH", "tls.certificate", "certs/cert.pem"),
            ("TLS_KEY_FILEPATH", "tls.key", "certs/key.pem"),
        ):
            found.put(name, key, env.get(name, usual), "the path as the edge sees it")
    else:
        found.drop("TLS_SOURCE", "the listener has no TLS")
