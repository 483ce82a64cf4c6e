"""TLS: which versions, with which certificate, and a new one without dropping anybody."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509
from structlog.testing import capture_logs

from edge.renewal import Renewal
from tests.edge.door import LEGACY, PRINTER, STRICT, Door, open_door
from tests.edge.talk import Talk, talk, until

AUTHORITY = trustme.CA()
LOOSE = LEGACY | {"tls": "starttls"}
DOORS: dict[str, dict[str, Any]] = {
    "strict starttls": STRICT | {"auth": "optional"},
    "strict implicit": STRICT | {"tls": "implicit", "auth": "optional"},
    "legacy starttls": LOOSE,
    "legacy implicit": LEGACY | {"tls": "implicit"},
}
OLD = (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1)


def any_context(version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    """Trusts everybody, and can be as old as OpenSSL allows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    if version is not None:
        context.options &= ~(ssl.OP_NO_TLSv1 | ssl.OP_NO_TLSv1_1)
        context.minimum_version = context.maximum_version = version
    return context


@asynccontextmanager
async def secured(door: Door, context: ssl.SSLContext, name: str = "") -> AsyncIterator[Talk]:
    """A session in TLS. Without `name` the client sends no server name."""
    if door.reception.listener.tls == "implicit":
        async with talk(door, ssl=context, server_hostname=name) as client:
            yield client
    else:
        async with talk(door) as client:
            await client.say("STARTTLS")
            await client.writer.start_tls(context, server_hostname=name)
            await client.say("EHLO x")
            yield client


def shown(client: Talk) -> x509.Certificate:
    connection = client.writer.get_extra_info("ssl_object")
    return x509.load_der_x509_certificate(connection.getpeercert(binary_form=True))


@pytest.mark.filterwarnings("ignore:.*TLSv1.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:ssl.OP_NO_SSL.*:DeprecationWarning")
async def test_a_handshake_that_fails_is_logged_with_its_reason(tmp_path: Path) -> None:
    with capture_logs() as events:
        async with open_door(tmp_path, listeners=[STRICT], devices=[PRINTER]) as door:
            with suppress(ssl.SSLError, ConnectionError):
                async with secured(door, any_context(ssl.TLSVersion.TLSv1)):
                    pass

    assert [
        {
            "event": "handshake_failed",
            "log_level": "info",
            "listener": "strict",
            "peer": "127.0.0.1",
            "reason": "UNSUPPORTED_PROTOCOL",
        }
    ] == events


@pytest.mark.filterwarnings("ignore:.*TLSv1.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:ssl.OP_NO_SSL.*:DeprecationWarning")
@pytest.mark.parametrize("version", list(ssl.TLSVersion)[2:6], ids=lambda version: version.name)
@pytest.mark.parametrize("name", DOORS)
async def test_old_tls_on_legacy_listeners_alone(
    name: str, version: ssl.TLSVersion, tmp_path: Path
) -> None:
    async with open_door(tmp_path, listeners=[DOORS[name]], devices=[PRINTER]) as door:
        outcome = "refused"
        with suppress(ssl.SSLError, ConnectionError):
            async with secured(door, any_context(version)) as client:
                outcome = (await client.mail(b"Subject: x\r\n"))[:3]
        async with secured(door, any_context()) as client:
            assert client.writer.get_extra_info("ssl_object").version() == "TLSv1.3"

    assert outcome == ("refused" if version in OLD and "strict" in name else "250")


async def test_clear_text_on_an_implicit_listener_is_no_dialog(tmp_path: Path) -> None:
    listener = DOORS["strict implicit"]
    async with open_door(tmp_path, listeners=[listener]) as door, talk(door, None) as client:
        client.send(b"EHLO x\r\nMAIL FROM:<a@b.org>\r\n")

        assert b"250" not in await client.reader.read()


def _put(door: Door, key_type: trustme.KeyType, expires_at: datetime) -> int:
    """Replace certificate and key, as a renewal does; the serial number of the new one."""
    made = AUTHORITY.issue_cert("localhost", "127.0.0.1", key_type=key_type, not_after=expires_at)
    tls = door.reception.settings.tls
    for path, octets in (
        (tls.key, made.private_key_pem.bytes()),
        (tls.certificate, made.cert_chain_pems[0].bytes()),
    ):
        new = path.with_suffix(".new")
        new.write_bytes(octets)
        new.replace(path)
    return x509.load_pem_x509_certificate(made.cert_chain_pems[0].bytes()).serial_number


@asynccontextmanager
async def renewing(
    door: Door, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> AsyncIterator[None]:
    reception = door.reception
    assert reception.tls is not None
    renewal = Renewal(
        reception.settings.tls,
        "relay.test",
        [(reception.listener, reception.tls)],
        reception.metrics,
        now,
    )
    task = asyncio.create_task(renewal.run())
    try:
        yield
    finally:
        task.cancel()


def _expiry(door: Door) -> float:
    value = door.reception.metrics.registry.get_sample_value(
        "relay_tls_certificate_expiry_timestamp_seconds"
    )
    assert value is not None
    return value


@pytest.mark.parametrize("name", ["strict starttls", "strict implicit"])
@pytest.mark.parametrize("server_name", ["", "localhost"])
async def test_a_new_certificate_is_shown_and_nobody_is_dropped(
    name: str, server_name: str, tmp_path: Path
) -> None:
    expires_at = (datetime.now(UTC) + timedelta(days=30)).replace(microsecond=0)
    listener = DOORS[name]
    async with (
        open_door(tmp_path, listeners=[listener], devices=[PRINTER]) as door,
        renewing(door),
        secured(door, any_context()) as before,
    ):
        assert _expiry(door) != expires_at.timestamp()

        for key_type in (trustme.KeyType.RSA, trustme.KeyType.ECDSA, trustme.KeyType.RSA):
            expires_at += timedelta(days=1)
            serial = _put(door, key_type, expires_at)
            await until(lambda: _expiry(door) == expires_at.timestamp())  # noqa: B023
            async with secured(door, any_context(), server_name) as after:
                assert shown(after).serial_number == serial
                assert (await after.mail(b"Subject: x\r\n")).startswith("250 ")

        assert (await before.mail(b"Subject: x\r\n")).startswith("250 ")


async def test_half_a_renewal_changes_nothing(tmp_path: Path) -> None:
    async with (
        open_door(tmp_path, listeners=[DOORS["strict implicit"]], devices=[PRINTER]) as door,
        renewing(door),
    ):
        tls = door.reception.settings.tls
        key = tls.key.read_bytes()
        before = _expiry(door)
        async with secured(door, any_context()) as client:
            serial = shown(client).serial_number
        expires_at = datetime.now(UTC).replace(microsecond=0) + timedelta(days=9)
        _put(door, trustme.KeyType.ECDSA, expires_at)
        new_key = tls.key.read_bytes()
        with capture_logs() as events:
            tls.key.write_bytes(key)
            await until(lambda: [e for e in events if e["event"] == "certificate_not_loaded"])
        async with secured(door, any_context()) as client:
            assert shown(client).serial_number == serial
        assert _expiry(door) == before

        tls.key.write_bytes(new_key)
        await until(lambda: _expiry(door) == expires_at.timestamp())
