"""Errors in the shapes that Graph and Entra have been seen to use."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

from aiohttp import web


class GraphError(Exception):
    """An answer of Graph that is no success."""

    def __init__(
        self, status: int, code: str, message: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}

    def response(self) -> web.Response:
        body = {
            "error": {
                "code": self.code,
                "message": self.message,
                "innerError": {
                    "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
                    "request-id": str(uuid.uuid4()),
                },
            }
        }
        return web.Response(
            status=self.status,
            text=json.dumps(body),
            content_type="application/json",
            headers=self.headers,
        )


def invalid_token(message: str, **challenge: str) -> GraphError:
    values = {
        "realm": "",
        "authorization_uri": "https://login.microsoftonline.com/common/oauth2/v2.0/authorize",
        "client_id": "00000003-0000-0000-c000-000000000000",
        **challenge,
    }
    header = "Bearer " + ", ".join(f'{name}="{value}"' for name, value in values.items())
    return GraphError(401, "InvalidAuthenticationToken", message, {"WWW-Authenticate": header})


def entra_error(status: int, error: str, number: int, text: str) -> web.Response:
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
    return web.json_response(body, status=status)
