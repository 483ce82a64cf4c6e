"""The image of the edge is really built and run: mail goes in and comes out, SIGTERM drains."""

import json
import smtplib
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from handoff.storage import Storage
from handoff.ticket import decode
from tests.builders import MAIL
from tests.edge.program import NOWHERE
from tests.infra.containers import EDGE, Container, Podman, skip_unless_possible
from tests.infra.manifests import Object, container, kustomize, one, yaml

DEVICES = json.dumps([{"name": "any", "networks": ["0.0.0.0/0"], "send_as": "scan@contoso.com"}])
DOORS = json.dumps(
    [{"name": "lan", "address": "127.0.0.1:0", "tls": "none", "profile": "legacy", "auth": "off"}]
)
SECONDS = 30
T = TypeVar("T")


@pytest.fixture(scope="session")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Podman:
    skip_unless_possible()
    podman = Podman(tmp_path_factory.mktemp("podman"))
    podman.build()
    return podman


def _wait_for(fact: Callable[[], T]) -> T:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        found = fact()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"not within {SECONDS} s")


def _send(port: int) -> str:
    with smtplib.SMTP("127.0.0.1", port, timeout=SECONDS) as client:
        client.ehlo()
        client.mail("scan@contoso.com")
        client.rcpt("ann@contoso.com")
        code, text = client.data(MAIL)

    assert code == 250
    return text.decode().rpartition(" ")[2]


@pytest.fixture
def beside_azurite(podman: Podman, mail_account: str) -> Iterator[Container]:
    """On the network of this machine, where Azurite is on loopback."""
    variables = {
        "EDGE_DEVICES": DEVICES,
        "EDGE_LISTENERS": DOORS,
        "EDGE_MONITOR__ADDRESS": "127.0.0.1:0",
        "EDGE_STORAGE__CONNECTION_STRING": mail_account,
    }
    options = [f"--env={name}={value}" for name, value in variables.items()]
    with podman.container("--network", "host", *options) as running:
        yield running


@pytest.fixture
def on_a_bridge(podman: Podman) -> Iterator[Container]:
    """With the settings of the image, and a storage account that is out of reach."""
    variables = {"EDGE_DEVICES": DEVICES, "EDGE_STORAGE__CONNECTION_STRING": NOWHERE}
    options = [f"--env={name}={value}" for name, value in variables.items()]
    doors = ("--publish", "127.0.0.1::2525", "--publish", "127.0.0.1::8080")
    with podman.container(*doors, *options) as running:
        _wait_for(lambda: running.event("ready"))
        yield running


def _port(podman: Podman, running: Container, inside: int) -> int:
    return int(podman.run("podman", "port", running.number, str(inside)).rpartition(":")[2])


def test_the_image_is_small_and_not_root(podman: Podman) -> None:
    image = podman.inspect("image", EDGE)

    assert image["Size"] < 200_000_000
    assert image["Config"]["User"] == "10001:10001"
    assert set(image["Config"]["Volumes"]) == {"/var/spool/relay", "/var/lib/relay"}


def test_mail_goes_in_and_a_ticket_comes_out(beside_azurite: Container, storage: Storage) -> None:
    ready = _wait_for(lambda: beside_azurite.event("ready"))
    assert ready is not None
    mail_id = _send(int(ready["listeners"]["lan"].rpartition(":")[2]))
    message: Any = _wait_for(lambda: next(iter(storage.outbound.receive_messages()), None))
    ticket = decode(message.content)

    assert ticket.id == mail_id
    assert ticket.envelope.forward_paths == ("ann@contoso.com",)


def test_a_stop_ends_it_in_order(beside_azurite: Container) -> None:
    ready = _wait_for(lambda: beside_azurite.event("ready"))
    assert ready is not None
    _send(int(ready["listeners"]["lan"].rpartition(":")[2]))

    assert beside_azurite.stop() == 0
    stopped = beside_azurite.event("stopped")
    assert stopped is not None
    assert stopped["waiting"] == 0


def test_the_health_check_of_the_image_asks_the_monitor(
    podman: Podman, on_a_bridge: Container
) -> None:
    port = _port(podman, on_a_bridge, 8080)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=SECONDS) as answer:
        report = json.load(answer)

    assert report["checks"] == {"listening": True, "spool": True}
    assert podman.try_to("podman", "healthcheck", "run", on_a_bridge.number).returncode == 0


def test_mail_waits_in_the_volume_for_the_next_container(
    podman: Podman, tmp_path: Path, mail_account: str, storage: Storage
) -> None:
    volume = f"spool-{tmp_path.name}"
    common = ["--network", "host", f"--volume={volume}:/var/spool/relay"]
    common += [f"--env=EDGE_DEVICES={DEVICES}", f"--env=EDGE_LISTENERS={DOORS}"]
    common += ["--env=EDGE_MONITOR__ADDRESS=127.0.0.1:0"]
    try:
        with podman.container(*common, f"--env=EDGE_STORAGE__CONNECTION_STRING={NOWHERE}") as first:
            ready = _wait_for(lambda: first.event("ready"))
            assert ready is not None
            mail_id = _send(int(ready["listeners"]["lan"].rpartition(":")[2]))
            podman.run("podman", "kill", first.number)
        account = f"--env=EDGE_STORAGE__CONNECTION_STRING={mail_account}"
        with podman.container(*common, account):
            message: Any = _wait_for(lambda: next(iter(storage.outbound.receive_messages()), None))

            assert decode(message.content).id == mail_id
    finally:
        podman.try_to("podman", "volume", "rm", "--force", volume)


def test_the_pod_of_the_manifests_runs(podman: Podman, tmp_path: Path) -> None:
    name = f"relay-{tmp_path.parent.name}"
    file = tmp_path / "pod.yaml"
    file.write_text(yaml.safe_dump_all(_playable(kustomize("edge-only"), name)))
    try:
        podman.run("podman", "kube", "play", "--network", "none", file)
        running = Container(podman, f"{name}-edge")

        assert _wait_for(lambda: running.event("ready"))
    finally:
        volumes = podman.volumes_of(f"{name}-edge")
        podman.try_to("podman", "kube", "down", file)
        podman.try_to("podman", "volume", "rm", "--force", *volumes)


def _playable(objects: list[Object], name: str) -> list[Object]:
    """The pod of the StatefulSet, which podman 4 does not know, with what the cluster would add."""
    edge = container(objects, "StatefulSet")
    spec = one(objects, "StatefulSet")["spec"]["template"]["spec"]
    del edge["ports"], edge["envFrom"]
    edge |= {"image": EDGE, "imagePullPolicy": "Never"}
    edge["env"].append({"name": "EDGE_STORAGE__CONNECTION_STRING", "value": NOWHERE})
    edge["startupProbe"] = edge["livenessProbe"] = {"exec": {"command": ["true"]}}
    volumes = {each["name"]: each for each in spec["volumes"]}
    volumes["devices"] = {"name": "devices", "configMap": {"name": f"{name}-devices"}}
    volumes["spool"] = {"name": "spool", "emptyDir": {}}
    spec["volumes"] = list(volumes.values())
    devices = {"kind": "ConfigMap", "metadata": {"name": f"{name}-devices"}}
    devices |= {"apiVersion": "v1", "data": {"devices.json": DEVICES}}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
    return [one(objects, "ConfigMap"), devices, pod]
