"""The record of an application, as Microsoft Entra shows it to whoever may read it.

https://learn.microsoft.com/graph/api/application-get
"""

import uuid
from base64 import b64encode
from datetime import datetime
from typing import Any

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1

from local.graph_simulator.errors import GraphError, json_response
from local.graph_simulator.gate import Gate
from local.graph_simulator.rules import Application, Secret
from local.graph_simulator.world import World

_CONTEXT = "https://graph.microsoft.com/v1.0/$metadata#applications/$entity"


class ApplicationRoutes:
    """Read only, and by the application's own id alone."""

    def __init__(self, world: World, gate: Gate) -> None:
        self._world = world
        self._gate = gate

    def routes(self) -> list[web.RouteDef]:
        show = self._gate.directory("application", ("Application.Read.All",), self._show)
        return [web.get("/v1.0/applications(appId='{client_id:[^'/]+}')", show)]

    async def _show(self, request: web.Request) -> web.StreamResponse:
        client_id = request.match_info["client_id"].casefold()
        for application in self._world.applications.values():
            if application.client_id.casefold() == client_id:
                shown = _selected(_shown(application), request)
                return json_response({"@odata.context": _CONTEXT} | shown)
        raise GraphError(
            404,
            "Request_ResourceNotFound",
            f"Resource '{client_id}' does not exist or one of its queried reference-property "
            "objects are not present.",
            has_inner=True,
        )


def _shown(application: Application) -> dict[str, Any]:
    keys = [application.certificate] if application.certificate else []
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, application.client_id)),
        "appId": application.client_id,
        "displayName": "relay",
        "passwordCredentials": list(map(_password, application.secrets)),
        "keyCredentials": list(map(_key, keys)),
    }


def _selected(record: dict[str, Any], request: web.Request) -> dict[str, Any]:
    wanted = request.query.get("$select")
    if wanted is None:
        return record
    for name in (names := wanted.split(",")):
        if name not in record:
            raise GraphError(
                400,
                "BadRequest",
                f"Could not find a property named '{name}' on type 'microsoft.graph.application'.",
                has_inner=True,
            )
    return {name: record[name] for name in names}


def _password(secret: Secret) -> dict[str, Any]:
    return {
        "customKeyIdentifier": None,
        "displayName": None,
        "endDateTime": _stamp(secret.ends_at),
        "hint": secret.hint,
        "keyId": str(uuid.uuid4()),
        "secretText": None,
        "startDateTime": "2024-01-01T00:00:00Z",
    }


def _key(pem: str) -> dict[str, Any]:
    certificate = x509.load_pem_x509_certificate(pem.encode())
    return {
        "customKeyIdentifier": b64encode(certificate.fingerprint(SHA1())).decode(),
        "displayName": certificate.subject.rfc4514_string(),
        "endDateTime": _stamp(certificate.not_valid_after_utc),
        "key": None,
        "keyId": str(uuid.uuid4()),
        "startDateTime": _stamp(certificate.not_valid_before_utc),
        "type": "AsymmetricX509Cert",
        "usage": "Verify",
    }


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
