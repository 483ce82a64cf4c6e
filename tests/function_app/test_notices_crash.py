"""Kill a real process at each of its writes: whatever dies, somebody is told of it."""

import multiprocessing
import multiprocessing.connection
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from function_app.deliver import deliver
from function_app.means import Message
from function_app.notices.alarms import AlarmKey, Alarms
from function_app.notices.settings import Endpoint
from function_app.notices.tell import tell
from function_app.outcome import Rejected
from handoff.account import Account
from handoff.ledger import State
from handoff.storage import Storage
from tests.function_app.deaths import OPERATOR, SENDER, SETTINGS, rows
from tests.function_app.desk import Desk, ScriptedProvider
from tests.function_app.gate import Gate, gated
from tests.function_app.hook import a_hook

_SECONDS = 30
# Each life is a process of its own; they are forked from one that has done nothing but import.
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload([__name__])


def live(account: str, message: Message, url: str, now: datetime) -> None:
    """What the function app does with a mail that will never be sent, to the end."""
    with Storage(Account(connection_string=account)) as storage:
        desk = Desk(storage, now)
        rejected = Rejected("ErrorInvalidRecipients", "No.")
        deliver(message, desk.means(ScriptedProvider([rejected])))
        tell(storage, replace(SETTINGS, webhook=Endpoint(url)), now)


def live_with_an_alarm(account: str, url: str, now: datetime) -> None:
    """What a round does while an alarm is open."""
    with Storage(Account(connection_string=account)) as storage:
        tell(storage, replace(SETTINGS, webhook=Endpoint(url)), now)


def is_cut_short(account: str, writes: int, life: Callable[..., None], *arguments: object) -> bool:
    """Kill `life` after so many writes; False: it ended before."""
    gate = Gate(passing=writes)
    with gated(account, gate) as way:
        process = _PROCESSES.Process(target=life, args=(way, *arguments))
        process.start()
        try:
            while process.is_alive() and not gate.holding.is_set():
                multiprocessing.connection.wait([process.sentinel], 0.02)
            is_cut = gate.holding.is_set()
        finally:
            process.kill()
            process.join(_SECONDS)

    assert is_cut or process.exitcode == 0
    return is_cut


def test_whoever_is_killed_at_any_write_told_somebody_or_the_next_does(
    desk: Desk, mail_account: str
) -> None:
    writes, is_cut = 0, True
    while is_cut:
        # So far apart that each is told singly.
        desk.now += timedelta(hours=2)
        ticket = desk.a_ticket_with_blob()
        message = desk.queued(ticket)
        with a_hook() as hook:
            is_cut = is_cut_short(mail_account, writes, live, message, hook.url, desk.now)
            desk.now += timedelta(minutes=10)
            live(mail_account, message, hook.url, desk.now)
            desk.storage.outbound.delete_message(message.id, message.pop_receipt)
            told = sent_notices(desk)

            assert Counter({SENDER: 1, OPERATOR: 1}) == told, writes
            assert {("dead", ticket.id)} == set(hook.events), writes
            assert len(hook.events) <= 2
            assert 1 == len({post.event["id"] for post in hook.posted})
        assert State.DEAD is desk.row(ticket).state
        assert desk.dead_letters.find(ticket.id) is not None
        assert (0, 0) == (rows(desk, "notice"), rows(desk, "notice-event"))
        writes += 1

    assert writes > 15


def test_whoever_is_killed_while_an_alarm_is_told_told_it_or_the_next_does(
    desk: Desk, mail_account: str
) -> None:
    writes, is_cut = 0, True
    while is_cut:
        desk.now += timedelta(hours=2)
        alarms = Alarms(desk.storage, lambda: desk.now)
        key = AlarmKey("default", f"Fault-{writes}", "scan@contoso.com")
        alarms.raise_alarm(key, "Repair it.")
        with a_hook() as hook:
            is_cut = is_cut_short(mail_account, writes, live_with_an_alarm, hook.url, desk.now)
            desk.now += timedelta(minutes=10)
            live_with_an_alarm(mail_account, hook.url, desk.now)

            assert {("alarm", key.name)} == set(hook.events), writes
            assert 1 == len({post.event["id"] for post in hook.posted})
        assert Counter({OPERATOR: 1}) == sent_notices(desk), writes
        assert 0 == rows(desk, "notice-event")
        desk.storage.status.delete_entity("alarm", key.name)
        writes += 1

    assert writes > 5


def sent_notices(desk: Desk) -> Counter[str]:
    """Who gets how many notices, when all that is in the queue has been delivered."""
    provider = ScriptedProvider()
    while (notice := desk.taken()) is not None:
        deliver(notice, desk.means(provider))
        desk.storage.outbound.delete_message(notice.id, notice.pop_receipt)
    return Counter(path for letter in provider.letters for path in letter.forward_paths)
