"""Errors in the shape of Microsoft Entra.

https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

import uuid
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

_KINDS = {
    7000215: (401, "invalid_client", "Invalid client secret provided."),
    7000222: (401, "invalid_client", "The provided client secret keys are expired."),
    7000218: (401, "invalid_client", "A client_assertion or client_secret is needed."),
    7000112: (401, "unauthorized_client", "The application is disabled."),
    700016: (400, "unauthorized_client", "The application was not found in the directory."),
    700027: (401, "invalid_client", "The client assertion failed signature validation."),
    90002: (400, "invalid_tenant", "The tenant was not found."),
    70003: (400, "unsupported_grant_type", "The app requested an unsupported grant type."),
    70011: (400, "invalid_scope", "The value for the input parameter 'scope' is not valid."),
    500011: (400, "invalid_resource", "The resource principal was not found in the tenant."),
    50034: (400, "invalid_grant", "The user account does not exist in the directory."),
    50126: (400, "invalid_grant", "Invalid username or password."),
    50196: (400, "invalid_grant", "The server has found a client that asks in a loop."),
    50033: (503, "temporarily_unavailable", "A transient error has occurred."),
    90033: (503, "temporarily_unavailable", "A transient error has occurred."),
    90055: (429, "temporarily_unavailable", "Too many requests of the tenant."),
}
_OTHERS = (400, "invalid_grant", "The request was refused.")


def entra_error(
    number: int, *, status: int = 0, headers: dict[str, str] | None = None
) -> web.Response:
    """The answer AADSTS<number>; `status` in place of its usual one."""
    usual, error, text = _KINDS.get(number, _OTHERS)
    trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
    stamp = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    body: dict[str, Any] = {
        "error": error,
        "error_description": (
            f"AADSTS{number}: {text}\r\nTrace ID: {trace}\r\n"
            f"Correlation ID: {correlation}\r\nTimestamp: {stamp}"
        ),
        "error_codes": [number],
        "timestamp": stamp,
        "trace_id": trace,
        "correlation_id": correlation,
        "error_uri": f"https://login.microsoftonline.com/error?code={number}",
    }
    return web.json_response(body, status=status or usual, headers=headers)
