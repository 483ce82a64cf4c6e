"""Run the edge: `python -m edge --config edge.toml`.

Exit codes: 0 stopped as asked, 1 could not start or broke, 2 wrong usage, 4 settings do not hold.
SIGTERM and SIGINT drain; SIGHUP reads devices, limits and certificate again. A certificate whose
files change is read without being asked.
"""

import asyncio
import gc
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import structlog

from edge import log as edge_log
from edge.certificates import CertificateUnusable, context_for, make_self_signed
from edge.command_line import question_of, read_arguments
from edge.credentials import PasswordCheck
from edge.entra.check import EntraCheck
from edge.expiry import ExpiryWatch
from edge.explain import Question, explain
from edge.forwarder import Forwarder
from edge.heartbeat import Heart
from edge.listener import Doors, Reception
from edge.listener.quotas import Allowances, Crowd
from edge.listener.server import AddressInUse
from edge.listener.tries import Tries
from edge.loop import new_loop
from edge.metrics import Metrics
from edge.monitor import Monitor, MonitorUnreachable
from edge.renewal import Renewal
from edge.service_manager import tell_service_manager
from edge.settings import EdgeSettings
from edge.settings_file import SettingsError, load
from edge.sightings import Sightings
from edge.spool import Spool, SpoolLocked, SpoolUnavailable
from edge.storage_settings import StorageSettings
from edge.strangers import StrangerBook
from edge.vault import VaultUnavailable, follow_vault, have_certificate
from handoff.account import Account
from handoff.outbox import Outbox
from handoff.traces import Traces, TracesUnavailable, traces_of

_COULD_NOT_RUN = 1
_BAD_SETTINGS = 4
log = structlog.get_logger()


def main() -> int:
    arguments = read_arguments()

    def read_settings() -> EdgeSettings:
        return load(arguments.config, os.environ)

    try:
        settings = read_settings()
        if arguments.check:
            _check_certificate(settings)
            asyncio.run(_check_storage(settings.storage))
            sys.stdout.write("settings: ok\n")
            return 0
        if arguments.explain:
            return _explain(settings, question_of(arguments))
        os.umask(0o077)
        edge_log.configure(settings.log)
        _spare_the_collector()
        with asyncio.Runner(loop_factory=new_loop) as runner:
            return runner.run(run(settings, read_settings))
    except (SettingsError, CertificateUnusable, TracesUnavailable) as error:
        return _complain(error, _BAD_SETTINGS)
    except (
        AddressInUse,
        MonitorUnreachable,
        SpoolLocked,
        SpoolUnavailable,
        VaultUnavailable,
    ) as error:
        return _complain(error, _COULD_NOT_RUN)


def _explain(settings: EdgeSettings, question: Question) -> int:
    findings = list(explain(settings, question, datetime.now(UTC)))
    for finding in findings:
        sys.stdout.write(f"{finding}\n")
    return 0 if any(finding.refusal is None for finding in findings) else 1


async def run(settings: EdgeSettings, read_settings: Callable[[], EdgeSettings]) -> int:
    """Build the parts from right to left, open the doors, and close them from left to right."""
    stop, reload = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number, event in ((signal.SIGTERM, stop), (signal.SIGINT, stop), (signal.SIGHUP, reload)):
        loop.add_signal_handler(number, event.set)
    metrics = Metrics()
    if settings.tls.source == "keyvault" and _uses_tls(settings):
        await have_certificate(settings.tls)
    async with AsyncExitStack() as parts:
        traces = _traces(parts)
        receptions = _receptions(settings, metrics, traces, parts)
        spool = receptions[0].spool
        secured = [(one.listener, one.tls) for one in receptions if one.tls is not None]
        renewal = Renewal(settings.tls, settings.hostname, secured, metrics, receptions[0].now)
        outbox = await parts.enter_async_context(_outbox(settings.storage))
        forwarder = Forwarder(spool, outbox, settings.forwarder, metrics, traces)
        monitor = Monitor(spool, forwarder.uplink, metrics)
        parts.push_async_callback(monitor.stop)
        doors = Doors(receptions)
        places = await doors.open()
        monitored = await monitor.start(settings.monitor.address)
        forwarding = asyncio.create_task(forwarder.run(), name="forwarder")
        forwarding.add_done_callback(lambda _: stop.set())
        monitor.is_listening = True
        log.info(
            "ready",
            site=settings.site,
            monitor=str(monitored),
            listeners={name: str(place) for name, place in places.items()},
            waiting=spool.messages,
        )
        tell_service_manager("READY=1", os.environ)
        tending = [
            asyncio.create_task(renewal.run()),
            asyncio.create_task(follow_vault(lambda: receptions[0].settings.tls)),
            asyncio.create_task(_expiry_watch(receptions[0], metrics).run()),
            asyncio.create_task(Heart(receptions[0], outbox).beat()),
            asyncio.create_task(_reload_on(reload, receptions, renewal, read_settings)),
        ]
        await stop.wait()
        tell_service_manager("STOPPING=1", os.environ)
        for task in tending:
            task.cancel()
        monitor.is_listening = False
        broke = forwarding.done() and forwarding.exception()
        await _drain(doors, forwarder, forwarding, settings.drain_timeout)
        log.info("stopped", waiting=spool.messages)
        if broke:
            log.error("forwarder_broke", exc_info=broke)
        return _COULD_NOT_RUN if broke else 0


def _traces(parts: AsyncExitStack) -> Traces | None:
    traces = traces_of(os.environ, "relay-edge")
    if traces is not None:
        parts.callback(traces.close)
    return traces


def _receptions(
    settings: EdgeSettings, metrics: Metrics, traces: Traces | None, parts: AsyncExitStack
) -> list[Reception]:
    if settings.tls.source == "self-signed" and _uses_tls(settings):
        make_self_signed(settings.tls, settings.hostname, datetime.now(UTC))
    contexts = {
        listener.name: context_for(listener, settings.tls) if listener.tls != "none" else None
        for listener in settings.listeners
    }
    spool = Spool.open(settings.spool)
    parts.push_async_callback(spool.close)
    passwords = PasswordCheck()
    parts.callback(passwords.close)
    entra = EntraCheck()
    parts.callback(entra.close)
    crowd, allowances, tries = Crowd(), Allowances(), Tries()
    strangers = StrangerBook(settings.spool.directory)
    sightings = Sightings()
    return [
        Reception(
            listener=listener,
            settings=settings,
            tls=contexts[listener.name],
            spool=spool,
            passwords=passwords,
            entra=entra,
            metrics=metrics,
            crowd=crowd,
            allowances=allowances,
            tries=tries,
            strangers=strangers,
            sightings=sightings,
            traces=traces,
            now=lambda: datetime.now(UTC),
        )
        for listener in settings.listeners
    ]


def _expiry_watch(reception: Reception, metrics: Metrics) -> ExpiryWatch:
    return ExpiryWatch(lambda: reception.settings, metrics, reception.now)


async def _drain(
    doors: Doors, forwarder: Forwarder, forwarding: "asyncio.Task[None]", grace: float
) -> None:
    """Let sessions finish, then the forwarder, within `grace` seconds in all."""
    deadline = time.monotonic() + grace
    await doors.close(grace)
    if not forwarding.done() and forwarder.uplink.fault is None:
        left = max(0.0, deadline - time.monotonic())
        await asyncio.wait({asyncio.create_task(forwarder.drained())}, timeout=left)
    forwarding.cancel()
    await asyncio.gather(forwarding, return_exceptions=True)


async def _reload_on(
    reload: asyncio.Event,
    receptions: list[Reception],
    renewal: Renewal,
    read_settings: Callable[[], EdgeSettings],
) -> None:
    while True:
        await reload.wait()
        reload.clear()
        try:
            settings = read_settings()
            renewal.load(settings.tls)
        except (SettingsError, CertificateUnusable) as error:
            log.error("reload_refused", faults=str(error).splitlines())
            continue
        for reception in receptions:
            reception.settings = settings
        log.info("reloaded", devices=len(settings.devices))


def _check_certificate(settings: EdgeSettings) -> None:
    """Raises CertificateUnusable unless the listeners' certificate can be used or made."""
    if settings.tls.source != "file" and not settings.tls.certificate.exists():
        return
    for listener in settings.listeners:
        if listener.tls != "none":
            context_for(listener, settings.tls)


async def _check_storage(storage: StorageSettings) -> None:
    """Raises SettingsError; calls nobody."""
    async with _outbox(storage):
        pass


def _uses_tls(settings: EdgeSettings) -> bool:
    return any(listener.tls != "none" for listener in settings.listeners)


def _outbox(storage: StorageSettings) -> Outbox:
    secret = storage.connection_string
    account = Account(
        connection_string=secret.get_secret_value() if secret else None,
        queue_url=storage.account_url_queue,
        blob_url=storage.account_url_blob,
    )
    try:
        return Outbox(account)
    except ValueError as error:
        raise SettingsError([f"storage.connection_string: {error}"]) from error


def _spare_the_collector() -> None:
    # What was loaded stays, and a session leaves next to no cycles: looking for them at every 700
    # new objects takes a tenth of the time of a mail.
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def _complain(error: Exception, code: int) -> int:
    for line in str(error).splitlines():
        sys.stderr.write(f"edge: {line}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
