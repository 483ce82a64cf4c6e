"""What ends at this edge, and when: certificates, signatures, client secrets."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

from edge.certificates import CertificateUnusable, expiry_of
from edge.settings import EdgeSettings
from handoff.expiry import signature_expiry
from handoff.signals import TLS_CERTIFICATE

STORAGE_SIGNATURE = "storage-signature"


@dataclass(frozen=True)
class Endings:
    known: Mapping[str, datetime]
    """By what it is."""
    unreadable: Sequence[str]
    """Why the ends of others are not known."""


def endings_of(settings: EdgeSettings, environment: Mapping[str, str]) -> Endings:
    known, unreadable = dict(_told(settings)), []
    for what, read in _certificates(settings, environment):
        try:
            known[what] = read()
        except CertificateUnusable as error:
            unreadable.append(str(error))
    return Endings(known, unreadable)


def _told(settings: EdgeSettings) -> Iterator[tuple[str, datetime]]:
    storage, users = settings.storage, settings.entra.users
    secret = storage.connection_string
    signature = signature_expiry(secret.get_secret_value()) if secret else None
    if signature is not None:
        yield STORAGE_SIGNATURE, signature
    if storage.client_secret_expires is not None:
        yield "storage-secret", storage.client_secret_expires
    if users.client_secret_expires is not None:
        yield "users-secret", users.client_secret_expires


def _certificates(
    settings: EdgeSettings, environment: Mapping[str, str]
) -> Iterator[tuple[str, Callable[[], datetime]]]:
    if any(listener.tls != "none" for listener in settings.listeners):
        yield TLS_CERTIFICATE, partial(expiry_of, settings.tls)
    path = environment.get("AZURE_CLIENT_CERTIFICATE_PATH")
    if path and settings.storage.connection_string is None:
        password = environment.get("AZURE_CLIENT_CERTIFICATE_PASSWORD", "")
        yield "storage-certificate", partial(_expiry_of_own, Path(path), password)


def _expiry_of_own(path: Path, password: str) -> datetime:
    """Of the certificate that the edge signs in with: PEM or PFX, as azure-identity takes it."""
    try:
        octets = path.read_bytes()
        if b"-----BEGIN" in octets:
            return x509.load_pem_x509_certificate(octets).not_valid_after_utc
        found = load_pkcs12(octets, password.encode() or None).cert
    except (OSError, ValueError) as error:
        # Nothing of its text: it may quote the file.
        raise CertificateUnusable(f"cannot read {path}: {type(error).__name__}") from None
    if found is None:
        raise CertificateUnusable(f"cannot read {path}: it has no certificate")
    return found.certificate.not_valid_after_utc
