"""Google's token service and its IAM Credentials API, for a service account without a key.

https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token and
https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/signJwt.
The token of somebody else is checked as Google checks it: signature, issuer, audience, time, and
who it is. `/_control/rules` says whom it trusts.
"""

import json
import time
from typing import Any

from aiohttp import web
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from local.gmail_simulator.reading import WithFaults
from local.gmail_simulator.world import CLIENT_EMAIL, Token, TokenRefused, World

_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
_SUBJECT_TYPES = (
    "urn:ietf:params:oauth:token-type:jwt",
    "urn:ietf:params:oauth:token-type:id_token",
)
_SIGN_SCOPES = frozenset(
    f"https://www.googleapis.com/auth/{name}" for name in ("iam", "cloud-platform")
)
_LONGEST_JWT_SECONDS = 12 * 3600


class FederationRoutes:
    """The routes of both, around one world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self, with_faults: WithFaults) -> list[web.RouteDef]:
        sign = "/v1/projects/-/serviceAccounts/{account}:signJwt"
        return [
            web.post("/v1/token", with_faults("exchange", self._exchange)),
            web.post(sign, with_faults("sign", self._sign)),
        ]

    async def _exchange(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        try:
            token = self._exchanged(form)
        except TokenRefused as refusal:
            error, description = refusal.args
            body = {"error": error, "error_description": description}
            return web.json_response(body, status=400)
        return web.json_response(
            {
                "access_token": token,
                "issued_token_type": _ACCESS_TOKEN,
                "token_type": "Bearer",
                "expires_in": self._world.rules.token_seconds,
            }
        )

    def _exchanged(self, form: dict[str, str]) -> str:
        wanted = {"grant_type": _EXCHANGE, "requested_token_type": _ACCESS_TOKEN}
        for name, value in wanted.items():
            if form.get(name) != value:
                raise TokenRefused("invalid_request", f'Invalid value for "{name}".')
        if form.get("subject_token_type") not in _SUBJECT_TYPES or not form.get("scope"):
            raise TokenRefused("invalid_request", 'Invalid "subject_token_type" or "scope".')
        pool = self._world.rules.pool
        if form.get("audience") != f"//iam.googleapis.com/{pool.provider}":
            raise TokenRefused(
                "invalid_target",
                'The target service indicated by the "audience" parameters is invalid.',
            )
        subject = self._subject(form.get("subject_token", ""))
        if subject not in pool.subjects:
            raise TokenRefused(
                "unauthorized_client",
                "The given credential is rejected by the attribute condition.",
            )
        return self._world.give(Token(subject, form["scope"].split(), 0))

    def _subject(self, token: str) -> str:
        pool = self._world.rules.pool
        try:
            # joserfc wants its own kinds of dict; these came as JSON.
            keys = KeySet.import_key_set({"keys": pool.keys})  # type: ignore[typeddict-item]
            claims = dict(jwt.decode(token, keys, algorithms=["RS256"]).claims)
        except (JoseError, ValueError) as fault:
            raise TokenRefused("invalid_grant", "Invalid JWT signature.") from fault
        if claims.get("iss") != pool.issuer:
            raise TokenRefused("invalid_grant", "The issuer in ID Token is not the expected one.")
        if claims.get("aud") not in pool.audiences:
            raise TokenRefused("invalid_grant", "The audience in ID Token is not an allowed one.")
        if not claims.get("exp", 0) > time.time():
            raise TokenRefused("invalid_grant", "ID Token is stale to sign-in.")
        return str(claims.get("sub", ""))

    async def _sign(self, request: web.Request) -> web.Response:
        token = self._world.token_of(request.headers)
        if token is None:
            return _error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
        if _SIGN_SCOPES.isdisjoint(token.scopes):
            return _error(403, "PERMISSION_DENIED", "Request had insufficient scopes.")
        account = request.match_info["account"]
        if account != CLIENT_EMAIL:
            return _error(404, "NOT_FOUND", f"Not found; Gaia id not found for email {account}")
        if token.user not in self._world.rules.pool.signers:
            message = "Permission 'iam.serviceAccounts.signJwt' denied on resource."
            return _error(403, "PERMISSION_DENIED", message)
        try:
            claims = _claims(await request.json())
        except (ValueError, LookupError, TypeError, AttributeError):
            return _error(400, "INVALID_ARGUMENT", "payload is no JWT Claims Set.")
        if not time.time() < claims.get("exp", 0) <= time.time() + _LONGEST_JWT_SECONDS:
            return _error(400, "INVALID_ARGUMENT", "exp is not within the next 12 hours.")
        return web.json_response({"keyId": "simulated", "signedJwt": self._world.signed(claims)})


def _claims(body: Any) -> dict[str, Any]:
    return dict(json.loads(body["payload"]).items())


def _error(status: int, name: str, message: str) -> web.Response:
    error = {"code": status, "message": message, "status": name}
    return web.json_response({"error": error}, status=status)
