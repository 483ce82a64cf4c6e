"""Send a mail that is too large for one request: a draft, its files, and then the draft.

The draft is noted when it is complete and before it is sent. So a draft that was noted goes by its
id, however often that is tried; one that was not noted was never sent, and is removed.
"""

from collections.abc import Callable

from function_app.compose import Letter
from function_app.outcome import Deferred, Outcome, Rejected, Sent
from function_app.providers.graph.calls import CallFailed, Calls
from function_app.providers.graph.drafts import ITEM_NOT_FOUND, Drafts
from function_app.providers.graph.message import contents_for_graph
from function_app.providers.graph.patience import TOO_SLOW, GaveUp, Patience
from function_app.providers.graph.uploads import attach

_GONE = Deferred(
    "draft-gone",
    "The draft of the mail is no longer among the drafts: it was sent, or somebody removed it. "
    "The mail is looked for, and made anew when it is not found.",
    unsure=True,
)


def send_large(
    calls: Calls,
    letter: Letter,
    note_draft: Callable[[str], None],
    draft_id: str,
    patience: Patience,
) -> Outcome:
    """Try once, with the draft that an earlier attempt has noted, if there is one."""
    drafts = Drafts(calls, letter, patience)
    try:
        if not draft_id:
            drafts.remove_left_behind()
            draft_id = _complete_draft(drafts, letter, note_draft)
    except GaveUp as end:
        return end.outcome
    # What was noted a moment too late is sent by the next attempt.
    return TOO_SLOW if patience.is_over else _sent(drafts, draft_id, note_draft)


def _complete_draft(drafts: Drafts, letter: Letter, note_draft: Callable[[str], None]) -> str:
    contents = contents_for_graph(letter)
    draft_id = drafts.create(contents)
    try:
        for file in contents.files:
            attach(drafts, draft_id, file)
        note_draft(draft_id)
    except BaseException:
        drafts.remove(draft_id)
        raise
    return draft_id


def _sent(drafts: Drafts, draft_id: str, note_draft: Callable[[str], None]) -> Outcome:
    try:
        answer = drafts.send(draft_id)
    except CallFailed as failure:
        return failure.outcome
    if answer.status == 202:
        return Sent("graph", answer.request_id)
    if answer.code == ITEM_NOT_FOUND:
        note_draft("")
        return _GONE
    verdict = answer.verdict
    if isinstance(verdict, Rejected):
        drafts.remove(draft_id)
        note_draft("")
    return verdict
