"""What every request passes: who it is, whether a form is our own, and what the browser may do."""

import logging

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from azure.core.exceptions import AzureError

from console.storage_faults import sentence_of
from console.web.looks import Looks
from console.web.metrics import PATH as METRICS
from console.web.metrics import has_token
from console.web.sign_in import COOKIE, Doorkeeper

log = logging.getLogger("relay.console")
SIGN_IN = "/sign-in"
WHO = "who"
_PUBLIC = ("/static/", SIGN_IN)
_MOST_FORM = 1024 * 1024
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    # With no-referrer a browser calls the origin of our own forms "null".
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def guard(keeper: Doorkeeper, looks: Looks) -> Middleware:
    """The middleware."""

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            answer = await _let_in(request, handler, keeper, looks)
        except web.HTTPException as other:
            if other.status < 400:
                _harden(other, request)
                raise
            answer = looks.fault(request, other.status, other.text or other.reason)
        except AzureError as fault:
            answer = looks.fault(request, 502, sentence_of(fault))
        except Exception:
            log.exception("%s %s", request.method, request.path)
            answer = looks.fault(request, 500, "A fault of the console's own; its log has it.")
        _harden(answer, request)
        return answer

    return guarded


async def _let_in(
    request: web.Request, handler: Handler, keeper: Doorkeeper, looks: Looks
) -> web.StreamResponse:
    who = keeper.who(request)
    if request.path == METRICS:
        return await _figures(request, handler, keeper, who)
    request[WHO] = who or ""
    if request.path.startswith(_PUBLIC):
        return await handler(request)
    if who is None and looks.has_password:
        raise web.HTTPSeeOther(SIGN_IN)
    if who is None:
        raise web.HTTPForbidden(text="Nobody knows who you are, or this name is not the console's.")
    if request.method not in ("GET", "HEAD"):
        form = await request.post()
        if not keeper.is_own(request, who, str(form.get("token", ""))):
            raise web.HTTPForbidden(text="This form is not the console's own, or is too old.")
    return await handler(request)


async def _figures(
    request: web.Request, handler: Handler, keeper: Doorkeeper, who: str | None
) -> web.StreamResponse:
    """A program asks: it is not sent to a page where somebody could sign in."""
    if who is None and not has_token(request, keeper.metrics_token):
        challenge = {"WWW-Authenticate": "Bearer"}
        return web.Response(status=401, text="A bearer token is needed.\n", headers=challenge)
    return await handler(request)


def _harden(answer: web.StreamResponse, request: web.Request) -> None:
    if answer.prepared:
        return
    answer.headers.update(_HEADERS)
    is_static = request.path.startswith("/static/")
    answer.headers["Cache-Control"] = "max-age=3600" if is_static else "no-store"


def sign_in_routes(keeper: Doorkeeper, looks: Looks) -> list[web.RouteDef]:
    """The page that asks for the password."""

    async def ask(request: web.Request) -> web.Response:
        return looks.page(request, "sign_in.html", fault="")

    async def check(request: web.Request) -> web.Response:
        address = request.remote or ""
        if not keeper.may_try(address):
            raise web.HTTPTooManyRequests(text="Too many wrong passwords. Wait ten minutes.")
        form = await request.post()
        session = keeper.session_for(str(form.get("password", "")), address)
        if session is None:
            return looks.page(
                request, "sign_in.html", fault="That is not the password.", status=403
            )
        answer = web.HTTPSeeOther("/")
        is_secure = request.secure
        answer.set_cookie(COOKIE, session, httponly=True, samesite="Strict", secure=is_secure)
        raise answer

    return [web.get(SIGN_IN, ask), web.post(SIGN_IN, check)]


def application(keeper: Doorkeeper, looks: Looks) -> web.Application:
    return web.Application(
        middlewares=[guard(keeper, looks)],
        client_max_size=_MOST_FORM,
    )
