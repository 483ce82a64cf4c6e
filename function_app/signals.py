"""Heed what comes through the queue and is no mail."""

from function_app.log import log
from function_app.means import Means
from function_app.probe import answer
from handoff.signals import Heartbeat, Signal
from handoff.sites import Sites


def heed(signal: Signal, means: Means) -> None:
    """Storage faults pass through: the message then comes back."""
    if isinstance(signal, Heartbeat):
        Sites(means.storage.status).note(signal)
        log("heartbeat", site=signal.site, spool=signal.spool_mails)
    else:
        answer(signal, means)
