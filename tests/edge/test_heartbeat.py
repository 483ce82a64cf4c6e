"""The edge tells of itself through the queue, and of nothing when it is told not to."""

import time
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path

import pytest

from edge.heartbeat import turn_of
from edge.settings import Device
from edge.sightings import Sightings
from handoff.sealed import new_key_pair
from handoff.signals import MOST_DEVICES, EndingTold, Heartbeat, decode_signal
from handoff.storage import Storage
from handoff.ticket import Client
from tests.builders import NOW
from tests.edge.program import Edge, config

ENTRA = f"""
[entra]
sealing_key = '{new_key_pair()[1]}'
[entra.users]
tenant = "contoso.com"
client_id = "11111111-2222-3333-4444-555555555555"
client_secret = "x"
client_secret_expires = 2099-01-02
"""


def test_a_running_edge_tells_of_its_spool_certificate_and_devices(
    tmp_path: Path, mail_account: str, storage: Storage
) -> None:
    file = config(tmp_path, mail_account, ENTRA)
    file.write_text(file.read_text().replace("interval = 0", "interval = 1"))
    edge = Edge(file)
    edge.send()
    told = next_heartbeat(storage)
    while told.devices[0].mails == 0:
        told = next_heartbeat(storage)
    edge.child.stop()
    (device,) = told.devices

    assert (told.site, told.every, told.spool_most_bytes) == ("plant-2", 1, 10 * 1024**3)
    assert told.certificate_ends_at is not None
    assert told.certificate_ends_at > datetime.now(UTC)
    assert [EndingTold(what="users-secret", ends_at=datetime(2099, 1, 2, tzinfo=UTC))] == list(
        told.endings
    )
    assert (device.name, device.mails, device.address, device.tls) == (
        "scanner",
        1,
        "127.0.0.1",
        "",
    )


def next_heartbeat(storage: Storage) -> Heartbeat:
    give_up_at = time.monotonic() + 30
    while time.monotonic() < give_up_at:
        message = storage.outbound.receive_message()
        if message is None:
            time.sleep(0.1)
            continue
        storage.outbound.delete_message(message)
        signal = decode_signal(str(message.content))
        if isinstance(signal, Heartbeat):
            return signal
    raise AssertionError("no heartbeat within 30 s")


def test_sightings_of_whoever_signs_in_stay_bounded() -> None:
    sightings, client = Sightings(), Client(listener="plain", address="127.0.0.1")
    for number in range(25_000):
        sightings.saw(f"guest-{number % 12_000}", client, NOW)

    remembered = [sightings.of(f"guest-{number}") for number in range(12_000)]

    assert sum(sighting is not None for sighting in remembered) <= 10_000
    assert sightings.of("guest-999") is not None


@pytest.mark.parametrize("number", [0, 1, MOST_DEVICES, MOST_DEVICES + 1, 1000])
def test_every_device_gets_its_turn(number: int) -> None:
    devices = [
        Device(name=f"d{n}", send_as="a@x.org", networks=(ip_network((n, 32)),))
        for n in range(number)
    ]
    told = [turn_of(devices, beats) for beats in range(5)]

    assert {device.name for beat in told for device in beat} == {d.name for d in devices}
    assert all(len(beat) <= MOST_DEVICES for beat in told)
