"""When an alarm is told: once, again after a day while it lasts, and when it is over. Pure.

That something ends soon is told once a stage: it does not stop mail yet.
"""

import re
from datetime import datetime, timedelta

from function_app.notices.alarms import Alarm, AlarmKey
from function_app.notices.news import Event, News, derived_id
from handoff.ticket import SendAs

REPEAT_AFTER = timedelta(hours=24)
FORGET_AFTER = timedelta(days=8)
"""Longer than any mail waits: nobody has met the fault since."""
_IS_WARNING = re.compile(r"-expires-[0-9]+\Z")
MISCONFIGURED = AlarmKey("", "misconfigured")
"""The settings of the function app make no sense."""


def news_of(alarm: Alarm, now: datetime) -> News | None:
    """What is to be told of `alarm` now. An alarm that passed untold stays so."""
    if alarm.is_over:
        return _news(alarm, "alarm-over") if alarm.told_at else None
    if alarm.told_at is None:
        return _news(alarm, "alarm")
    if _IS_WARNING.search(alarm.key.code):
        return None
    is_due = now - alarm.told_at >= REPEAT_AFTER and alarm.seen_at > alarm.told_at
    return _news(alarm, "alarm") if is_due else None


def is_past(alarm: Alarm, now: datetime) -> bool:
    """Whether the row is of no more use."""
    return alarm.is_over or now - alarm.seen_at >= FORGET_AFTER


def lets_send(alarms: list[Alarm], send_as: SendAs) -> bool:
    """Whether a small mail may get through that is sent so, as far as `alarms` tell."""
    return not any(
        alarm.key == MISCONFIGURED or alarm.key.is_disproved_by(send_as, by_draft=False)
        for alarm in alarms
        if not alarm.is_over
    )


def _news(alarm: Alarm, event: Event) -> News:
    key = alarm.key
    origin = key.about or key.mailbox or key.identity or "function app"
    wrong = "" if _IS_WARNING.search(key.code) else " is wrong"
    words = " is over" if event == "alarm-over" else wrong
    return News(
        id=derived_id(alarm.raised_at, key.name, event, str(alarm.told_at)),
        event=event,
        at=alarm.cleared_at if event == "alarm-over" and alarm.cleared_at else alarm.seen_at,
        since=alarm.raised_at,
        about=key.name,
        code=key.code,
        origin=origin,
        text=f"{key.code} of {origin}{words}: {alarm.sentence}",
        details={
            "alarm": key.name,
            "identity": key.identity,
            "mailbox": key.mailbox,
            "code": key.code,
            "since": alarm.raised_at.isoformat(timespec="seconds"),
            "reason": alarm.sentence,
        },
    )
