"""Errors in the shapes that Graph has been seen to use."""

import json
import time
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

_JSON = (
    "application/json; odata.metadata=minimal; odata.streaming=true; IEEE754Compatible=false;"
    " charset=utf-8"
)


class GraphError(Exception):
    """An answer of Graph that is no success."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        headers: dict[str, str] | None = None,
        *,
        has_inner: bool = False,
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}
        self._has_inner = has_inner

    def response(self, request_id: str, client_request_id: str) -> web.Response:
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self._has_inner:
            error["innerError"] = {
                "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
                "request-id": request_id,
                "client-request-id": client_request_id,
            }
        return json_response({"error": error}, self.status, self.headers)


def json_response(
    value: Any, status: int = 200, headers: dict[str, str] | None = None
) -> web.Response:
    wanted = {"Content-Type": _JSON, "Cache-Control": "private"}
    return web.Response(
        status=status, body=json.dumps(value).encode(), headers=wanted | (headers or {})
    )


def invalid_token(message: str, **challenge: str) -> GraphError:
    values = {
        "realm": "",
        "authorization_uri": "https://login.microsoftonline.com/common/oauth2/v2.0/authorize",
        "client_id": "00000003-0000-0000-c000-000000000000",
        **challenge,
    }
    header = "Bearer " + ", ".join(f'{name}="{value}"' for name, value in values.items())
    return GraphError(
        401, "InvalidAuthenticationToken", message, {"WWW-Authenticate": header}, has_inner=True
    )


def revoked_token() -> GraphError:
    """The claims challenge of continuous access evaluation."""
    essential = {"essential": True, "value": str(int(time.time()))}
    claims = json.dumps({"access_token": {"nbf": essential}}).encode()
    return invalid_token(
        "Continuous access evaluation resulted in challenge with result: InteractionRequired and"
        " code: TokenIssuedBeforeRevocationTimestamp",
        error="insufficient_claims",
        claims=b64encode(claims).decode("ascii"),
    )


def access_denied(
    message: str = "Access is denied. Check credentials and try again.",
) -> GraphError:
    return GraphError(403, "ErrorAccessDenied", message)


def insufficient_privileges() -> GraphError:
    return GraphError(
        403,
        "Authorization_RequestDenied",
        "Insufficient privileges to complete the operation.",
        has_inner=True,
    )


def send_as_denied() -> GraphError:
    return GraphError(
        403,
        "ErrorSendAsDenied",
        "The user account which was used to submit this request does not have the right to send"
        " mail on behalf of the specified sending account., Cannot submit message.",
    )


def invalid_recipients(detail: str) -> GraphError:
    return GraphError(
        400, "ErrorInvalidRecipients", f"At least one recipient is not valid., {detail}"
    )


def item_not_found() -> GraphError:
    return GraphError(404, "ErrorItemNotFound", "The specified object was not found in the store.")


def invalid_parameter(message: str) -> GraphError:
    return GraphError(400, "ErrorInvalidParameter", message)


def too_long(status: int = 413) -> GraphError:
    return GraphError(status, "BadRequest", "The maximum request length supported is 4MB.")


def too_large() -> GraphError:
    return GraphError(
        400, "ErrorMessageSizeExceeded", "The message exceeds the maximum supported size."
    )


def throttled(limit: str, seconds: int) -> GraphError:
    return GraphError(
        429,
        "ApplicationThrottled",
        f"Application is over its {limit} limit.",
        {"Retry-After": str(seconds)},
    )
