"""Post one event to the operator's web address, so that he can tell that it comes from here.

The address is never logged: it may be all that is needed to post there.
"""

import hashlib
import hmac
import json
import logging
from collections.abc import Mapping
from datetime import datetime
from enum import Enum, auto
from typing import Any

from function_app.log import log
from function_app.notices.news import FIRST_ONES, Digest, News
from function_app.notices.settings import Endpoint
from function_app.providers.http import session

# At DEBUG it writes the path of every request.
logging.getLogger("urllib3").setLevel(logging.WARNING)

_CONNECT_SECONDS = 5
_READ_SECONDS = 10
_BUSY = frozenset({408, 429})


class Answer(Enum):
    TAKEN = auto()
    REFUSED = auto()
    """This event; the next may be taken."""
    ABSENT = auto()
    """Nobody answers, or not now: the next would wait as long for nothing."""


def body_of(news: News) -> bytes:
    """The event of one thing that happened. Pure."""
    return _body(news.event, news.id, news.at, news.text, news.details)


def body_of_digest(digest: Digest) -> bytes:
    """The event of many things at once. Pure."""
    details = {
        "count": len(digest.news),
        "events": digest.events,
        "codes": digest.codes,
        "origins": digest.origins,
        "first": [one.about for one in digest.news[:FIRST_ONES]],
    }
    return _body("digest", digest.id, digest.at, digest.text, details)


def signature(body: bytes, secret: str, at: datetime) -> str:
    """The value of X-Relay-Signature. Pure."""
    seconds = int(at.timestamp())
    code = hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256)
    return f"t={seconds},v1={code.hexdigest()}"


def send(body: bytes, endpoint: Endpoint, now: datetime) -> Answer:
    """Try once."""
    headers = {"Content-Type": "application/json", "User-Agent": "smtp-graph-relay"}
    if endpoint.secret:
        headers["X-Relay-Signature"] = signature(body, endpoint.secret, now)
    try:
        with (
            session(_CONNECT_SECONDS, _READ_SECONDS) as http,
            http.post(
                endpoint.url, data=body, headers=headers, allow_redirects=False, stream=True
            ) as answer,
        ):
            status = answer.status_code
    except OSError as fault:  # what requests raises is one, and quotes the address
        log("webhook-failed", logging.WARNING, code=type(fault).__name__)
        return Answer.ABSENT
    if 200 <= status < 300:
        return Answer.TAKEN
    log("webhook-failed", logging.WARNING, code=f"http-{status}")
    return Answer.ABSENT if status >= 500 or status in _BUSY else Answer.REFUSED


def _body(event: str, id_: str, at: datetime, text: str, details: Mapping[str, Any]) -> bytes:
    said = {"v": 1, "event": event, "id": id_, "at": at.isoformat(), "text": text}
    return json.dumps({**said, **details}).encode("ascii")
