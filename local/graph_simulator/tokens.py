"""Where tokens come from: a managed identity's endpoint, and Microsoft Entra's token endpoint."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from local.graph_simulator.errors import entra_error
from local.graph_simulator.world import Application, World

_SYSTEM_ASSIGNED = "11111111-1111-1111-1111-111111111111"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Tokens:
    """The routes under /msi and /{tenant}."""

    def __init__(self, world: World, identity_header: str) -> None:
        self._world = world
        self._identity_header = identity_header
        self.resource = ""
        """The address of the simulated Graph, which tokens are for."""

    def routes(self, guard: Callable[[str, Handler], Handler]) -> list[web.RouteDef]:
        return [
            web.get("/msi/token", guard("identity", self._identity)),
            web.get("/{tenant}/v2.0/.well-known/openid-configuration", self._configuration),
            web.get("/common/discovery/instance", self._discovery),
            web.post("/{tenant}/oauth2/v2.0/token", guard("token", self._token)),
        ]

    async def _identity(self, request: web.Request) -> web.Response:
        if request.headers.get("X-IDENTITY-HEADER") != self._identity_header:
            return web.json_response({"statusCode": 401, "message": "Unauthorized"}, status=401)
        resource = request.query.get("resource")
        if not resource:
            return web.json_response({"statusCode": 400, "message": "No resource"}, status=400)
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
        known = [app for app in self._world.applications if app.tenant == tenant]
        client_id = form.get("client_id", "")
        application = next((app for app in known if app.client_id == client_id), None)
        if not known:
            return entra_error(400, "invalid_request", 90002, f"Tenant '{tenant}' not found.")
        if application is None:
            return entra_error(
                400,
                "unauthorized_client",
                700016,
                f"Application with identifier '{client_id}' was not found in the directory.",
            )
        return self._granted(application, form)

    def _granted(self, application: Application, form: dict[str, str]) -> web.Response:
        if form.get("grant_type") != "client_credentials":
            return entra_error(400, "unsupported_grant_type", 70003, "Unsupported grant type.")
        if "client_secret" not in form and "client_assertion" not in form:
            return entra_error(401, "invalid_client", 7000218, "A secret or assertion is needed.")
        if form.get("client_secret", application.secret) != application.secret:
            return entra_error(
                401,
                "invalid_client",
                7000215,
                "Invalid client secret provided. Ensure the secret being sent in the request is"
                " the client secret value, not the client secret ID.",
            )
        audience = form.get("scope", "").split(" ")[0].removesuffix("/.default")
        seconds = self._world.rules.token_seconds
        answer: dict[str, Any] = {
            "token_type": "Bearer",
            "expires_in": seconds,
            "ext_expires_in": seconds,
            "access_token": self._world.issue(audience, application.client_id),
        }
        return web.json_response(answer)
