"""The certificate of an application: PFX or PEM, as text or in a file.

What a Key Vault reference to a certificate yields is base64 of a PFX without a password.
"""

from base64 import b64decode
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates

from function_app.providers.token_faults import TokenUnavailable


@dataclass(frozen=True)
class _Pair:
    key: PrivateKeyTypes
    certificate: x509.Certificate


def credential_of(setting: str, password: str) -> dict[str, Any]:
    """The certificate as MSAL asks for it. Raises TokenUnavailable."""
    pair = _pair_of(setting, password)
    key = pair.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return {
        "private_key": key.decode("ascii"),
        "public_certificate": pair.certificate.public_bytes(Encoding.PEM).decode("ascii"),
    }


def expiry_of(setting: str, password: str) -> datetime:
    """When the certificate ends, in UTC. Raises TokenUnavailable."""
    return _pair_of(setting, password).certificate.not_valid_after_utc


def _pair_of(setting: str, password: str) -> _Pair:
    secret = password.encode() or None
    try:
        octets = _octets_of(setting)
        if b"-----BEGIN" in octets:
            return _Pair(
                load_pem_private_key(octets, secret), x509.load_pem_x509_certificate(octets)
            )
        key, certificate, _ = load_key_and_certificates(octets, secret)
    except (OSError, ValueError, TypeError) as fault:
        # Nothing of its text: it may quote the setting.
        raise _unusable(type(fault).__name__) from None
    if key is None or certificate is None:
        raise _unusable("it has no key, or no certificate")
    return _Pair(key, certificate)


def _octets_of(setting: str) -> bytes:
    if "-----BEGIN" in setting:
        # App settings written on one line have \\n for the ends of lines.
        return setting.replace("\\n", "\n").encode("ascii")
    if setting.startswith("/"):
        return Path(setting).read_bytes()
    return b64decode("".join(setting.split()), validate=True)


def _unusable(why: str) -> TokenUnavailable:
    return TokenUnavailable(
        "certificate-unusable",
        f"The certificate of the identity cannot be used ({why}). Set CERTIFICATE to a PEM with "
        "its key, to base64 of a PFX, or to the path of either, and check CERTIFICATE_PASSWORD.",
        is_configuration=True,
    )
