"""An error as Google's APIs of the first kind write it."""

from aiohttp import web


def api_error(status: int, reason: str, message: str) -> web.Response:
    one = {"domain": "global", "reason": reason, "message": message}
    error = {"code": status, "message": message, "errors": [one]}
    return web.json_response({"error": error}, status=status)
