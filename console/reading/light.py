"""One sentence about how the relay does, and a colour. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from console.reading.figures import Picture
from console.words import duration, plural
from handoff.alarms import OpenAlarm
from handoff.delivery import State
from handoff.hours import HOUR

Colour = Literal["green", "amber", "red"]
_OLD = timedelta(minutes=15).total_seconds()
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Light:
    colour: Colour
    sentence: str
    more: str


def light_of(picture: Picture, alarms: Sequence[OpenAlarm]) -> Light:
    """The worst thing that is known, or that all is well."""
    queues, hour = picture.queues, picture.last(HOUR)
    died = hour.states.get(State.DEAD, 0)
    sent = hour.states.get(State.SENT, 0)
    more = f"{plural(hour.mails, 'mail')} accepted in the last hour, {sent:,} sent."
    if alarms:
        first = f"{plural(len(alarms), 'thing')} to set right: {alarms[0].sentence}"
        return Light("red", first, more)
    if queues.oldest_seconds > _OLD:
        waits = f"Not delivering: the oldest mail waits for {duration(queues.oldest_seconds)}."
        return Light("red", waits, f"Is the function app running? {more}")
    if queues.poison:
        number = plural(queues.poison, "mail")
        return Light("amber", f"{number} failed again and again; the next round keeps them.", more)
    if died:
        return Light(
            "amber", f"Delivering, but {plural(died, 'mail')} died in the last hour.", more
        )
    deferred = picture.last(_DAY).states.get(State.DEFERRED, 0)
    if deferred:
        return Light("amber", f"Delivering; {plural(deferred, 'mail')} will be tried again.", more)
    if queues.outbound:
        oldest = f"; the oldest waits {duration(queues.oldest_seconds)}" * bool(
            queues.oldest_seconds
        )
        return Light("green", f"Delivering, {queues.outbound:,} in the queue{oldest}.", more)
    return Light("green", "Delivering. Nothing waits.", more)
