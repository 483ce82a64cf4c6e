"""A client that Microsoft Entra has vouched for, as a device for the time of its session."""

import re
from functools import lru_cache
from typing import Self

from pydantic import Field, model_validator

from edge.entra.logins import ApplicationLogin, Login, read_application, read_user
from edge.entra.settings import Alias, EntraSettings
from edge.policy import Address, device_at
from edge.settings import Device, EdgeSettings
from handoff.sealed import ApplicationCredential, Credential, SealingKey, UserCredential
from handoff.ticket import FromPolicy, SendAs

_NO_NAME = re.compile(r"[^A-Za-z0-9._-]+")


class Guest(Device):
    """`send_as` is "" for an application that may speak for any mailbox it has a right to."""

    send_as: str = ""
    sealed: str = Field(repr=False)

    @model_validator(mode="after")
    def _can_get_in(self) -> Self:
        return self  # by its credential


def speaking_for(device: Device, reverse_path: str) -> Device | None:
    """`device` as the sender of one mail; None when nobody can tell from which mailbox it goes."""
    if device.send_as:
        return device
    return device.model_copy(update={"send_as": reverse_path}) if reverse_path else None


def login_of(entra: EntraSettings, login: str) -> tuple[Login, Alias | None] | None:
    """Whom a login names, if a way is open for such; and by which alias."""
    alias = _alias(entra, login)
    if alias is not None:
        return ApplicationLogin(alias.tenant, alias.client_id), alias
    application = read_application(login)
    if application is not None and application.tenant in entra.tenants:
        return application, None
    user = read_user(login) if entra.users.are_on else None
    return (user, None) if user is not None else None


def welcome(entra: EntraSettings, login: Login, alias: Alias | None, password: str) -> Guest:
    """The guest whose `password` is right."""
    assert entra.sealing_key is not None  # the settings see to it
    sealed = SealingKey.read(entra.sealing_key).seal(_credential(entra, login, password))
    if not isinstance(login, ApplicationLogin):
        name = _NO_NAME.sub("-", login.address).strip("-._")[:64]
        return Guest(name=name, send_as=login.address, sealed=sealed)
    return Guest(
        name=alias.name if alias else login.client_id,
        send_as=alias.send_as or "" if alias else "",
        from_policy="rewrite" if alias and alias.send_as else "keep",
        sealed=sealed,
    )


def known_at(settings: EdgeSettings, address: Address) -> Device | None:
    """Who need not sign in from `address`: a device, or whoever the fallback stands for."""
    if not settings.entra.fallback.is_on:
        return device_at(settings.devices, address)
    return device_at((*settings.devices, _fallback(settings.entra)), address)


@lru_cache(4)
def _fallback(entra: EntraSettings) -> Guest:
    fallback = entra.fallback
    login = read_user(fallback.address)
    assert login is not None  # the settings see to both
    assert fallback.password is not None
    guest = welcome(entra, login, None, fallback.password.get_secret_value())
    return guest.model_copy(update={"networks": fallback.networks})


def send_as_of(device: Device) -> SendAs:
    """How a mail of `device` is to be sent."""
    sealed = device.sealed if isinstance(device, Guest) else None
    return _send_as(device.send_as, device.from_policy, device.identity, sealed)


@lru_cache(1024)
def _send_as(mailbox: str, policy: FromPolicy, identity: str, sealed: str | None) -> SendAs:
    return SendAs(mailbox=mailbox, from_policy=policy, identity=identity, sealed=sealed)


def _alias(entra: EntraSettings, login: str) -> Alias | None:
    name = login.strip().casefold()
    by_name = {alias.name.casefold(): alias for alias in entra.aliases}
    return by_name.get(name) or by_name.get(name.partition("@")[0])


def _credential(entra: EntraSettings, login: Login, password: str) -> Credential:
    if isinstance(login, ApplicationLogin):
        return ApplicationCredential(login.tenant, login.client_id, password)
    users = entra.users
    secret = users.client_secret.get_secret_value() if users.client_secret else ""
    return UserCredential(users.tenant, users.client_id, secret, login.address, password)
