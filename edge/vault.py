"""The listeners' certificate, fetched from a Key Vault into the files that the listeners read.

The files are the copy that serves while the vault does not answer, and a change of them is taken
into use like any other. Signed in to by the same means as the storage account; the right to read
that one secret is enough.
"""

import asyncio
import os
import tempfile
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog
from azure.core.exceptions import AzureError, HttpResponseError
from azure.identity.aio import DefaultAzureCredential
from azure.keyvault.secrets.aio import SecretClient
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

from edge.settings import TlsSettings

_LOOK_SECONDS = 3600.0
_PKCS12 = "application/x-pkcs12"
log = structlog.get_logger()


class VaultUnavailable(Exception):
    """The vault did not give the certificate. The text says why, in one line."""


@dataclass(frozen=True)
class _Pair:
    chain: bytes
    key: bytes


async def fetch_certificate(tls: TlsSettings) -> bool:
    """Put the vault's certificate into the files of `tls`; whether it is another than before.

    Raises VaultUnavailable, with the files as they were.
    """
    pair = _read(*await _secret_of(tls))
    try:
        if _holds(tls.certificate, pair.chain) and _holds(tls.key, pair.key):
            return False
        _replace(tls.key, pair.key, 0o600)
        _replace(tls.certificate, pair.chain, 0o644)
    except OSError as error:
        raise VaultUnavailable(f"tls: cannot write {error.filename}: {error.strerror}") from error
    return True


async def have_certificate(tls: TlsSettings) -> None:
    """Fetch it, or be content with what was fetched before. Raises VaultUnavailable."""
    try:
        await fetch_certificate(tls)
    except VaultUnavailable as error:
        if not (tls.certificate.exists() and tls.key.exists()):
            raise
        log.warning("vault_unavailable", reason=str(error))


async def follow_vault(current: Callable[[], TlsSettings], pause: float = _LOOK_SECONDS) -> None:
    """Fetch it again and again, until cancelled."""
    while True:
        await asyncio.sleep(pause)
        tls = current()
        if tls.source != "keyvault":
            continue
        try:
            if await fetch_certificate(tls):
                log.info("certificate_fetched")
        except VaultUnavailable as error:
            log.warning("vault_unavailable", reason=str(error))


async def _secret_of(tls: TlsSettings) -> tuple[str, str]:
    """Its value, and what kind of text that is."""
    try:
        async with (
            DefaultAzureCredential() as credential,
            SecretClient(
                tls.vault_url,
                credential,
                retry_total=2,
                connection_timeout=5,
                read_timeout=20,
            ) as vault,
        ):
            secret = await vault.get_secret(tls.vault_certificate)
    except (AzureError, OSError, ValueError) as error:
        raise VaultUnavailable(f"tls: {tls.vault_url}: {_reason(error)}") from error
    return secret.value or "", secret.properties.content_type or ""


def _read(value: str, kind: str) -> _Pair:
    try:
        if kind == _PKCS12:
            return _from_pfx(b64decode(value, validate=True))
        return _from_pem(value.encode("ascii"))
    except (ValueError, TypeError) as error:
        # Nothing of its text: it may quote the key.
        name = type(error).__name__
        raise VaultUnavailable(f"tls: what the vault holds is no certificate ({name})") from None


def _from_pfx(octets: bytes) -> _Pair:
    found = load_pkcs12(octets, None)
    if found.key is None or found.cert is None:
        raise ValueError("it has no key, or no certificate")
    chain = [found.cert.certificate, *(other.certificate for other in found.additional_certs)]
    key = found.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return _Pair(b"".join(one.public_bytes(Encoding.PEM) for one in chain), key)


def _from_pem(octets: bytes) -> _Pair:
    key = load_pem_private_key(octets, None)
    chain = x509.load_pem_x509_certificates(octets)
    return _Pair(
        b"".join(one.public_bytes(Encoding.PEM) for one in chain),
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )


def _reason(error: Exception) -> str:
    if isinstance(error, HttpResponseError) and error.status_code:
        code = error.error.code if error.error is not None else error.reason
        return f"{error.status_code} {code}"
    return f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')[:200]}"


def _holds(path: Path, octets: bytes) -> bool:
    return path.is_file() and path.read_bytes() == octets


def _replace(path: Path, octets: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    draft = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(octets)
        draft.chmod(mode)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
