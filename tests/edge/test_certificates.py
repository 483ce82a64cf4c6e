"""A certificate that cannot be used: which setting it is, and what to do, in one line."""

from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from edge.certificates import CertificateUnusable, context_for
from edge.notation import Endpoint
from edge.settings import Listener, TlsSettings

LISTENER = Listener(name="submission", address=Endpoint("127.0.0.1", 0))
AUTHORITY = trustme.CA()
OTHER_KEY = AUTHORITY.issue_cert("localhost", key_type=trustme.KeyType.ECDSA)
RSA_KEY = AUTHORITY.issue_cert("localhost", key_type=trustme.KeyType.RSA)


@pytest.fixture
def tls(tmp_path: Path) -> TlsSettings:
    issued = AUTHORITY.issue_cert("localhost", key_type=trustme.KeyType.ECDSA)
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    issued.cert_chain_pems[0].write_to_path(str(certificate))
    issued.private_key_pem.write_to_path(str(key))
    return TlsSettings(source="file", certificate=certificate, key=key)


def fault_of(tls: TlsSettings) -> str:
    with pytest.raises(CertificateUnusable) as error:
        context_for(LISTENER, tls)
    return str(error.value)


def test_a_key_of_another_certificate_is_told(tls: TlsSettings) -> None:
    for other in (OTHER_KEY, RSA_KEY):
        other.private_key_pem.write_to_path(str(tls.key))

        assert fault_of(tls) == f"tls.key: {tls.key} is not the key of {tls.certificate}"


def test_an_encrypted_key_is_told_and_nobody_is_asked(
    tls: TlsSettings, capfd: pytest.CaptureFixture[str]
) -> None:
    key = load_pem_private_key(tls.key.read_bytes(), None)
    tls.key.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"hush"))
    )

    assert fault_of(tls) == f"tls.key: {tls.key} is encrypted; give it without a pass phrase"
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("content", ["", "hello", "-----BEGIN CERTIFICATE-----\nx\n"])
def test_files_that_hold_something_else_are_told(content: str, tls: TlsSettings) -> None:
    before = tls.certificate.read_bytes()
    tls.certificate.write_text(content)

    assert fault_of(tls) == f"tls.certificate: {tls.certificate} holds no certificate in PEM"

    tls.certificate.write_bytes(before)
    tls.key.write_text(content)

    assert fault_of(tls) == f"tls.key: {tls.key} holds no private key in PEM"


def test_a_file_that_cannot_be_read_is_told(tls: TlsSettings) -> None:
    tls.key.unlink()
    tls.key.mkdir()

    assert fault_of(tls) == f"tls.key: {tls.key} cannot be read: Is a directory"
