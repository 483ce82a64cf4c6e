"""Warn in time of credentials that end: client secrets, certificates, the storage signature.

Each stage (30, 14, 7 days, 1 day) is an alarm of its own, which is told once by mail and webhook,
and over when the credential is renewed. What is known of each stands in table `status`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from function_app.identities import CERTIFICATE, Identity
from function_app.notices.alarms import AlarmKey, Alarms, found
from function_app.providers.certificate import expiry_of
from function_app.providers.token_faults import TokenUnavailable
from function_app.settings import MAIL_STORAGE, Settings
from handoff.expiry import STAGES, days_left, signature_expiry, stage_of
from handoff.storage import Storage

PARTITION = "expiry"
_NAMES = {
    "secret": "The client secret of identity {}",
    "certificate": "The certificate of identity {}",
    "signature": f"The shared access signature in {MAIL_STORAGE}",
}


@dataclass(frozen=True)
class Ending:
    """Something that ends."""

    identity: str
    """ "" for what is of the function app itself."""
    what: str
    expires_at: datetime

    def key(self, stage: int) -> AlarmKey:
        return AlarmKey(self.identity, f"{self.what}-expires-{stage}")

    def sentence(self, now: datetime) -> str:
        days = days_left(self.expires_at, now)
        when = f"ends in {days} days" if days > 0 else "ends today" if days == 0 else "has ended"
        name = _NAMES[self.what].format(self.identity)
        return f"{name} {when} ({self.expires_at:%Y-%m-%d %H:%M} UTC). Renew it before."


def watch(settings: Settings, alarms: Alarms, storage: Storage, now: datetime) -> None:
    """Make one round."""
    endings = list(_endings(settings))
    open_ = {alarm.key for alarm in found(storage) if not alarm.is_over}
    for ending in endings:
        reached = stage_of(ending.expires_at, now)
        if reached is not None:
            alarms.raise_alarm(ending.key(reached), ending.sentence(now))
        for stage in STAGES:
            is_renewed = reached is None or stage < reached
            if is_renewed and ending.key(stage) in open_:
                alarms.clear(ending.key(stage))
        storage.status.upsert_entity(
            {
                "PartitionKey": PARTITION,
                "RowKey": f"{ending.identity or 'app'}.{ending.what}",
                "expires_at": ending.expires_at,
                "at": now,
            }
        )


def _endings(settings: Settings) -> Iterator[Ending]:
    for identity in settings.identities.values():
        yield from _of(identity)
    signature = signature_expiry(settings.account.connection_string or "")
    if signature is not None:
        yield Ending("", "signature", signature)


def _of(identity: Identity) -> Iterator[Ending]:
    if identity.expires is not None:
        yield Ending(identity.name, "secret", identity.expires)
    if identity.credential != CERTIFICATE:
        return
    try:
        ends_at = expiry_of(identity.certificate, identity.certificate_password)
    except TokenUnavailable:
        return  # each mail of this identity says so
    yield Ending(identity.name, "certificate", ends_at)
