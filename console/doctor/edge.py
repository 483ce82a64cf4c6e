"""The checks of the edge beside us: settings, spool, certificate, doors."""

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

from cryptography import x509

from console.doctor.container import check_place, look_around
from console.words import size_of
from edge.settings import EdgeSettings
from handoff.findings import Finding

_SECONDS = 5
_SOON_DAYS = 30


def check_edge(settings: EdgeSettings, now: datetime) -> Iterator[Finding]:
    yield Finding("L01", "settings", "ok", f"They hold; site {settings.site or '(no name)'}.")
    yield _spool(settings)
    yield _monitor(settings)
    yield _certificate(settings, now)
    yield _exposure(settings)
    yield _devices(settings)
    spool = settings.spool.directory
    yield from check_place(spool, look_around(spool))


def _spool(settings: EdgeSettings) -> Finding:
    directory = settings.spool.directory
    try:
        free = shutil.disk_usage(directory).free
    except OSError as fault:
        fix = f"Create it for the edge's user alone: install -d -m 700 {directory}"
        return Finding("L02", "spool", "fail", f"{directory}: {fault.strerror}", fix=fix)
    if free <= settings.spool.reserve_bytes:
        text = f"{size_of(free)} are free, and spool.reserve_bytes is not less: mail is deferred."
        return Finding("L02", "spool", "fail", text, fix="Free some disk, or lower the reserve.")
    return Finding("L02", "spool", "ok", f"{directory}, {size_of(free)} free.")


def _monitor(settings: EdgeSettings) -> Finding:
    address = settings.monitor.address
    host = "127.0.0.1" if address.host == "0.0.0.0" else address.host
    place = f"http://{f'[{host}]' if ':' in host else host}:{address.port}/ready"
    try:
        with urlopen(place, timeout=_SECONDS) as answer:
            told = json.load(answer)
    except HTTPError as fault:
        with fault:
            told = json.load(fault)
    except (OSError, ValueError, HTTPException) as fault:
        fix = "Start it: python -m edge --config edge.toml; its log says why it stopped."
        return Finding("L03", "edge", "fail", f"{place} does not answer: {fault}", fix=fix)
    if told["status"] == "unready":
        wrong = ", ".join(name for name, is_so in told["checks"].items() if not is_so)
        fix = "Read the edge's log; a spool that broke needs a restart."
        return Finding("L03", "edge", "fail", f"It takes no mail: {wrong}.", fix=fix)
    if told["status"] == "degraded":
        text = f"It takes mail, but the storage account does not: {told['uplink']['fault']}"
        return Finding("L03", "edge", "warn", text, fix="See S01 to S03.")
    return Finding("L03", "edge", "ok", f"Ready; {told['spool']['mails']:,} mails in the spool.")


def _certificate(settings: EdgeSettings, now: datetime) -> Finding:
    if all(listener.tls == "none" for listener in settings.listeners):
        return Finding("L04", "certificate", "skip", "No listener has TLS.")
    file: Path = settings.tls.certificate
    try:
        ends = x509.load_pem_x509_certificate(file.read_bytes()).not_valid_after_utc
    except (OSError, ValueError) as fault:
        fix = "Give tls.certificate and tls.key, or let the edge make them (self-signed)."
        return Finding("L04", "certificate", "fail", f"{file}: {fault}", fix=fix)
    days = (ends - now.astimezone(UTC)).days
    text = f"It ends {ends:%Y-%m-%d}, in {days} days."
    if days < 0:
        return Finding("L04", "certificate", "fail", text, fix="Renew it; no restart is needed.")
    if days < _SOON_DAYS:
        return Finding("L04", "certificate", "warn", text, fix="Renew it; no restart is needed.")
    return Finding("L04", "certificate", "ok", text)


def _exposure(settings: EdgeSettings) -> Finding:
    legacy = [one.name for one in settings.listeners if one.profile == "legacy"]
    wide = [one.name for one in settings.devices for n in one.networks if n.num_addresses > 65536]
    if wide:
        text = (
            f"Whoever is in a network of {', '.join(sorted(set(wide)))} may send without a login."
        )
        return Finding("L05", "exposure", "warn", text, fix="Name smaller networks.")
    text = f"Listeners {', '.join(legacy)} take old TLS and no login: keep their network apart."
    if legacy:
        return Finding("L05", "exposure", "ok", text)
    return Finding("L05", "exposure", "ok", "Every listener is strict.")


def _devices(settings: EdgeSettings) -> Finding:
    number = len(settings.devices)
    if not number:
        fix = "Add [[devices]] to edge.toml, and reload."
        return Finding("L06", "devices", "fail", "No device may send.", fix=fix)
    return Finding("L06", "devices", "ok", f"{number} may send.")
