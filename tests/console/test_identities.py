"""About which identities and mailboxes `relay doctor` asks."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from console.doctor.identities import Asked, whom_to_ask
from edge.settings import Device
from local.child import Child
from local.graph_simulator.client import SimulatorClient
from tests.console.conftest import Relay
from tests.edge.program import config
from tests.fixtures.function_app import start_function_app
from tests.function_app.smtp_script import scripted

DEFAULT, OUT = Asked("default", "scan@contoso.com"), Asked("out", "erp@contoso.com")


def device(name: str, mailbox: str, identity: str) -> Device:
    return Device.model_validate(
        {"name": name, "networks": ["10.0.0.0/8"], "send_as": mailbox, "identity": identity}
    )


DEVICES = (
    device("scanner", "scan@contoso.com", "default"),
    device("fax", "fax@contoso.com", "default"),
    device("erp", "erp@contoso.com", "Out"),
)
WHOM: dict[str, tuple[str, str, tuple[Asked, ...]]] = {
    "all": ("", "", (DEFAULT, OUT)),
    "one": ("OUT", "", (OUT,)),
    "of a mailbox": ("", "Erp@contoso.com", (OUT,)),
    "both": ("out", "scan@contoso.com", (Asked("out", "scan@contoso.com"),)),
    "that no device names": ("spare", "", (Asked("spare", "scan@contoso.com"),)),
    "mailbox of nobody": ("", "a@x.org", (Asked("default", "a@x.org"),)),
}


@pytest.mark.parametrize(("identity", "mailbox", "asked"), WHOM.values(), ids=WHOM)
def test_each_identity_is_asked_about_by_a_mailbox_that_sends_with_it(
    identity: str, mailbox: str, asked: tuple[Asked, ...]
) -> None:
    assert asked == whom_to_ask(DEVICES, identity, mailbox)


def test_without_devices_somebody_has_to_name_a_mailbox() -> None:
    assert () == whom_to_ask((), "", "")
    assert (Asked("default", "a@x.org"),) == whom_to_ask((), "", "a@x.org")


@pytest.fixture
def port() -> Iterator[int]:
    with scripted() as server:
        yield server.port


@pytest.fixture
def function_app(mail_account: str, graph: SimulatorClient, port: int) -> Iterator[Child]:
    out = {"PROVIDER": "smarthost", "HOST": "127.0.0.1", "PORT": str(port), "TLS": "none"}
    settings = {f"IDENTITY__OUT__{key}": value for key, value in out.items()}
    child = start_function_app(mail_account, graph, **settings)
    yield child
    child.kill()


@pytest.mark.usefixtures("function_app")
def test_doctor_asks_about_each_identity_of_the_devices(
    relay: Relay, tmp_path: Path, mail_account: str
) -> None:
    file = config(tmp_path, mail_account)
    file.write_text(
        file.read_text()
        + '\n[[devices]]\nname = "erp"\nnetworks = ["10.9.0.0/16"]\nidentity = "out"\n'
        + 'send_as = "erp@contoso.com"\n'
    )
    answer = relay("doctor", "--config", str(file), "--json")

    asked = [one for one in answer.json if one["id"] in ("G02", "G03")]
    assert [("ok", "default"), ("ok", "default"), ("ok", "out"), ("ok", "out")] == [
        (one["verdict"], one["text"].partition(":")[0]) for one in asked
    ]
