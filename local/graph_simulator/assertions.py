"""Whether an assertion proves a client: signed by its certificate, or a federated identity's token.

https://learn.microsoft.com/entra/identity-platform/certificate-credentials
https://learn.microsoft.com/entra/workload-id/workload-identity-federation
"""

import time
from base64 import urlsafe_b64encode

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from joserfc.jws import JWSRegistry

from local.graph_simulator.rules import Application
from local.graph_simulator.world import World

_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_EXCHANGES = (
    "api://AzureADTokenExchange",
    "api://AzureADTokenExchangeUSGov",
    "api://AzureADTokenExchangeChina",
)
_LONGEST_HEADER = 16 * 1024
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
        key = RSAKey.import_key(application.certificate)
        registry = JWSRegistry(algorithms=["RS256", "PS256"])
        registry.max_header_length = _LONGEST_HEADER  # the certificate itself may be in it
        token = jwt.decode(assertion, key, registry=registry)
    except (JoseError, ValueError):
        return _WRONG_SIGNATURE
    thumbprints = {
        "x5t": certificate.fingerprint(hashes.SHA1()),
        "x5t#S256": certificate.fingerprint(hashes.SHA256()),
    }
    # MSAL pads its base64.
    said = {name: str(token.header.get(name, "")).rstrip("=") for name in thumbprints}
    if not any(said[name] == _base64url(of) for name, of in thumbprints.items()):
        return _WRONG_SIGNATURE
    claims = token.claims
    if {claims.get("iss"), claims.get("sub")} != {application.client_id}:
        return _WRONG_SIGNATURE
    if claims.get("aud") != audience:
        return _WRONG_AUDIENCE
    return 0 if claims.get("nbf", 0) <= time.time() < claims.get("exp", 0) else _OUT_OF_TIME


def _base64url(octets: bytes) -> str:
    return urlsafe_b64encode(octets).decode("ascii").rstrip("=")
