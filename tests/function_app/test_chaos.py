"""Many mails, many faults at once: each mail arrives exactly once, and the ledger says so.

`make chaos` runs it with 2,000 mails; MAILS and SEED of the environment choose others.
"""

import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from handoff.ledger import Delivery, State
from handoff.ticket import Ticket, encode
from local.child import Child
from local.graph_simulator.client import SimulatorClient
from tests.function_app.desk import Desk
from tests.function_app.host import Start

MAILS = int(os.environ.get("MAILS", "100"))
SEED = int(os.environ.get("SEED", "20261121"))
MAILBOXES = max(1, min(50, MAILS // 20))
ONE_IN = 20  # of each kind of fault, and of killed workers
IN_FLIGHT = 12
ONE_LARGE_IN = 50
LARGE = 3_200_000
"""Octets: more than Graph takes in one request, so it goes as a draft."""
SECONDS = 600

THROTTLED = {"error": {"code": "ApplicationThrottled", "message": "Over its limit."}}
FAULTS: tuple[dict[str, Any], ...] = (
    {"status": 429, "headers": {"Retry-After": "2"}, "body": THROTTLED},
    {"status": 503},
    {"status": 504, "take": True},
    {"reset": True, "take": True},
)


def test_each_mail_arrives_once_whatever_happens(
    desk: Desk, graph: SimulatorClient, start: Start
) -> None:
    chance = random.Random(SEED)
    graph.fail(*_faults(chance))
    tickets = [_a_ticket(desk, number) for number in range(MAILS)]
    for ticket in tickets:
        desk.storage.outbound.send_message(encode(ticket), time_to_live=-1)

    kills = _kill_now_and_then(desk, start, chance)

    rows = [desk.row(ticket) for ticket in tickets]
    arrived = Counter(mail.message_id for mail in graph.mails())
    looked = sum(any(a.code != "" for a in row.history) for row in rows)
    print(f"{MAILS} mails, {kills} kills, {looked} mails with a fault on their way, seed {SEED}")
    assert {State.SENT: MAILS} == Counter(row.state for row in rows)
    assert {row.message_id: 1 for row in rows} == arrived
    assert [] == _disagreeing(rows, graph)
    assert [] == graph.state()["drafts"]
    assert [] == list(desk.storage.mail.list_blob_names())
    assert [] == desk.storage.poison.peek_messages()


def _faults(chance: random.Random) -> Iterator[dict[str, Any]]:
    """One call in ONE_IN meets each of FAULTS, at a place by chance."""
    calls = MAILS // MAILBOXES
    for mailbox in range(MAILBOXES):
        for fault in FAULTS:
            for _ in range(max(1, calls // ONE_IN)):
                place = {"mailbox": _mailbox(mailbox), "after": chance.randrange(calls)}
                yield {"route": "sendMail", **place, **fault}
    for fault in FAULTS:
        for _ in range(max(1, MAILS // ONE_LARGE_IN // ONE_IN)):
            yield {"route": "send", "after": chance.randrange(MAILS // ONE_LARGE_IN), **fault}


def _mailbox(number: int) -> str:
    return f"device-{number % MAILBOXES}@contoso.com"


def _a_ticket(desk: Desk, number: int) -> Ticket:
    octets = f"Message-ID: <{number}@chaos.example>\r\n\r\nMail {number}.\r\n".encode()
    if number % ONE_LARGE_IN == 0:
        octets += b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd\r\n" * (
            LARGE // 64
        )
    has_blob = number % 4 == 0 or len(octets) >= LARGE
    make = desk.a_ticket_with_blob if has_blob else desk.a_ticket
    return make(octets, mailbox=_mailbox(number))


def _kill_now_and_then(desk: Desk, start: Start, chance: random.Random) -> int:
    """Run the function app until nothing waits; kill it so often that one mail in ONE_IN is hit."""
    give_up_at = time.monotonic() + SECONDS
    wanted, kills = -(-MAILS // (ONE_IN * IN_FLIGHT)), 0
    host, after = start(RELAY_MAILBOX_RATE="0"), 0
    while _depth(desk) > 0:
        assert time.monotonic() < give_up_at, f"{_depth(desk)} mails still wait"
        after = after or chance.randrange(1, MAILS // (wanted + 1))
        if kills < wanted and _begun(host) >= after:
            host.kill()
            host = start(RELAY_MAILBOX_RATE="0")
            after, kills = 0, kills + 1
        time.sleep(0.05)
    assert wanted == kills
    assert 0 == host.stop()
    return kills


def _begun(host: Child) -> int:
    return sum('"event": "sending"' in line for line in host.lines)


def _depth(desk: Desk) -> int:
    return desk.storage.outbound.get_queue_properties().approximate_message_count or 0


def _disagreeing(rows: list[Delivery], graph: SimulatorClient) -> list[str]:
    """Rows that tell of another mail than arrived; one found by looking has no request id."""
    mails = {mail.message_id: mail for mail in graph.mails()}
    return [
        row.id
        for row in rows
        if row.mailbox != mails[row.message_id].mailbox
        or row.recipients != mails[row.message_id].recipients
        or row.request_id not in ("", mails[row.message_id].request_id)
    ]
