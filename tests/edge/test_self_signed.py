"""A certificate of the edge's own is made once, and anew before it ends; nobody is dropped."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from structlog.testing import capture_logs

from edge.certificates import (
    CertificateUnusable,
    context_for,
    expiry_of,
    make_self_signed,
    remake_self_signed,
)
from edge.settings import Listener, TlsSettings
from tests.edge.door import PRINTER, STRICT, open_door
from tests.edge.talk import until
from tests.edge.test_tls import any_context, renewing, secured, shown

NOW = datetime.now(UTC).replace(microsecond=0)
ENDS = NOW + timedelta(days=825)
LISTENER = Listener.model_validate(STRICT)
IMPLICIT: dict[str, Any] = STRICT | {"tls": "implicit", "auth": "optional"}


def own(directory: Path) -> TlsSettings:
    """Made by the edge now."""
    tls = TlsSettings(certificate=directory / "certificate.pem", key=directory / "key.pem")
    make_self_signed(tls, "relay.test", NOW)
    return tls


def test_it_is_made_once(tmp_path: Path) -> None:
    tls = own(tmp_path)
    before = tls.certificate.read_bytes()
    make_self_signed(tls, "relay.test", NOW + timedelta(days=790))

    assert before == tls.certificate.read_bytes()
    assert expiry_of(tls) == ENDS
    assert 0o600 == stat.S_IMODE(tls.key.stat().st_mode)


@pytest.mark.parametrize(("days_before", "is_remade"), [(31, False), (30, True), (-1, True)])
def test_it_is_made_anew_thirty_days_before_its_end(
    tmp_path: Path, days_before: int, is_remade: bool
) -> None:
    tls, late = own(tmp_path), ENDS - timedelta(days=days_before)

    assert is_remade == remake_self_signed(tls, "relay.test", late)
    assert expiry_of(tls) == (late + timedelta(days=825) if is_remade else ENDS)
    assert not remake_self_signed(tls, "relay.test", late)
    context_for(LISTENER, tls)  # key and certificate belong together


def test_a_crash_between_key_and_certificate_is_mended(tmp_path: Path) -> None:
    tls, other = own(tmp_path), own(tmp_path / "other")
    tls.key.write_bytes(other.key.read_bytes())
    make_self_signed(tls, "relay.test", ENDS - timedelta(days=20))

    context_for(LISTENER, tls)


def test_what_somebody_else_has_signed_is_left_alone(tmp_path: Path) -> None:
    tls = own(tmp_path)
    signed = trustme.CA().issue_cert("relay.test", not_after=NOW + timedelta(days=1))
    tls.certificate.write_bytes(signed.cert_chain_pems[0].bytes())

    assert not remake_self_signed(tls, "relay.test", NOW)
    assert not remake_self_signed(
        TlsSettings(certificate=tmp_path / "no", key=tmp_path / "none"), "relay.test", NOW
    )


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    tls = own(tmp_path)
    tls.certificate.write_text("no certificate")

    with pytest.raises(CertificateUnusable, match="cannot read"):
        remake_self_signed(tls, "relay.test", NOW)


def test_a_key_that_nobody_can_look_for_is_told(tmp_path: Path) -> None:
    # As when the right to enter its directory is taken away meanwhile.
    tls = own(tmp_path).model_copy(update={"key": tmp_path / ("x" * 300)})

    with pytest.raises(CertificateUnusable, match="cannot be read: File name too long"):
        remake_self_signed(tls, "relay.test", NOW)


async def test_the_new_one_is_shown_and_nobody_is_dropped(tmp_path: Path) -> None:
    tls, now = own(tmp_path / "tls"), NOW
    settings = {"source": "self-signed", "certificate": tls.certificate, "key": tls.key}
    async with (
        open_door(tmp_path, listeners=[IMPLICIT], devices=[PRINTER], tls=settings) as door,
        renewing(door, lambda: now),
        secured(door, any_context()) as before,
    ):
        first = shown(before).serial_number
        now = ENDS - timedelta(days=29)
        with capture_logs() as logs:
            await until(lambda: "certificate_loaded" in [line["event"] for line in logs])
        async with secured(door, any_context()) as after:
            assert shown(after).serial_number != first
            assert (await after.mail(b"Subject: x\r\n")).startswith("250 ")

        assert (await before.mail(b"Subject: x\r\n")).startswith("250 ")


async def test_a_place_that_cannot_be_written_is_told_once_an_hour(tmp_path: Path) -> None:
    tls, now = own(tmp_path / "tls"), NOW
    settings = {"source": "self-signed", "certificate": tls.certificate, "key": tls.key}
    async with (
        open_door(tmp_path, listeners=[IMPLICIT], tls=settings) as door,
        renewing(door, lambda: now),
    ):
        lock = tls.key.with_suffix(".lock")
        lock.unlink()
        lock.mkdir()
        now = ENDS
        with capture_logs() as logs:
            await until(lambda: "certificate_not_remade" in [line["event"] for line in logs])
        async with secured(door, any_context()) as client:
            assert shown(client).not_valid_after_utc == ENDS
