"""What can be set about the edge: names, types, defaults, and what contradicts itself.

Read from `edge.toml` and the environment by `edge.settings_file`. Frozen: a reload makes a new
object. Sizes are bytes, times are seconds.
"""

import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AwareDatetime,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from edge.entra.settings import EntraSettings
from edge.notation import (
    Bytes,
    Endpoint,
    EndpointSetting,
    Mailbox,
    Name,
    Network,
    PasswordHash,
    Pattern,
    RateSetting,
    Seconds,
    is_there,
    refuse_overlap,
)
from edge.section import Section
from edge.storage_settings import StorageSettings
from handoff.names import OWN_DEVICE

_LONGEST_LEARNING = timedelta(hours=2)
MIB = 1024 * 1024


class SpoolSettings(Section):
    """The durable queue on this machine's own disk."""

    directory: Path = Path("/var/spool/relay")
    max_bytes: Bytes = 10 * 1024 * MIB
    """What may wait; above it new mail is deferred."""
    reserve_bytes: Bytes = 256 * MIB
    """Free disk to leave alone; below it new mail is deferred."""
    memory_bytes: Bytes = 64 * MIB
    """What all mails being received may hold in memory together; above it they go to files."""


class ForwarderSettings(Section):
    """How the spool is drained into the storage account."""

    concurrency: Annotated[int, Field(ge=1, le=256)] = 16
    longest_pause: Seconds = 60
    """Between two tries while the storage account does not answer."""


class Limits(Section):
    message_size: Annotated[int, Field(gt=0, le=150 * MIB)] = 35 * MIB
    """Octets of a mail. Exchange Online sends 35 MiB unless an administrator allows more."""
    recipients: Annotated[int, Field(ge=1, le=5000)] = 500
    connections: Annotated[int, Field(ge=1)] = 1000
    connections_per_address: Annotated[int, Field(ge=1)] = 200
    idle_timeout: Seconds = 300
    transaction_timeout: Seconds = 1800
    command_errors: Annotated[int, Field(ge=1)] = 20
    """Refused commands in one session before it is closed."""
    failed_sign_ins: Annotated[int, Field(ge=1)] = 3
    """Wrong passwords in one session before it is closed."""
    failed_sign_ins_per_address: Annotated[int, Field(ge=1)] = 20
    """In ten minutes, before no sign-in is tried from there for the rest of them."""
    failed_sign_ins_per_login: Annotated[int, Field(ge=1)] = 50
    """The same for a login, from wherever it did not just succeed."""


class TlsSettings(Section):
    """The certificate of all listeners."""

    source: Literal["file", "self-signed", "keyvault"] = "self-signed"
    certificate: Path = Path("/var/lib/relay/tls/certificate.pem")
    """PEM, the whole chain. With `self-signed` it is made here when missing."""
    key: Path = Path("/var/lib/relay/tls/key.pem")
    vault_url: Annotated[str, StringConstraints(pattern=r"^(https://[^/?#@\s]+)?$")] = ""
    """With `keyvault` certificate and key are written where the two above say."""
    vault_certificate: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{0,127}$")] = ""

    @model_validator(mode="after")
    def _has_files(self) -> Self:
        has_vault = bool(self.vault_url and self.vault_certificate)
        if has_vault != (self.source == "keyvault") or bool(self.vault_url) != has_vault:
            raise ValueError('source = "keyvault", vault_url and vault_certificate need each other')
        if self.source != "file" and self.certificate == self.key:
            raise ValueError("certificate and key need a file each")
        for path in (self.certificate, self.key):
            if not is_there(path) and self.source == "file":
                raise ValueError(f"{path} does not exist; give its path or use source self-signed")
        return self


class MonitorSettings(Section):
    """Where /health, /ready and /metrics answer."""

    address: EndpointSetting = Endpoint("127.0.0.1", 8080)


class HeartbeatSettings(Section):
    """How often the edge tells the function app that it lives."""

    interval: Annotated[int, Field(ge=0, le=86_400)] = 300
    """0: never."""


class LogSettings(Section):
    format: Literal["auto", "json", "console"] = "auto"
    """auto: console on a terminal, else JSON."""
    level: Literal["debug", "info", "warning", "error"] = "info"


class Listener(Section):
    """One door for devices."""

    name: Name
    address: EndpointSetting
    tls: Literal["none", "starttls", "implicit"] = "starttls"
    profile: Literal["strict", "legacy"] = "strict"
    """legacy: old TLS, sign-in without TLS, bare line ends normalised."""
    auth: Literal["required", "optional", "off"] = "required"
    proxy_protocol: bool = False
    """Believe a PROXY header (v1 or v2) from `trusted_proxies`, and take nobody else."""
    trusted_proxies: tuple[Network, ...] = ()

    @model_validator(mode="after")
    def _is_reachable(self) -> Self:
        if self.tls == "none" and self.profile == "strict" and self.auth != "off":
            raise ValueError(
                'sign-in without TLS needs profile = "legacy"; else set tls, or auth = "off"'
            )
        if self.proxy_protocol != bool(self.trusted_proxies):
            raise ValueError("proxy_protocol = true and trusted_proxies need each other")
        return self


class Device(Section):
    """Something that sends mail, and what it may send."""

    name: Name
    password_hash: PasswordHash | None = Field(default=None, repr=False)
    networks: tuple[Network, ...] = ()
    """Where it may send from without signing in."""
    send_as: Mailbox
    allow_from: tuple[Pattern, ...] = ()
    from_policy: Literal["rewrite", "keep", "reject"] = "rewrite"
    recipients: tuple[Pattern, ...] = ()
    """Where it may send to; empty is everywhere."""
    rate: RateSetting = None
    identity: Name = "default"
    silent_after: Annotated[int, Field(ge=60)] | None = None
    """Without a mail for so long, an alarm is raised."""

    @field_validator("name")
    @classmethod
    def _is_not_reserved(cls, name: str) -> str:
        if name.casefold() == OWN_DEVICE:
            raise ValueError(f"{OWN_DEVICE} is the name of the relay's own notices; choose another")
        return name

    @model_validator(mode="after")
    def _can_get_in(self) -> Self:
        if not self.password_hash and not self.networks:
            raise ValueError("give it a password_hash, or networks to be known by")
        return self


class LearningSettings(Section):
    """For a short time, note who would send from these networks and is not known."""

    networks: tuple[Network, ...] = ()
    until: AwareDatetime | None = None

    @model_validator(mode="after")
    def _is_short(self) -> Self:
        if bool(self.networks) != (self.until is not None):
            raise ValueError("networks and until need each other")
        if self.until is not None and self.until > datetime.now(UTC) + _LONGEST_LEARNING:
            raise ValueError("until must not be more than 2 hours ahead")
        return self


_SHIPPED_LISTENERS = (
    Listener(name="submission", address=Endpoint("0.0.0.0", 587)),
    Listener(name="smtps", address=Endpoint("0.0.0.0", 465), tls="implicit"),
    Listener(
        name="lan", address=Endpoint("0.0.0.0", 2525), tls="none", profile="legacy", auth="off"
    ),
    Listener(name="legacy", address=Endpoint("0.0.0.0", 2587), profile="legacy", auth="off"),
)


class EdgeSettings(Section):
    """All settings of one edge."""

    site: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{0,64}$")] = ""
    """Which edge this is, in tickets and logs."""
    hostname: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]{1,253}$")] = Field(
        default_factory=socket.gethostname
    )
    drain_timeout: Seconds = 25
    """How long a stop waits for sessions and for the forwarder."""
    acknowledge: Literal["spooled", "queued"] = "spooled"
    """When a device hears 250: the mail is on this disk, or it is in the queue, too."""
    acknowledge_wait: Seconds = 10
    """With `queued`: how long the 250 waits for the queue; then the disk has to do."""
    storage: StorageSettings
    spool: SpoolSettings = SpoolSettings()
    forwarder: ForwarderSettings = ForwarderSettings()
    limits: Limits = Limits()
    tls: TlsSettings = TlsSettings()
    monitor: MonitorSettings = MonitorSettings()
    heartbeat: HeartbeatSettings = HeartbeatSettings()
    log: LogSettings = LogSettings()
    listeners: tuple[Listener, ...] = _SHIPPED_LISTENERS
    devices: tuple[Device, ...] = ()
    mynetworks: tuple[Network, ...] = ()
    """Known as `default_device`, unless they are a device's own."""
    default_device: Name | None = None
    learning: LearningSettings = LearningSettings()
    entra: EntraSettings = EntraSettings()

    @field_validator("listeners")
    @classmethod
    def _listeners_differ(cls, listeners: tuple[Listener, ...]) -> tuple[Listener, ...]:
        if not listeners:
            raise ValueError("at least one listener is needed")
        _refuse_twins("listener name", [listener.name.casefold() for listener in listeners])
        return listeners

    @field_validator("devices")
    @classmethod
    def _devices_differ(cls, devices: tuple[Device, ...]) -> tuple[Device, ...]:
        _refuse_twins("device name", [device.name.casefold() for device in devices])
        networks = [str(network) for device in devices for network in device.networks]
        _refuse_twins("network", networks)
        return devices

    @model_validator(mode="after")
    def _shares_device(self) -> Self:
        """Give `mynetworks` to the default device."""
        if bool(self.mynetworks) != bool(self.default_device):
            raise ValueError("mynetworks and default_device need each other")
        if self.default_device is None:
            return self
        name = self.default_device.casefold()
        if not any(device.name.casefold() == name for device in self.devices):
            raise ValueError(f"default_device: there is no device {self.default_device}")
        taken = {network for device in self.devices for network in device.networks}
        shared = tuple(network for network in self.mynetworks if network not in taken)
        devices = tuple(
            device.model_copy(update={"networks": (*device.networks, *shared)})
            if device.name.casefold() == name
            else device
            for device in self.devices
        )
        object.__setattr__(self, "devices", devices)
        return self

    @model_validator(mode="after")
    def _each_has_its_own_port(self) -> Self:
        listeners = [(f"listener {one.name}", one.address) for one in self.listeners]
        refuse_overlap([*listeners, ("monitor.address", self.monitor.address)])
        return self

    @model_validator(mode="after")
    def _aliases_differ(self) -> Self:
        devices = [device.name.casefold() for device in self.devices]
        aliases = [alias.name.casefold() for alias in self.entra.aliases]
        _refuse_twins("name of a device or alias", devices + aliases)
        return self

    @model_validator(mode="after")
    def _waits_within_its_limits(self) -> Self:
        waits = self.acknowledge_wait if self.acknowledge == "queued" else 0
        if waits >= self.limits.idle_timeout:
            raise ValueError("acknowledge_wait must be shorter than limits.idle_timeout")
        return self


def _refuse_twins(what: str, names: list[str]) -> None:
    twins = sorted({name for name in names if names.count(name) > 1})
    if twins:
        raise ValueError(f"{what} used twice: {', '.join(twins)}")
