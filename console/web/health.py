"""Health: doctor's checks when somebody asks for them, and a test mail that is then followed."""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import web

from console.doctor.rounds import Question, check_all, first_to_fix
from console.place import Beside
from console.storage_faults import sentence_of
from console.trial import Fault, NoDoor, Trial, door_of, sender_of, submit
from console.trial import sentence_of as said_by_door
from console.web.looks import Looks
from edge.settings import EdgeSettings
from edge.settings_file import SettingsError
from handoff.findings import Finding

_PATIENCE_SECONDS = 20
_FIELDS = ("to", "from", "listener", "user")
"""What a form that failed shows again."""
_HALVES = {"L": "The edge here", "N": "The line", "S": "Storage account", "G": "Function app"}
log = logging.getLogger("relay.console")


class Rounds:
    """The newest round of checks, as far as it has come. One at a time; all see the same."""

    def __init__(self, check: Callable[[Question], Iterator[Finding]]) -> None:
        self._check = check
        self._thread: threading.Thread | None = None
        self.findings: list[Finding] = []
        self.ended_at: datetime | None = None
        self.fault = ""

    @property
    def is_under_way(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def begin(self, question: Question) -> None:
        """Start one, unless one is under way. Its thread is never waited for at the end."""
        if self.is_under_way:
            return
        self.findings, self.ended_at, self.fault = [], None, ""
        self._thread = threading.Thread(target=self._go, args=(question,), daemon=True)
        self._thread.start()

    def _go(self, question: Question) -> None:
        try:
            for finding in self._check(question):
                self.findings.append(finding)
        except Exception as fault:
            log.exception("checks")
            self.fault = sentence_of(fault)
        self.ended_at = datetime.now(UTC)

    def halves(self) -> Sequence[tuple[str, Sequence[Finding]]]:
        """The findings by where they were made."""
        found = list(self.findings)
        of = (
            (name, [one for one in found if one.id[0] == letter])
            for letter, name in _HALVES.items()
        )
        return [(name, some) for name, some in of if some]


@dataclass(frozen=True)
class Health:
    """The page, and its two forms."""

    looks: Looks
    beside: Beside
    rounds: Rounds

    @classmethod
    def of(cls, looks: Looks, beside: Beside) -> "Health":
        def check(question: Question) -> Iterator[Finding]:
            return check_all(beside.environment, beside.config, question)

        return cls(looks, beside, Rounds(check))

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/health", self.show),
            web.post("/health/checks", self.check),
            web.post("/health/mails", self.send),
        ]

    async def show(self, request: web.Request) -> web.Response:
        return self._page(request)

    async def check(self, request: web.Request) -> web.Response:
        """Begin a round; the page shows how it goes on."""
        form = await request.post()
        question = Question(
            mailbox=str(form.get("mailbox", "")).strip(),
            identity=str(form.get("identity", "")).strip(),
            wait=_PATIENCE_SECONDS,
        )
        self.rounds.begin(question)
        raise web.HTTPSeeOther("/health")

    async def send(self, request: web.Request) -> web.Response:
        """Hand in a mail, and go where its life is shown."""
        form = {name: str(text).strip() for name, text in (await request.post()).items()}
        settings = self._settings()
        if settings is None:
            raise web.HTTPBadRequest(text="There is no edge beside this console to send through.")
        try:
            mail_id = await asyncio.to_thread(_sent, settings, form)
        except (NoDoor, ValueError, *Fault) as fault:
            text = f"The edge did not take it: {said_by_door(fault)}"
            return self._page(request, text, form)
        log.info("test mail %s by %s", mail_id, request["who"])
        raise web.HTTPSeeOther(f"/messages/{mail_id}")

    def _page(
        self, request: web.Request, fault: str = "", form: Mapping[str, str] | None = None
    ) -> web.Response:
        return self.looks.page(
            request,
            "health.html",
            rounds=self.rounds,
            first=first_to_fix(self.rounds.findings),
            settings=self._settings(),
            form={name: (form or {}).get(name, "") for name in _FIELDS},
            fault=fault,
        )

    def _settings(self) -> EdgeSettings | None:
        try:
            return self.beside.settings()
        except SettingsError:
            return None  # the checks say so


def _sent(settings: EdgeSettings, form: Mapping[str, str]) -> str:
    to = tuple(form.get("to", "").replace(",", " ").split())
    if not to:
        raise NoDoor("Name somebody who is to get it.")
    sender = form.get("from") or sender_of(settings)
    door = door_of(settings, form.get("listener", ""))
    return submit(door, Trial(sender, to, form.get("user", ""), form.get("password", "")))
