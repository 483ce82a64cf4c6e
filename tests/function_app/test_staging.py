"""Capture and redirect: a staging site that bothers nobody, and that shows that it is one."""

import json
from collections.abc import Callable

import pytest

from function_app.means import Means
from function_app.outcome import NotSent, WasSent
from function_app.settings import Settings, SettingsError
from handoff.ledger import State
from handoff.storage import Storage
from local.graph_simulator.client import SimulatorClient
from tests.builders import MAIL, NOW
from tests.function_app.desk import Desk, delivered
from tests.function_app.smtp_script import scripted
from tests.function_app.to_smarthost import a_letter, no_draft

MeansOf = Callable[..., Means]
TO = ("ann@contoso.com", "bob@x.org")


def captured(storage: Storage) -> dict[str, bytes]:
    return {
        name: storage.captured.download_blob(name).readall()
        for name in storage.captured.list_blob_names()
    }


def test_captured_mail_is_kept_with_its_envelope_and_not_sent(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    ticket = desk.a_ticket(to=TO)
    row = delivered(desk, means_of(IDENTITY__DEFAULT__PROVIDER="capture"), ticket)

    found = captured(desk.storage)
    envelope = json.loads(found[row.request_id.replace(".eml", ".json")])
    assert (State.SENT, "capture") == (row.state, row.provider)
    assert found[row.request_id].partition(b"\r\n")[2] == MAIL
    assert [*TO] == envelope["forward_paths"]
    assert ("default", "scan@contoso.com") == (envelope["identity"], envelope["mailbox"])
    assert [] == graph.mails()


def test_a_captured_mail_in_doubt_is_found(desk: Desk, means_of: MeansOf) -> None:
    provider = means_of(IDENTITY__DEFAULT__PROVIDER="capture").provider_of("default")
    assert provider is not None
    letter = a_letter()
    list(provider.probe("scan@contoso.com", letter.id))

    assert NotSent() == provider.look(letter, "", NOW)
    provider.send(letter, no_draft)
    assert WasSent("capture") == provider.look(letter, "", NOW)


def test_redirected_mail_goes_to_one_address_through_graph(
    desk: Desk, graph: SimulatorClient, means_of: MeansOf
) -> None:
    means = means_of(IDENTITY__DEFAULT__REDIRECT_TO="staging@contoso.com")
    octets = MAIL.replace(b"Subject", b"Cc: bob@x.org\r\nSubject")
    row = delivered(desk, means, desk.a_ticket(octets, to=(*TO, "carol@y.org")))

    (mail,) = graph.mails()
    assert ("staging@contoso.com",) == mail.recipients
    assert (State.SENT, "graph (redirected)") == (row.state, row.provider)
    assert b"X-Original-To: ann@contoso.com\r\n" in mail.mime
    assert b"X-Original-Cc: bob@x.org\r\n" in mail.mime
    assert b"X-Relay-Recipients: ann@contoso.com, bob@x.org, carol@y.org\r\n" in mail.mime


def test_redirected_mail_goes_to_one_address_through_a_smarthost(
    desk: Desk, means_of: MeansOf
) -> None:
    with scripted() as server:
        means = means_of(
            IDENTITY__DEFAULT__PROVIDER="smarthost",
            IDENTITY__DEFAULT__HOST="127.0.0.1",
            IDENTITY__DEFAULT__PORT=str(server.port),
            IDENTITY__DEFAULT__TLS="none",
            IDENTITY__DEFAULT__REDIRECT_TO="staging@contoso.com",
        )
        row = delivered(desk, means, desk.a_ticket(to=TO))

    assert ["staging@contoso.com"] == server.taken[0].forward_paths
    assert "smarthost (redirected)" == row.provider


WRONG = {
    "no address": ({"IDENTITY__DEFAULT__REDIRECT_TO": "nobody"}, "this is no mail address"),
    "a key of another": ({"IDENTITY__DEFAULT__HOST": "x"}, "the provider graph has no such key"),
    "a secret for capture": (
        {"IDENTITY__DEFAULT__PROVIDER": "capture", "IDENTITY__DEFAULT__PASSWORD": "s3cret"},
        "the provider capture has no such key",
    ),
    "no host": ({"IDENTITY__DEFAULT__PROVIDER": "smarthost"}, "HOST: write the name"),
    "in clear": (
        {
            "IDENTITY__DEFAULT__PROVIDER": "smarthost",
            "IDENTITY__DEFAULT__HOST": "mx",
            "IDENTITY__DEFAULT__TLS": "none",
            "IDENTITY__DEFAULT__CREDENTIAL": "password",
        },
        "would be sent in clear",
    ),
    "no port": (
        {
            "IDENTITY__DEFAULT__PROVIDER": "smarthost",
            "IDENTITY__DEFAULT__HOST": "mx",
            "IDENTITY__DEFAULT__PORT": "70000",
        },
        "PORT: write a number",
    ),
    "no file": (
        {
            "IDENTITY__DEFAULT__PROVIDER": "smarthost",
            "IDENTITY__DEFAULT__HOST": "mx",
            "IDENTITY__DEFAULT__CA_FILE": "/no/such/file",
        },
        "there is no such file",
    ),
    "password without credential": (
        {
            "IDENTITY__DEFAULT__PROVIDER": "smarthost",
            "IDENTITY__DEFAULT__HOST": "mx",
            "IDENTITY__DEFAULT__PASSWORD": "s3cret",
        },
        "so write password",
    ),
}


@pytest.mark.parametrize(("settings", "fault"), WRONG.values(), ids=WRONG)
def test_an_identity_that_makes_no_sense_is_told(settings: dict[str, str], fault: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({"MailStorage": "UseDevelopmentStorage=true"} | settings)

    assert any(fault in one for one in caught.value.faults)
    assert "s3cret" not in str(caught.value)
