"""Warn in time of what ends: client secrets, certificates, storage signatures; ours and the edges'.

Each stage (30, 14, 7 days, 1 day) is an alarm of its own, which is told once by mail and webhook,
and over when the credential is renewed. How long each has still is an event of every round. What is
known of the function app's own stands in table `status`; an edge tells of its own by heartbeat.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from function_app.identities import CERTIFICATE, Identity
from function_app.log import log
from function_app.notices.alarms import AlarmKey, Alarms, found
from function_app.providers.certificate import expiry_of
from function_app.providers.token_faults import TokenUnavailable
from function_app.settings import Settings
from handoff.account import MAIL_STORAGE
from handoff.endings import note_ending
from handoff.expiry import STAGES, days_left, signature_expiry, stage_of
from handoff.sites import Sites
from handoff.storage import Storage

_OF_EDGE = "edge-"
_NAMES = {
    "secret": "The client secret of identity {identity}",
    "certificate": "The certificate of identity {identity}",
    "signature": f"The shared access signature in {MAIL_STORAGE}",
}
_NAME_AT_EDGE = "The {what} of the edge at site {site}"
SecretEnd = Callable[[Identity], datetime | None]


@dataclass(frozen=True)
class Ending:
    """Something that ends."""

    what: str
    expires_at: datetime
    identity: str = ""
    """ "" for what is of no identity."""
    site: str = ""
    """ "" for what is of the function app."""

    def key(self, stage: int) -> AlarmKey:
        return AlarmKey(self.identity, f"{self.what}-expires-{stage}", about=self.site)

    def keys_reached(self, now: datetime) -> list[AlarmKey]:
        """The alarms that may be open now, the one to raise first."""
        reached = stage_of(self.expires_at, now)
        return [self.key(stage) for stage in STAGES if reached is not None and stage >= reached]

    def sentence(self, now: datetime) -> str:
        days = days_left(self.expires_at, now)
        when = f"ends in {days} days" if days > 0 else "ends today" if days == 0 else "has ended"
        spoken = self.what.removeprefix(_OF_EDGE).replace("-", " ")
        name = _NAMES.get(self.what, _NAME_AT_EDGE)
        name = name.format(identity=self.identity, what=spoken, site=self.site)
        return f"{name} {when} ({self.expires_at:%Y-%m-%d %H:%M} UTC). Renew it before."


def watch(
    settings: Settings, alarms: Alarms, storage: Storage, secret_end: SecretEnd, now: datetime
) -> None:
    """Make one round."""
    own, at_edges = list(_endings(settings, secret_end)), list(_endings_at_edges(storage))
    for ending in own:
        name = f"{ending.identity or 'app'}.{ending.what}"
        note_ending(storage.status, name, ending.expires_at, now)
    may_stay: set[AlarmKey] = set()
    renewable: set[AlarmKey] = set()
    for ending in own + at_edges:
        _log(ending, now)
        keys = ending.keys_reached(now)
        if keys:
            alarms.raise_alarm(keys[0], ending.sentence(now))
        may_stay.update(keys)
        renewable.update(map(ending.key, STAGES))
    for alarm in found(storage):
        # What an edge no longer tells of, it no longer uses. What is missing of our own may be a
        # file that cannot be read for once.
        is_settled = alarm.key in renewable or alarm.key.code.startswith(_OF_EDGE)
        if is_settled and alarm.key not in may_stay and not alarm.is_over:
            alarms.clear(alarm.key)


def _log(ending: Ending, now: datetime) -> None:
    log(
        "expiry",
        what=ending.what,
        identity=ending.identity,
        site=ending.site,
        days_left=days_left(ending.expires_at, now),
        expires_at=ending.expires_at,
    )


def _endings_at_edges(storage: Storage) -> Iterator[Ending]:
    for site in Sites(storage.status).all():
        for what, expires_at in site.endings.items():
            yield Ending(f"{_OF_EDGE}{what}", expires_at, site=site.name or "(no name)")


def _endings(settings: Settings, secret_end: SecretEnd) -> Iterator[Ending]:
    for identity in settings.identities.values():
        yield from _of(identity, secret_end)
    signature = signature_expiry(settings.account.connection_string or "")
    if signature is not None:
        yield Ending("signature", signature)


def _of(identity: Identity, secret_end: SecretEnd) -> Iterator[Ending]:
    ends_at = secret_end(identity)
    if ends_at is not None:
        yield Ending("secret", ends_at, identity.name)
    if identity.credential != CERTIFICATE:
        return
    try:
        ends_at = expiry_of(identity.certificate, identity.certificate_password)
    except TokenUnavailable:
        return  # each mail of this identity says so
    yield Ending("certificate", ends_at, identity.name)
