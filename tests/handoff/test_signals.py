"""Heartbeats and probes: read as they were written, and nothing else is taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from handoff.ids import new_id
from handoff.signals import (
    MOST_DEVICES,
    DeviceSeen,
    EndingTold,
    Heartbeat,
    Probe,
    decode_signal,
    encode_signal,
)
from handoff.ticket import MAX_TICKET_BYTES, encode
from tests.builders import NOW, a_heartbeat, a_ticket

SCANNER = DeviceSeen(name="scanner-2f", last_seen=NOW, mails=3, tls="TLSv1.3")
HEARTBEAT = a_heartbeat(NOW, SCANNER, spool_bytes=3_000_000_000, certificate_ends_at=NOW)
PROBE = Probe(id=new_id(NOW), asked_at=NOW, mailbox="scan@contoso.com")


@pytest.mark.parametrize("signal", [HEARTBEAT, PROBE], ids=["heartbeat", "probe"])
def test_a_signal_is_read_as_it_was_written(signal: Heartbeat | Probe) -> None:
    assert decode_signal(encode_signal(signal)) == signal


def test_a_mail_is_no_signal() -> None:
    assert decode_signal(encode(a_ticket())) is None


def test_a_newer_edge_may_say_more() -> None:
    longer = encode_signal(HEARTBEAT)[:-1] + ', "mood": "good"}'

    assert decode_signal(longer) == HEARTBEAT


@given(some.text())
def test_whatever_comes_is_a_signal_or_nothing(text: str) -> None:
    assert decode_signal(text) is None


def test_the_largest_heartbeat_fits_a_queue_message() -> None:
    device = DeviceSeen(
        name="d" * 64,
        last_seen=NOW,
        mails=10**9,
        address="2001:0db8:85a3:0000:0000:8a2e:0370:7334",
        tls="TLSv1.3",
        silent_after=10**6,
    )
    ending = EndingTold(what="w" * 40, ends_at=NOW)
    more = {"devices": (device,) * MOST_DEVICES, "endings": (ending,) * 10}
    largest = HEARTBEAT.model_copy(update=more)

    assert len(encode_signal(largest)) <= MAX_TICKET_BYTES
