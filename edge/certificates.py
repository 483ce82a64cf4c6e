"""The listeners' TLS contexts, and a certificate of our own for a first start.

Modern listeners take TLS 1.2 and later. Only a listener of profile `legacy` also takes TLS 1.0,
which OpenSSL 3 needs security level 0 for.
"""

import fcntl
import os
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from edge.notation import is_there
from edge.settings import Listener, TlsSettings

_LIFETIME = timedelta(days=825)
_REMADE_BEFORE = timedelta(days=30)
_NOT_A_PAIR = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED")


class CertificateUnusable(Exception):
    """Certificate or key cannot be read, or do not belong together."""


def context_for(listener: Listener, tls: TlsSettings) -> ssl.SSLContext:
    """The server side context of one listener. Raises CertificateUnusable."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if listener.profile == "legacy":
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED

    def refuse() -> str:
        # Else OpenSSL asks for it on the terminal, and everything waits.
        raise CertificateUnusable(f"tls.key: {tls.key} is encrypted; give it without a pass phrase")

    try:
        context.load_cert_chain(tls.certificate, tls.key, refuse)
    except (OSError, ssl.SSLError) as error:
        raise CertificateUnusable(_what_is_wrong(tls, error)) from error
    return context


def _what_is_wrong(tls: TlsSettings, error: OSError) -> str:
    """In words what OpenSSL says in numbers."""
    parts: tuple[tuple[str, Path, str, Callable[[bytes], object]], ...] = (
        ("tls.certificate", tls.certificate, "certificate", x509.load_pem_x509_certificates),
        ("tls.key", tls.key, "private key", partial(load_pem_private_key, password=None)),
    )
    for setting, path, what, read in parts:
        try:
            read(path.read_bytes())
        except OSError as fault:
            return f"{setting}: {path} cannot be read: {fault.strerror}"
        except (ValueError, UnsupportedAlgorithm):
            return f"{setting}: {path} holds no {what} in PEM"
    reason = getattr(error, "reason", None)
    if reason in _NOT_A_PAIR:
        return f"tls.key: {tls.key} is not the key of {tls.certificate}"
    return f"tls: cannot use {tls.certificate} with {tls.key}: {reason or error}"


def expiry_of(tls: TlsSettings) -> datetime:
    """When the certificate ends, in UTC. Raises CertificateUnusable."""
    try:
        return x509.load_pem_x509_certificate(tls.certificate.read_bytes()).not_valid_after_utc
    except (OSError, ValueError) as error:
        raise CertificateUnusable(f"tls: cannot read {tls.certificate}: {error}") from error


def make_self_signed(tls: TlsSettings, hostname: str, now: datetime) -> None:
    """Have a certificate for `hostname` and its key, made now unless both are there already.

    Raises CertificateUnusable when there is none and the place cannot be written.
    """
    if not _are_there(tls):
        with _only_one(tls):
            if not _are_there(tls):
                _make(tls, hostname, now)
    # What a crash has left half made is mended here. What cannot be, may serve as it is.
    with suppress(CertificateUnusable):
        remake_self_signed(tls, hostname, now)


def remake_self_signed(tls: TlsSettings, hostname: str, now: datetime) -> bool:
    """Whether a self-signed certificate was about to end, and is a new one now.

    One that somebody else has signed is left alone, wherever it lies. Raises CertificateUnusable.
    """
    if not _ends_soon(tls, now):
        return False
    with _only_one(tls):
        if is_ours := _ends_soon(tls, now):  # and not remade by another edge meanwhile
            _make(tls, hostname, now)
    return is_ours


@contextmanager
def _only_one(tls: TlsSettings) -> Iterator[None]:
    # Two edges that share the place must not end with one's key and the other's certificate.
    try:
        tls.key.parent.mkdir(parents=True, exist_ok=True)
        with tls.key.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise CertificateUnusable(
            f"tls: cannot write {error.filename}: {error.strerror}"
        ) from error


def _are_there(tls: TlsSettings) -> bool:
    try:
        return is_there(tls.certificate) and is_there(tls.key)
    except ValueError as error:
        raise CertificateUnusable(f"tls: {error}") from error


def _ends_soon(tls: TlsSettings, now: datetime) -> bool:
    if not _are_there(tls):
        return False
    try:
        shown = x509.load_pem_x509_certificate(tls.certificate.read_bytes())
    except (OSError, ValueError) as error:
        raise CertificateUnusable(f"tls: cannot read {tls.certificate}: {error}") from error
    is_self_signed = shown.issuer == shown.subject
    return is_self_signed and shown.not_valid_after_utc - now <= _REMADE_BEFORE


def _make(tls: TlsSettings, hostname: str, now: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hostname[:64])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now.astimezone(UTC) - timedelta(days=1))
        .not_valid_after(now.astimezone(UTC) + _LIFETIME)
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(hostname), x509.DNSName("localhost")]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    _write(tls.key, secret, 0o600)
    _write(tls.certificate, certificate.public_bytes(serialization.Encoding.PEM), 0o644)


def _write(path: Path, content: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    new.replace(path)
