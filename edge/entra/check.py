"""Ask Microsoft Entra whether a credential is right, without stopping anybody else.

MSAL waits for the network, so it runs in a few threads; what comes on top of them is told to come
back. Sessions that bring the same credential at once wait for one answer. One MSAL application is
kept for each credential that was right, so that the next question is one request.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any

import msal
import structlog

from edge.entra.answers import (
    RIGHT,
    Judgement,
    Verdict,
    judge_application,
    judge_user,
    no_answer,
)
from edge.entra.http import AuthorityHttp, new_session
from edge.entra.logins import ApplicationLogin, Login, UserLogin
from edge.entra.memory import Memory, Recollection
from edge.entra.settings import EntraSettings
from handoff.sealed import LONGEST_SECRET

_THREADS = 8
_MOST_WAITING = 64
_PATIENCE_SECONDS = 20
_MOST_APPLICATIONS = 256
_WRONG_BEFORE = Judgement(Verdict.WRONG, "wrong-before", "Microsoft Entra refused it just now.")
_LOCKED_BEFORE = Judgement(Verdict.LOCKED, "AADSTS50053", "Not asked: the account is locked.")
_IMPOSSIBLE = Judgement(
    Verdict.WRONG, "impossible", f"No secret is empty or longer than {LONGEST_SECRET} characters."
)
_BUSY = Judgement(Verdict.LATER, "busy", "Too many sign-ins are waiting for Microsoft Entra.")
log = structlog.get_logger()


class EntraCheck:
    """Verifies what clients bring, and remembers it for a while."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, patience: float = _PATIENCE_SECONDS
    ) -> None:
        """For `patience` seconds a session waits for an answer."""
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="entra")
        self._clock = clock
        self._patience = patience
        self._memory = Memory()
        self._applications = _Applications()
        self._session = new_session()
        self._asked: dict[bytes, asyncio.Future[Judgement]] = {}

    async def judge(self, entra: EntraSettings, login: Login, password: str) -> Judgement:
        if not 0 < len(password) <= LONGEST_SECRET:
            return _IMPOSSIBLE
        who = self._memory.mark(repr(login), *_asked_through(entra, login))
        mark = self._memory.mark(who.hex(), password)
        known = self._memory.recall(mark, self._clock(), entra.remember)
        if known is Recollection.FRESH:
            return RIGHT
        if known is Recollection.WRONG:
            return _WRONG_BEFORE
        if self._memory.is_locked(who, self._clock()):
            judgement = _LOCKED_BEFORE
        else:
            judgement = await self._ask(mark, entra, login, password)
            self._note(mark, who, judgement)
        if known is Recollection.OLD and judgement.verdict in (Verdict.LATER, Verdict.LOCKED):
            log.warning("sign_in_from_memory", code=judgement.code, advice=judgement.advice)
            return RIGHT
        return judgement

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._session.close()

    def _note(self, mark: bytes, who: bytes, judgement: Judgement) -> None:
        match judgement.verdict:
            case Verdict.RIGHT:
                self._memory.note_right(mark, who, self._clock())
            case Verdict.WRONG:
                self._memory.note_wrong(mark, self._clock())
            case Verdict.LOCKED:
                self._memory.note_locked(who, self._clock())

    async def _ask(
        self, mark: bytes, entra: EntraSettings, login: Login, password: str
    ) -> Judgement:
        asked = self._asked.get(mark)
        if asked is None:
            if len(self._asked) >= _MOST_WAITING:
                return _BUSY
            asked = self._asked[mark] = asyncio.get_running_loop().run_in_executor(
                self._threads, self._answer, mark, entra, login, password
            )
            asked.add_done_callback(lambda _: self._asked.pop(mark, None))
        try:
            # One session that ends must not take the answer from the others.
            return await asyncio.wait_for(asyncio.shield(asked), self._patience)
        except TimeoutError:
            return no_answer("entra-timeout")

    def _answer(self, mark: bytes, entra: EntraSettings, login: Login, password: str) -> Judgement:
        """In a thread."""
        try:
            if isinstance(login, UserLogin):
                return self._of_user(entra, login, password)
            return self._of_application(mark, entra, login, password)
        except Exception as fault:  # noqa: BLE001  MSAL raises anything on an odd answer
            said = f"{fault.__context__} {fault}"
            judge = judge_user if isinstance(login, UserLogin) else judge_application
            judgement = judge({"error_description": said})
            return judgement if "AADSTS" in judgement.code else no_answer(type(fault).__name__)

    def _of_application(
        self, mark: bytes, entra: EntraSettings, login: ApplicationLogin, secret: str
    ) -> Judgement:
        key = mark, entra.login_authority
        application = self._applications.find(key) or self._application(
            entra, login.tenant, login.client_id, secret
        )
        application.remove_tokens_for_client()  # Entra is to answer, not the cache
        judgement = judge_application(application.acquire_token_for_client([entra.scope]))
        if judgement.verdict is Verdict.RIGHT:
            self._applications.keep(key, application)
        return judgement

    def _of_user(self, entra: EntraSettings, login: UserLogin, password: str) -> Judgement:
        users = entra.users
        secret = users.client_secret.get_secret_value() if users.client_secret else None
        key = self._memory.mark(users.tenant, users.client_id, secret or ""), entra.login_authority
        application = self._applications.find(key)
        if application is None:
            application = self._application(entra, users.tenant, users.client_id, secret)
            self._applications.keep(key, application)
        answer = application.acquire_token_by_username_password(
            login.address, password, [entra.scope]
        )
        for account in application.get_accounts():
            application.remove_account(account)  # what the function app needs, it gets itself
        return judge_user(answer)

    def _application(
        self, entra: EntraSettings, tenant: str, client_id: str, secret: str | None
    ) -> Any:
        # Confidential without a secret is a public client, as Entra sees it.
        return msal.ConfidentialClientApplication(
            client_id,
            client_credential=secret,
            authority=f"{entra.login_authority}/{tenant}",
            http_client=AuthorityHttp(entra.login_authority, self._session),
            instance_discovery=False if entra.authority else None,
        )


class _Applications:
    """MSAL applications, the longest unused of which goes first."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: OrderedDict[tuple[bytes, str], Any] = OrderedDict()

    def find(self, key: tuple[bytes, str]) -> Any:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def keep(self, key: tuple[bytes, str], application: Any) -> None:
        with self._lock:
            self._kept[key] = application
            if len(self._kept) > _MOST_APPLICATIONS:
                self._kept.popitem(last=False)


def _asked_through(entra: EntraSettings, login: Login) -> tuple[str, ...]:
    through = (entra.login_authority,)
    if isinstance(login, UserLogin):
        return (*through, entra.users.tenant, entra.users.client_id)
    return through
