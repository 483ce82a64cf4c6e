"""Large files of a draft, range by range: https://learn.microsoft.com/graph/outlook-large-attachments.

The address of an upload session is a key to the draft: it is in no log, no reason and no repr.
"""

from dataclasses import dataclass, field

from function_app.mime.contents import File
from function_app.mime.transfer import Decoded
from function_app.outcome import Deferred, Rejected
from function_app.providers.graph.answers import Answer
from function_app.providers.graph.drafts import Drafts, expected
from function_app.providers.graph.patience import GaveUp
from function_app.providers.graph.verdicts import classify

SMALLEST = 3_000_000
"""A smaller file comes within a request."""
RANGE = 12 * 320 * 1024
"""Below the 4 MB that Outlook takes, and a multiple of the 320 KiB that OneDrive asks for."""
_TOO_SMALL = "ErrorAttachmentSizeShouldNotBeLessThanMinimumSize"
_MOST_SESSIONS = 2
_LOST = Deferred(
    "upload-lost", "Microsoft Graph dropped an upload again and again. The mail waits."
)
_UNREADABLE = Deferred("upload-unreadable", "Microsoft Graph did not say where to upload a file.")


class _SessionLost(Exception):
    """Nothing more can be uploaded there, and no file came of it."""


def attach(drafts: Drafts, draft_id: str, file: File) -> None:
    """Put `file` into the draft. Raises GaveUp."""
    # 3 MB are written in two ways, and nobody says which one is meant.
    if file.content.size < SMALLEST:
        answer = drafts.attach(draft_id, file)
        if answer.status == 413:
            _upload(drafts, draft_id, file)
        else:
            expected(answer, 201)
        return
    answer = drafts.open_session(draft_id, file)
    if answer.code == _TOO_SMALL:
        expected(drafts.attach(draft_id, file), 201)
    else:
        _upload(drafts, draft_id, file, answer)


def _upload(drafts: Drafts, draft_id: str, file: File, opened: Answer | None = None) -> None:
    for _ in range(_MOST_SESSIONS):
        answer = opened or drafts.open_session(draft_id, file)
        try:
            _Upload(drafts, _address(expected(answer, 201)), file.content).go()
        except _SessionLost:
            opened = None
        else:
            return
    raise GaveUp(_LOST)


def _address(answer: Answer) -> str:
    url = answer.told.get("uploadUrl")
    if not isinstance(url, str):
        raise GaveUp(_UNREADABLE)
    return url


@dataclass(frozen=True)
class _Upload:
    """One session."""

    drafts: Drafts
    url: str = field(repr=False)
    content: Decoded = field(repr=False)

    def go(self) -> None:
        """Raises _SessionLost and GaveUp."""
        at, blocks = 0, self.content.blocks(RANGE, 0)
        while at < self.content.size:
            block = next(blocks)
            wanted = self._put(block, at)
            if wanted != at + len(block):
                blocks = self.content.blocks(RANGE, wanted)
            at = wanted

    def _put(self, block: bytes, at: int) -> int:
        """Where the next range shall begin."""
        end = at + len(block)
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Range": f"bytes {at}-{end - 1}/{self.content.size}",
        }
        answer = self.drafts.patience.call(
            lambda: self.drafts.calls.put_without_token(self.url, headers, block), may_repeat=True
        )
        if answer.status not in (200, 201, 202):
            raise self._refusal(answer, end)
        wanted = _next_expected(answer, end) if answer.status != 201 else end
        if not at < wanted <= end:
            raise _SessionLost
        return wanted

    def _refusal(self, answer: Answer, end: int) -> GaveUp | _SessionLost:
        # Not in Graph's own words: they may hold the address.
        verdict = classify(answer.status, answer.code, "", answer.retry_after)
        is_passing = answer.status == 429 or answer.status >= 500
        # Behind the last range there may be a file already, if the answer to a first try was lost.
        is_last = end == self.content.size
        if isinstance(verdict, Rejected) or is_passing or is_last:
            return GaveUp(verdict)
        return _SessionLost()


def _next_expected(answer: Answer, otherwise: int) -> int:
    """Outlook names one place; others a range, "4096-" or "4096-8191"."""
    ranges = answer.told.get("nextExpectedRanges")
    start = str(ranges[0]).partition("-")[0] if isinstance(ranges, list) and ranges else ""
    return int(start) if start.isdecimal() and len(start) < 16 else otherwise
