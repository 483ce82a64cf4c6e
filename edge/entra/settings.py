"""[entra]: whom Microsoft Entra may vouch for. Each way is off until it is configured."""

from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    StringConstraints,
    model_validator,
)

from edge.entra.logins import read_guid, read_user
from edge.notation import Day, Mailbox, Name, Network, Seconds
from edge.section import Section
from handoff.clouds import CLOUDS
from handoff.sealed import SealingKey


def _to_guid(value: object) -> str:
    guid = read_guid(str(value))
    if guid is None:
        raise ValueError("expected a GUID, as the app registration shows it")
    return guid


def _is_public_key(text: str) -> str:
    SealingKey.read(text)
    return text


def _is_user(address: str) -> str:
    if address and read_user(address) is None:
        raise ValueError("expected the address of a user, such as scan@contoso.com")
    return address


Guid = Annotated[str, BeforeValidator(_to_guid)]
PublicKey = Annotated[str, AfterValidator(_is_public_key)]


class Alias(Section):
    """A short login for an application, and the mailbox it sends from."""

    name: Name
    tenant: Guid
    client_id: Guid
    send_as: Mailbox | None = None
    """None: the mailbox is the reverse-path of each mail."""


class UserSettings(Section):
    """The application through which users sign in with their password (ROPC)."""

    tenant: Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9.-]{1,253})?$")] = ""
    """Id or domain."""
    client_id: Annotated[str, StringConstraints(pattern=r"^([0-9A-Fa-f-]{36})?$")] = ""
    client_secret: SecretStr | None = None
    """None: a public client."""
    client_secret_expires: Day = None
    """As the administrator says."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if bool(self.tenant) != bool(self.client_id) or (self.client_secret and not self.tenant):
            raise ValueError("tenant and client_id need each other")
        if self.client_secret_expires and not self.client_secret:
            raise ValueError("client_secret_expires needs client_secret")
        return self

    @property
    def are_on(self) -> bool:
        return bool(self.tenant)


class FallbackSettings(Section):
    """The user by whose right clients send that have no credentials of their own."""

    address: Annotated[str, AfterValidator(_is_user)] = ""
    password: SecretStr | None = None
    networks: tuple[Network, ...] = ()
    """From where; a device's own network comes first when it is as narrow."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if len({bool(self.address), bool(self.password), bool(self.networks)}) > 1:
            raise ValueError("address, password and networks need each other")
        return self

    @property
    def is_on(self) -> bool:
        return bool(self.networks)


class EntraSettings(Section):
    tenants: tuple[Guid, ...] = ()
    """Whose applications may sign in; empty is none."""
    users: UserSettings = UserSettings()
    fallback: FallbackSettings = FallbackSettings()
    aliases: tuple[Alias, ...] = ()
    sealing_key: PublicKey | None = None
    """The public half of the function app's key."""
    cloud: Literal["public", "usgov", "usgovdod", "china"] = "public"
    authority: Annotated[str, StringConstraints(pattern=r"^(https://[^/?#@\s]+)?$")] = ""
    """In place of the cloud's."""
    remember: Seconds = Field(default=86_400)
    """For so long a credential that was right stays right while Entra does not answer."""

    @model_validator(mode="after")
    def _can_seal(self) -> Self:
        if (self.tenants or self.users.are_on) and self.sealing_key is None:
            raise ValueError(
                "sealing_key is needed, so that the credentials of clients travel sealed; "
                "`relay sealing-key` makes one"
            )
        if self.fallback.is_on and not self.users.are_on:
            raise ValueError("fallback needs users.tenant and users.client_id to sign in with")
        strangers = [alias.name for alias in self.aliases if alias.tenant not in self.tenants]
        if strangers:
            raise ValueError(f"the tenant of alias {', '.join(strangers)} is not in tenants")
        return self

    @property
    def login_authority(self) -> str:
        return self.authority or CLOUDS[self.cloud].authority

    @property
    def scope(self) -> str:
        return f"{CLOUDS[self.cloud].graph}/.default"
