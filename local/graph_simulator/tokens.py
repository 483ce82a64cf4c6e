"""Where tokens come from: a managed identity's endpoint, and Microsoft Entra's token endpoint."""

import re
import secrets
import time
from typing import Any

from aiohttp import web

from local.graph_simulator.assertions import fault_of_assertion
from local.graph_simulator.entra_errors import entra_error
from local.graph_simulator.gate import Gate
from local.graph_simulator.rules import Application
from local.graph_simulator.world import World, base64url

_SYSTEM_ASSIGNED = "11111111-1111-1111-1111-111111111111"
_IDENTITY_API = "2019-08-01"
_SCOPE = re.compile(r"(\S+?)/\.default")


class TokenRoutes:
    """The routes under /msi and /{tenant}."""

    def __init__(self, world: World, gate: Gate, identity_header: str) -> None:
        self._world = world
        self._gate = gate
        self._identity_header = identity_header

    def routes(self) -> list[web.RouteDef]:
        guard = self._gate.guard
        return [
            web.get("/msi/token", guard("identity", self._identity)),
            web.get("/{tenant}/v2.0/.well-known/openid-configuration", self._configuration),
            web.get("/common/discovery/instance", self._discovery),
            web.get("/common/userrealm/{user}", self._realm),
            web.get("/common/discovery/keys", self._keys),
            web.post("/{tenant}/oauth2/v2.0/token", guard("token", self._token)),
        ]

    async def _identity(self, request: web.Request) -> web.Response:
        """https://learn.microsoft.com/azure/app-service/overview-managed-identity"""
        if request.headers.get("X-IDENTITY-HEADER") != self._identity_header:
            return web.json_response({"statusCode": 401, "message": "Unauthorized"}, status=401)
        resource = request.query.get("resource")
        if not resource or request.query.get("api-version") != _IDENTITY_API:
            message = f"resource and api-version={_IDENTITY_API} are needed"
            return web.json_response({"statusCode": 400, "message": message}, status=400)
        client_id = request.query.get("client_id", _SYSTEM_ASSIGNED)
        seconds = self._world.rules.token_seconds
        return web.json_response(
            {
                "access_token": self._world.issue(resource, client_id),
                "expires_on": str(int(time.time()) + seconds),
                "resource": resource,
                "token_type": "Bearer",
                "client_id": client_id,
            }
        )

    async def _configuration(self, request: web.Request) -> web.Response:
        tenant = request.match_info["tenant"]
        if not self._is_tenant(tenant):
            return entra_error(90002)
        here = f"{request.scheme}://{request.host}/{tenant}"
        return web.json_response(
            {
                "token_endpoint": f"{here}/oauth2/v2.0/token",
                "authorization_endpoint": f"{here}/oauth2/v2.0/authorize",
                "device_authorization_endpoint": f"{here}/oauth2/v2.0/devicecode",
                "issuer": f"{here}/v2.0",
            }
        )

    async def _discovery(self, request: web.Request) -> web.Response:
        endpoint = request.query.get("authorization_endpoint", "")
        tenant = endpoint.removesuffix("/oauth2/v2.0/authorize")
        return web.json_response(
            {"tenant_discovery_endpoint": f"{tenant}/v2.0/.well-known/openid-configuration"}
        )

    async def _token(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        tenant = request.match_info["tenant"]
        application = self._world.applications.get((tenant, form.get("client_id", "")))
        if not self._is_tenant(tenant):
            return entra_error(90002)
        if application is None:
            return entra_error(700016)
        here = f"{request.scheme}://{request.host}/{tenant}"
        number = self._fault_of_client(application, form, f"{here}/oauth2/v2.0/token")
        number = number or self._fault_of_grant(application, form)
        return entra_error(number) if number else self._granted(application, form, here)

    async def _realm(self, request: web.Request) -> web.Response:
        """Of an account that Entra itself keeps the password of."""
        return web.json_response({"ver": "1.0", "account_type": "Managed"})

    async def _keys(self, _request: web.Request) -> web.Response:
        return web.json_response(self._world.public_keys)

    def _granted(self, application: Application, form: dict[str, str], here: str) -> web.Response:
        scope = _SCOPE.search(form.get("scope", ""))
        if scope is None:
            return entra_error(70011)
        user = form.get("username", "") or self._world.refreshers.get(
            form.get("refresh_token", ""), ""
        )
        seconds = self._world.rules.token_seconds
        answer: dict[str, Any] = {
            "token_type": "Bearer",
            "expires_in": seconds,
            "ext_expires_in": seconds,
            "access_token": self._world.issue(scope[1], application.client_id, user),
        }
        if self._world.rules.refresh_seconds:
            answer["refresh_in"] = self._world.rules.refresh_seconds
        if user:
            answer |= self._of_user(application, user, here) | {"scope": scope[0]}
        return web.json_response(answer)

    def _of_user(self, application: Application, user: str, here: str) -> dict[str, str]:
        """What MSAL needs to know the user again."""
        identity = {
            "iss": f"{here}/v2.0",
            "aud": application.client_id,
            "sub": user,
            "oid": user,
            "tid": application.tenant,
            "preferred_username": user,
            "iat": int(time.time()),
            "exp": int(time.time()) + self._world.rules.token_seconds,
        }
        refresher = secrets.token_urlsafe(32)
        self._world.refreshers[refresher] = user
        return {
            "id_token": f"{base64url({'alg': 'RS256'})}.{base64url(identity)}.c2ln",
            "client_info": base64url({"uid": user, "utid": application.tenant}),
            "refresh_token": refresher,
        }

    def _is_tenant(self, tenant: str) -> bool:
        return any(tenant == known for known, _ in self._world.applications)

    def _fault_of_client(
        self, application: Application, form: dict[str, str], audience: str
    ) -> int:
        """The number of Entra's error; 0 when the client is who it says."""
        if not application.is_confidential:
            return 0
        if "client_assertion" in form:
            return fault_of_assertion(application, form, audience, self._world)
        if "client_secret" not in form:
            return 7000218
        is_right = application.secret and form["client_secret"] == application.secret
        return 0 if is_right else 7000215

    def _fault_of_grant(self, application: Application, form: dict[str, str]) -> int:
        match form.get("grant_type"):
            case "client_credentials":
                return 0 if application.is_confidential else 7000218
            case "refresh_token":
                return 0 if form.get("refresh_token") in self._world.refreshers else 70008
            case "password":
                password = application.users.get(form.get("username", ""))
                if password is None:
                    return 50034
                return 0 if password == form.get("password") else 50126
            case _:
                return 70003
