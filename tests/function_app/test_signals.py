"""Signals through the function app: heartbeats become rows, silence an alarm, probes an answer."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from function_app.deliver import deliver
from function_app.means import Means
from function_app.notices.alarms import found
from function_app.silence import DEVICE_SILENT, SITE_SILENT, listen
from handoff.findings import Finding, read_findings
from handoff.ids import new_id
from handoff.signals import DeviceSeen, Heartbeat, Probe, encode_signal
from handoff.sites import Sites
from local.graph_simulator.client import SimulatorClient
from tests.builders import a_heartbeat
from tests.function_app.desk import BY_SECRET, Desk, ScriptedProvider

MINUTE = timedelta(minutes=1)


def heard(desk: Desk, beat: Heartbeat) -> None:
    message = desk.queued(encode_signal(beat))
    deliver(message, desk.means(ScriptedProvider()))

    assert desk.is_let_go(message)


def open_codes(desk: Desk) -> dict[str, str]:
    alarms = [alarm for alarm in found(desk.storage) if not alarm.is_over]
    return {alarm.key.code: alarm.key.about for alarm in alarms}


def test_a_heartbeat_is_noted_and_is_no_dead_letter(desk: Desk) -> None:
    heard(desk, a_heartbeat(desk.now))

    assert [site.name for site in Sites(desk.storage.status).all()] == ["plant-2"]
    assert list(desk.storage.dead_letters.list_blob_names()) == []


def test_a_site_that_falls_silent_is_alarmed_until_it_is_heard(desk: Desk) -> None:
    heard(desk, a_heartbeat(desk.now))
    desk.now += 14 * MINUTE
    listen(desk.storage, lambda: desk.now)

    assert open_codes(desk) == {}

    desk.now += 2 * MINUTE
    listen(desk.storage, lambda: desk.now)

    assert open_codes(desk) == {SITE_SILENT: "plant-2"}

    desk.now += MINUTE
    heard(desk, a_heartbeat(desk.now))
    listen(desk.storage, lambda: desk.now)

    assert open_codes(desk) == {}


def test_a_device_is_silent_after_the_time_that_is_set_for_it(desk: Desk) -> None:
    ups = DeviceSeen(name="ups", last_seen=desk.now, silent_after=3600)
    scanner = DeviceSeen(name="scanner", last_seen=desk.now)
    desk.now += 61 * MINUTE
    heard(desk, a_heartbeat(desk.now, ups, scanner))
    listen(desk.storage, lambda: desk.now)

    assert open_codes(desk) == {DEVICE_SILENT: "plant-2.ups"}


def test_of_a_silent_site_no_device_is_said_to_be_silent(desk: Desk) -> None:
    heard(desk, a_heartbeat(desk.now, DeviceSeen(name="ups", last_seen=desk.now, silent_after=60)))
    desk.now += 60 * MINUTE
    listen(desk.storage, lambda: desk.now)

    assert open_codes(desk) == {SITE_SILENT: "plant-2"}


def test_while_the_queue_is_behind_nobody_is_called_silent(desk: Desk) -> None:
    heard(desk, a_heartbeat(desk.now))
    desk.storage.outbound.send_message("waiting", time_to_live=-1)
    desk.now += 60 * MINUTE
    listen(desk.storage, lambda: desk.now)

    assert open_codes(desk) == {}


def probed(desk: Desk, means: Means, **changes: str) -> dict[str, Finding]:
    fields = {"mailbox": "scan@contoso.com"} | changes
    probe = Probe(id=new_id(desk.now), asked_at=desk.now, **fields)  # type: ignore[arg-type]
    deliver(desk.queued(encode_signal(probe)), means)
    findings = read_findings(probe.id, desk.storage.status)

    assert findings is not None
    return {finding.id: finding for finding in findings}


MeansOf = Callable[..., Means]


def test_a_probe_finds_token_and_mailbox_good_and_sends_nothing(
    desk: Desk, means_of: MeansOf, graph: SimulatorClient
) -> None:
    found_ = probed(desk, means_of())

    assert [finding.verdict for finding in found_.values()] == ["ok", "ok", "ok"]
    assert graph.mails() == []


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ({"missing": ["scan@contoso.com"]}, "ErrorInvalidUser"),
        ({"excluded": ["scan@contoso.com"]}, "ErrorAccessDenied"),
    ],
)
def test_a_probe_tells_what_is_wrong_with_the_mailbox(
    desk: Desk, means_of: MeansOf, graph: SimulatorClient, rules: dict[str, list[str]], code: str
) -> None:
    graph.rule(**rules)
    found_ = probed(desk, means_of())

    assert (found_["G02"].verdict, found_["G03"].verdict) == ("ok", "fail")
    assert found_["G03"].code == code


def test_a_probe_tells_what_is_wrong_with_the_secret(
    desk: Desk, means_of: MeansOf, graph: SimulatorClient
) -> None:
    wrong = BY_SECRET | {"IDENTITY__DEFAULT__CLIENT_SECRET": "x"}
    found_ = probed(desk, means_of(ENTRA_AUTHORITY=graph.entra, **wrong))

    assert (found_["G02"].verdict, found_["G02"].code) == ("fail", "AADSTS7000215")
    assert found_["G03"].verdict == "skip"


def test_a_probe_of_an_identity_that_is_not_set_says_so(desk: Desk, means_of: MeansOf) -> None:
    found_ = probed(desk, means_of(), identity="elsewhere")

    assert (found_["G02"].verdict, found_["G02"].code) == ("fail", "unknown-identity")
