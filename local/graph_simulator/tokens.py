"""Where tokens come from: a managed identity's endpoint, and Microsoft Entra's token endpoint."""

import re
import time
from typing import Any

from aiohttp import web

from local.graph_simulator.entra_errors import entra_error
from local.graph_simulator.gate import Gate
from local.graph_simulator.rules import Application
from local.graph_simulator.world import World

_SYSTEM_ASSIGNED = "11111111-1111-1111-1111-111111111111"
_IDENTITY_API = "2019-08-01"
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+")
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
        number = _fault_of_client(application, form) or _fault_of_grant(application, form)
        return entra_error(number) if number else self._granted(application, form)

    def _granted(self, application: Application, form: dict[str, str]) -> web.Response:
        scope = _SCOPE.search(form.get("scope", ""))
        if scope is None:
            return entra_error(70011)
        user = form["username"] if form["grant_type"] == "password" else ""
        seconds = self._world.rules.token_seconds
        answer: dict[str, Any] = {
            "token_type": "Bearer",
            "expires_in": seconds,
            "ext_expires_in": seconds,
            "access_token": self._world.issue(scope[1], application.client_id, user),
        }
        if user:
            answer["scope"] = scope[0]
        return web.json_response(answer)

    def _is_tenant(self, tenant: str) -> bool:
        return any(tenant == known for known, _ in self._world.applications)


def _fault_of_client(application: Application, form: dict[str, str]) -> int:
    """The number of Entra's error; 0 when the client is who it says."""
    if not application.secret:
        return 0
    if "client_assertion" in form:
        is_shaped = _ASSERTION.fullmatch(form["client_assertion"])
        return 0 if is_shaped and form.get("client_assertion_type") == _ASSERTION_TYPE else 700027
    if "client_secret" not in form:
        return 7000218
    return 0 if form["client_secret"] == application.secret else 7000215


def _fault_of_grant(application: Application, form: dict[str, str]) -> int:
    if form.get("grant_type") == "client_credentials":
        return 0 if application.secret else 7000218
    if form.get("grant_type") != "password":
        return 70003
    password = application.users.get(form.get("username", ""))
    if password is None:
        return 50034
    return 0 if password == form.get("password") else 50126
