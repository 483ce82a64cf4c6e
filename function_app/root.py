"""Where the parts are put together: settings, storage, providers, the clock and the dice.

Once a process, at the first call. Settings that make no sense are looked at again at every
call, and the mail waits: an administrator's slip is not the end of a mail.
"""

import logging
import os
import random
from contextlib import closing
from datetime import UTC, datetime
from functools import cache
from threading import Lock

from function_app.application_records import Records
from function_app.backoff import delay
from function_app.deliver import deliver
from function_app.expiry import watch
from function_app.log import log
from function_app.means import Means, Message, put_back
from function_app.notices.alarm_news import MISCONFIGURED
from function_app.notices.alarms import Alarms
from function_app.notices.settings import read_notices
from function_app.notices.tell import tell
from function_app.pacing.turns import Pacing
from function_app.providers.guests import Guests
from function_app.providers.http import session
from function_app.providers.of_identity import (
    Surroundings,
    limits_of,
    provider_of,
    provider_of_guest,
    record_of,
)
from function_app.retention.retain import retain
from function_app.retention.round import Round
from function_app.settings import Settings, SettingsError, only_set
from function_app.shown import shown
from function_app.silence import listen
from function_app.sweep import sweep
from function_app.tally import tally
from handoff.account import MAIL_STORAGE, Account
from handoff.shown_settings import ShownSettings, show_settings
from handoff.storage import Storage
from handoff.traces import Traces, TracesUnavailable, traces_of

_CONNECT_SECONDS = 5
_RECORD_SECONDS = 15
_READ_SECONDS = 100
"""After this long an answer of Microsoft Graph, or of Gmail, is not worth waiting for."""

_building = Lock()


def on_ticket(message: Message) -> None:
    try:
        with _building:
            means = _means()
    except SettingsError as error:
        for fault in error.faults:
            log("misconfigured", logging.ERROR, fault=fault)
        put_back(message, _storage(), delay(message.dequeue_count, None, random.random()))
        return
    deliver(message, means)


def on_timer() -> None:
    settings = _watched_settings()
    try:
        sweep(_storage(), _now())
        tally(_storage(), _now())
        listen(_storage(), _now)
        show_settings(ShownSettings(_now(), shown(only_set(os.environ))), _storage().status)
        if settings is not None:  # with settings that make no sense, times make none either
            retain(Round(_storage(), _now()), settings.keep_times)
    finally:
        tell(_storage(), read_notices(only_set(os.environ), []), _now())


def _watched_settings() -> Settings | None:
    alarms = Alarms(_storage(), _now)
    try:
        settings = Settings.from_env(os.environ)
    except SettingsError as error:
        alarms.raise_alarm(MISCONFIGURED, " ".join(error.faults))
        return None
    alarms.clear(MISCONFIGURED)
    with closing(session(_CONNECT_SECONDS, _RECORD_SECONDS)) as http:
        records = Records(_storage(), record_of(settings, http, _now), _now)
        watch(settings, alarms, _storage(), records.secret_ends_at, _now())
    return settings


def assemble(settings: Settings, storage: Storage) -> Means:
    """The means of delivery that `settings` describe."""
    around = Surroundings(settings, storage, session(_CONNECT_SECONDS, _READ_SECONDS), _now)
    providers = {
        name: provider_of(identity, around) for name, identity in settings.identities.items()
    }
    return Means(
        storage=storage,
        provider_of=lambda name: providers.get(name.lower()),
        guests=Guests(settings.opening_keys, lambda guest: provider_of_guest(guest, around)),
        give_up_after=settings.give_up_after,
        when_unsure=settings.when_unsure,
        pacing=Pacing(settings.mailbox_limits, limits_of=limits_of(settings)),
        now=_now,
        jitter=random.random,
        routes=settings.routes,
        traces=_traces(),
    )


def _traces() -> Traces | None:
    try:
        return traces_of(os.environ, "relay-function-app")
    except TracesUnavailable as fault:  # no reason to keep mail waiting
        log("misconfigured", logging.ERROR, fault=str(fault))
        return None


@cache
def _means() -> Means:
    return assemble(Settings.from_env(os.environ), _storage())


@cache
def _storage() -> Storage:
    return Storage(Account.from_app_settings(os.environ, MAIL_STORAGE))


def _now() -> datetime:
    return datetime.now(UTC)
