"""What an edge's own identity may do, and what it must not: tried, and cleaned up after.

It needs to add queue messages and blobs, and nothing more: whoever takes over an edge must not read
the mails of the others.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from azure.core.exceptions import AzureError, HttpResponseError

from handoff.storage import Storage

_ACCOUNT_KEY = "AccountKey="
_SECONDS = 60
_FORBIDDEN = 403


class Finding(NamedTuple):
    check: str
    ok: bool
    text: str


@dataclass(frozen=True)
class _Trace:
    """What a try leaves behind until it is cleaned up."""

    message_id: str
    pop_receipt: str
    blob: str


def has_account_key(connection_string: str | None) -> bool:
    return _ACCOUNT_KEY in (connection_string or "")


def rights_of_edge(edge: Storage, operator: Storage, blob: str) -> Iterator[Finding]:
    """Try all with the sign-in of `edge`; `operator` removes what that leaves, such as `blob`."""
    try:
        # Nobody sees it before it is removed, and else it is gone soon after.
        message = edge.outbound.send_message(
            "relay smoke", visibility_timeout=_SECONDS, time_to_live=2 * _SECONDS
        )
        trace = _Trace(str(message.id), str(message.pop_receipt), blob)
        yield Finding("edge adds messages", True, "as it must")
    except AzureError as error:
        yield Finding("edge adds messages", False, _reason(error))
        return
    try:
        edge.mail.upload_blob(blob, b"relay smoke", overwrite=False)
        yield Finding("edge adds content", True, "as it must")
    except AzureError as error:
        yield Finding("edge adds content", False, _reason(error))
    yield from _what_it_must_not(edge, trace)
    removals: tuple[Callable[[], object], ...] = (
        lambda: operator.outbound.delete_message(trace.message_id, trace.pop_receipt),
        lambda: operator.mail.delete_blob(blob),
    )
    for remove in removals:
        try:
            remove()
        except AzureError:
            continue  # the edge could do it, which it has been told of; or there is nothing


def _what_it_must_not(edge: Storage, trace: _Trace) -> Iterator[Finding]:
    blob = edge.mail.get_blob_client(trace.blob)
    tries: dict[str, Callable[[], object]] = {
        "edge reads the queue": edge.outbound.peek_messages,
        "edge lists content": lambda: next(iter(edge.mail.list_blob_names()), None),
        "edge reads content": lambda: blob.download_blob().readall(),
        "edge removes messages": lambda: edge.outbound.delete_message(
            trace.message_id, trace.pop_receipt
        ),
        "edge removes content": blob.delete_blob,
    }
    for name, attempt in tries.items():
        yield _refused(name, attempt)


def _refused(name: str, attempt: Callable[[], object]) -> Finding:
    try:
        attempt()
    except AzureError as error:
        is_refused = isinstance(error, HttpResponseError) and error.status_code == _FORBIDDEN
        return Finding(name, is_refused, f"refused: {_reason(error)}")
    return Finding(name, False, "it may, and must not: see docs/identities.md")


def _reason(error: AzureError) -> str:
    return str(error).splitlines()[0][:200]
