"""Whether an assertion proves a client: signed by its certificate, or a federated identity's token.

https://learn.microsoft.com/entra/identity-platform/certificate-credentials
https://learn.microsoft.com/entra/workload-id/workload-identity-federation
"""

import json
import time
from base64 import urlsafe_b64decode
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from local.graph_simulator.rules import Application
from local.graph_simulator.world import World

_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_EXCHANGES = (
    "api://AzureADTokenExchange",
    "api://AzureADTokenExchangeUSGov",
    "api://AzureADTokenExchangeChina",
)
_WRONG_SIGNATURE = 700027
_OUT_OF_TIME = 700024
_NO_TRUST = 70021
_WRONG_AUDIENCE = 700025


def fault_of_assertion(
    application: Application, form: dict[str, str], audience: str, world: World
) -> int:
    """The number of Entra's error; 0 when the assertion holds."""
    if form.get("client_assertion_type") != _TYPE:
        return _WRONG_SIGNATURE
    assertion = form["client_assertion"]
    token = world.tokens.get(assertion)
    if token is not None or assertion in application.trusted_tokens:
        is_trusted = assertion in application.trusted_tokens or (
            token is not None and application.is_federated and token.audience in _EXCHANGES
        )
        return 0 if is_trusted else _NO_TRUST
    if not application.certificate:
        return _WRONG_SIGNATURE
    return _fault_of_signature(application, assertion, audience)


def _fault_of_signature(application: Application, assertion: str, audience: str) -> int:
    certificate = x509.load_pem_x509_certificate(application.certificate.encode("ascii"))
    try:
        header, claims = _proved(certificate, assertion)
    except (ValueError, LookupError, AttributeError, InvalidSignature):
        return _WRONG_SIGNATURE
    thumbprints = {
        "x5t": certificate.fingerprint(hashes.SHA1()),
        "x5t#S256": certificate.fingerprint(hashes.SHA256()),
    }
    if not any(_decoded(header.get(name, "")) == of for name, of in thumbprints.items()):
        return _WRONG_SIGNATURE
    if {claims.get("iss"), claims.get("sub")} != {application.client_id}:
        return _WRONG_SIGNATURE
    if claims.get("aud") != audience:
        return _WRONG_AUDIENCE
    return 0 if claims.get("nbf", 0) <= time.time() < claims.get("exp", 0) else _OUT_OF_TIME


def _proved(certificate: x509.Certificate, assertion: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims. Like Entra it takes padded base64, which azure-identity writes."""
    signed, _, signature = assertion.rpartition(".")
    header, claims = (json.loads(_decoded(part)) for part in signed.split("."))
    paddings = {
        "RS256": PKCS1v15(),
        "PS256": PSS(MGF1(hashes.SHA256()), PSS.DIGEST_LENGTH),
    }
    key = certificate.public_key()
    if not isinstance(key, RSAPublicKey):
        raise ValueError("not RSA")
    key.verify(_decoded(signature), signed.encode(), paddings[header["alg"]], hashes.SHA256())
    return header, claims


def _decoded(text: str) -> bytes:
    return urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))
