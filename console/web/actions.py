"""What changes something: redrive and discard, one mail or many, after asking."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from aiohttp import web

from console.reading.failed import UNKNOWN
from console.web.looks import Looks
from console.words import plural
from handoff.dead_letters import DeadLetters
from handoff.redrive import Done, Operator
from handoff.storage import Storage

_WORDS = {"redrive": "put back into the queue", "discard": "discarded for good"}


@dataclass(frozen=True)
class Actions:
    storage: Storage
    looks: Looks

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/act", self.act)]

    async def act(self, request: web.Request) -> web.Response:
        """Do it when it was confirmed; else ask."""
        form = await request.post()
        action = str(form.get("action", ""))
        if action not in _WORDS:
            raise web.HTTPBadRequest(text="There is no such action.")
        code = str(form.get("code", ""))
        ids = tuple(str(one) for one in form.getall("id", [])) or await self._of_code(code)
        if not ids:
            raise web.HTTPSeeOther("/failed?" + urlencode({"done": "Nothing was chosen."}))
        if form.get("sure") != "yes":
            return self.looks.page(
                request, "confirm.html", action=action, ids=ids, words=_WORDS[action]
            )
        return await self._do(action, ids, str(request["who"]))

    async def _of_code(self, code: str) -> tuple[str, ...]:
        if not code:
            return ()
        labels = await asyncio.to_thread(
            lambda: list(DeadLetters(self.storage.dead_letters).labels())
        )
        return tuple(label.id for label in labels if (label.code or UNKNOWN) == code)

    async def _do(self, action: str, ids: tuple[str, ...], who: str) -> web.Response:
        operator, now = Operator(self.storage, who), datetime.now(UTC)
        act = operator.redrive if action == "redrive" else operator.discard
        done = await asyncio.to_thread(act, ids, now)
        number = sum(one is Done.DONE for one in done.values())
        said = f"{plural(number, 'mail')} {_WORDS[action]}."
        left = sorted({one.value for one in done.values() if one is not Done.DONE})
        if left:
            said += f" {plural(len(ids) - number, 'mail')} not: {'; '.join(left)}."
        if len(ids) == 1 and number:
            raise web.HTTPSeeOther(f"/messages/{ids[0]}")
        raise web.HTTPSeeOther("/failed?" + urlencode({"done": said}))
