"""Ask Microsoft Graph whether the identity may send from a mailbox, and send nothing.

A mail without any recipient is refused as such (ErrorInvalidRecipients) by whoever would have taken
it otherwise; who may not send, or from where there is no mailbox, is refused for that.
"""

from base64 import b64encode
from collections.abc import Iterator
from urllib.parse import quote

from function_app.providers.graph.calls import CallFailed, Calls
from function_app.providers.token_faults import TokenUnavailable
from handoff.findings import Finding
from handoff.ids import request_id_of

_NO_RECIPIENT = ("ErrorInvalidRecipients", "ErrorMissingRecipients")
_MIME = b"Subject: probe\r\nContent-Type: text/plain\r\n\r\nThis has no recipient.\r\n"


def probe(calls: Calls, mailbox: str, probe_id: str) -> Iterator[Finding]:
    """What can be known about token and mailbox."""
    try:
        calls.tokens.current()
    except TokenUnavailable as fault:
        yield Finding("G02", "token", "fail", fault.reason, fault.code)
        yield Finding("G03", "mailbox", "skip", "Needs G02.")
        return
    yield Finding("G02", "token", "ok", "The identity gets a token for Microsoft Graph.")
    yield _mailbox(calls, mailbox, probe_id)


def _mailbox(calls: Calls, mailbox: str, probe_id: str) -> Finding:
    path = f"/users/{quote(mailbox, safe='')}/sendMail"
    headers = {"Content-Type": "text/plain", "client-request-id": str(request_id_of(probe_id))}
    try:
        answer = calls.call("POST", path, headers, body=b64encode(_MIME))
    except CallFailed as fault:
        return Finding("G03", "mailbox", "fail", fault.outcome.reason, fault.outcome.code)
    if answer.code in _NO_RECIPIENT:
        return Finding("G03", "mailbox", "ok", f"It may send from {mailbox}.")
    if answer.status == 202:
        return Finding("G03", "mailbox", "warn", "Microsoft Graph took a mail without recipients.")
    verdict = answer.verdict
    return Finding("G03", "mailbox", "fail", verdict.reason, verdict.code)
