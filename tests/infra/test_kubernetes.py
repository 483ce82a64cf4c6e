"""What a cluster would get is valid, safe, and fits the program; Kustomize and Helm agree."""

import json
import re
from functools import cache
from typing import Any

import pytest

from edge.settings import EdgeSettings, SpoolSettings
from edge.settings_file import load
from handoff import names
from tests.infra.manifests import (
    ALL_OF_THE_CHART,
    CHART,
    KUSTOMIZE,
    OVERLAYS,
    ROOT,
    Object,
    container,
    helm,
    kustomize,
    one,
    pods,
)

WAYS = [*OVERLAYS, "helm", "helm-edge-only"]
COMPLETE = ["complete", "helm"]
THREADS = "PYTHON_THREADPOOL_THREAD_COUNT"
STORAGE = {"EDGE_STORAGE__CONNECTION_STRING": "UseDevelopmentStorage=true"}
# Kinds that a cluster only knows with KEDA or the Prometheus operator, and the fields that we use.
FIELDS_OF_OTHERS = {
    "ScaledObject": {
        "scaleTargetRef", "minReplicaCount", "maxReplicaCount", "pollingInterval", "triggers",
    },
    "TriggerAuthentication": {"podIdentity"},
    "ServiceMonitor": {"selector", "endpoints"},
    "PrometheusRule": {"groups"},
}  # fmt: skip


@cache
def _objects(way: str) -> list[Object]:
    if way.startswith("helm"):
        return helm(ALL_OF_THE_CHART if way == "helm" else {})
    return kustomize(way)


@pytest.mark.parametrize("way", WAYS)
def test_objects_are_what_kubernetes_takes_strictly(way: str) -> None:
    validate: Any = pytest.importorskip(
        "kubernetes_validate", reason="needs the package kubernetes-validate"
    )
    for each in _objects(way):
        if each["kind"] not in FIELDS_OF_OTHERS:
            validate.validate(each, "1.37", strict=True)


@pytest.mark.parametrize("way", COMPLETE)
def test_kinds_of_operators_have_only_fields_that_they_know(way: str) -> None:
    found = {
        each["kind"]: set(each["spec"])
        for each in _objects(way)
        if each["kind"] in FIELDS_OF_OTHERS
    }

    assert found == FIELDS_OF_OTHERS


@pytest.mark.parametrize("way", WAYS)
def test_every_selector_finds_a_pod(way: str) -> None:
    labels = [pod["metadata"]["labels"] for pod in pods(_objects(way))]
    for each in _objects(way):
        spec = each.get("spec", {})
        selector = spec.get("podSelector", spec.get("selector"))
        if each["kind"] in ("Service", "PodDisruptionBudget", "NetworkPolicy"):
            wanted = selector.get("matchLabels", selector)

            assert any(wanted.items() <= known.items() for known in labels), each["metadata"]


@pytest.mark.parametrize("way", COMPLETE)
def test_prometheus_finds_the_monitor(way: str) -> None:
    monitor = one(_objects(way), "ServiceMonitor")["spec"]
    wanted = monitor["selector"]["matchLabels"].items()
    services = [each for each in _objects(way) if each["kind"] == "Service"]
    found = [each for each in services if wanted <= each["metadata"]["labels"].items()]

    assert [each["metadata"]["name"] for each in found] == ["relay-edge-monitor"]
    assert monitor["endpoints"][0]["port"] == found[0]["spec"]["ports"][0]["name"]


@pytest.mark.parametrize("way", WAYS)
def test_pods_have_no_more_rights_than_they_need(way: str) -> None:
    for pod in pods(_objects(way)):
        spec, inner = pod["spec"], pod["spec"]["containers"][0]["securityContext"]

        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert inner["allowPrivilegeEscalation"] is False
        assert inner["capabilities"] == {"drop": ["ALL"]}


@pytest.mark.parametrize("way", WAYS)
def test_the_edge_writes_into_its_volumes_alone(way: str) -> None:
    edge = container(_objects(way), "StatefulSet")
    writable = {each["mountPath"] for each in edge["volumeMounts"] if not each.get("readOnly")}

    assert edge["securityContext"]["readOnlyRootFilesystem"] is True
    assert writable == {"/var/spool/relay", "/var/lib/relay"}


@pytest.mark.parametrize("way", WAYS)
def test_the_user_is_that_of_the_images(way: str) -> None:
    of_images = {
        user
        for room in ("edge", "function_app")
        for user in re.findall(
            r"^USER (\d+)", (ROOT / room / "Dockerfile").read_text(), re.MULTILINE
        )
    }
    of_pods = {str(pod["spec"]["securityContext"]["runAsUser"]) for pod in pods(_objects(way))}

    assert of_pods == of_images


@pytest.mark.parametrize("way", WAYS)
def test_the_address_of_the_client_is_kept(way: str) -> None:
    assert one(_objects(way), "Service", "relay-edge")["spec"]["externalTrafficPolicy"] == "Local"


def _settings(way: str) -> EdgeSettings:
    texts = [
        each["data"]["edge.toml"] for each in _objects(way) if "edge.toml" in each.get("data", {})
    ]
    file = KUSTOMIZE / "edge" / "edge.toml"

    assert [text.strip() for text in texts] == [file.read_text("utf-8").strip()]
    return load(file, STORAGE)


@pytest.mark.parametrize("way", WAYS)
def test_every_port_is_one_that_the_edge_opens(way: str) -> None:
    settings = _settings(way)
    opened = {listener.name: listener.address.port for listener in settings.listeners}
    opened["monitor"] = settings.monitor.address.port
    ports = container(_objects(way), "StatefulSet")["ports"]
    named = [
        port["targetPort"]
        for each in _objects(way)
        if each["kind"] == "Service"
        for port in each["spec"]["ports"]
    ]

    assert {port["name"]: port["containerPort"] for port in ports} == opened
    assert sorted(named) == sorted(opened)


@pytest.mark.parametrize("way", WAYS)
def test_variables_of_the_edge_are_settings(way: str) -> None:
    edge = container(_objects(way), "StatefulSet")
    paths = {each["name"]: each.get("value", "x") for each in edge["env"]}

    assert paths.pop("EDGE_CONFIG") == "/etc/relay/edge.toml"
    assert paths.pop("EDGE_DEVICES_FILE").startswith("/run/devices/")
    assert load(None, STORAGE | paths).hostname == "x"


@pytest.mark.parametrize("way", WAYS)
def test_the_spool_fits_its_volume(way: str) -> None:
    claims = one(_objects(way), "StatefulSet")["spec"]["volumeClaimTemplates"]
    size = claims[0]["spec"]["resources"]["requests"]["storage"]
    spool = SpoolSettings()

    assert int(size.removesuffix("Gi")) * 1024**3 > spool.max_bytes + spool.reserve_bytes


@pytest.mark.parametrize("way", WAYS)
def test_the_edge_has_time_to_drain(way: str) -> None:
    pod = one(_objects(way), "StatefulSet")["spec"]["template"]["spec"]

    assert pod["terminationGracePeriodSeconds"] > _settings(way).drain_timeout + 5


def _example() -> Any:
    return json.loads((ROOT / "local.settings.example.json").read_text("utf-8"))["Values"]


def _host() -> Any:
    return json.loads((ROOT / "host.json").read_text("utf-8"))


@pytest.mark.parametrize("way", COMPLETE)
def test_keda_asks_the_right_queue_and_knows_what_an_instance_takes(way: str) -> None:
    queues = _host()["extensions"]["queues"]
    in_flight = str(queues["batchSize"] + queues["newBatchThreshold"])
    trigger = one(_objects(way), "ScaledObject")["spec"]["triggers"][0]
    settings = next(
        each["data"] for each in _objects(way) if "RELAY_INSTANCES" in each.get("data", {})
    )

    assert trigger["metadata"] == {
        "queueName": names.OUTBOUND_QUEUE,
        "accountName": "mailrelay",
        "queueLength": in_flight,
        "queueLengthStrategy": "visibleonly",
    }
    assert settings[THREADS] == _example()[THREADS]


@pytest.mark.parametrize("way", COMPLETE)
def test_instances_share_the_limits_and_one_always_runs_the_timer(way: str) -> None:
    scale = one(_objects(way), "ScaledObject")["spec"]
    settings = next(
        each["data"] for each in _objects(way) if "RELAY_INSTANCES" in each.get("data", {})
    )

    assert scale["minReplicaCount"] >= 1
    assert settings["RELAY_INSTANCES"] == str(scale["maxReplicaCount"])
    assert scale["scaleTargetRef"]["name"] == one(_objects(way), "Deployment")["metadata"]["name"]


@pytest.mark.parametrize("way", COMPLETE)
def test_the_function_has_time_to_finish(way: str) -> None:
    pod = one(_objects(way), "Deployment")["spec"]["template"]["spec"]
    hours, minutes, seconds = map(int, _host()["functionTimeout"].split(":"))

    assert pod["terminationGracePeriodSeconds"] >= hours * 3600 + minutes * 60 + seconds


def _comparable(template: Object) -> Object:
    """A pod without what each way names as it likes."""
    text = re.sub(
        r"relay-(edge|function)-[a-z0-9]{10}\b", r"relay-\1", json.dumps(template["spec"])
    )
    spec: Object = json.loads(text)
    for each in spec["containers"]:
        each.pop("imagePullPolicy", None)
        each["image"] = each["image"].rpartition("/")[2]
    return spec


def test_kustomize_and_helm_make_the_same_pods() -> None:
    by_kustomize = [_comparable(pod) for pod in pods(_objects("complete"))]
    by_helm = [_comparable(pod) for pod in pods(_objects("helm"))]
    by_name = {each["containers"][0]["name"]: each for each in by_helm}

    assert {each["containers"][0]["name"]: each for each in by_kustomize} == by_name


def test_the_chart_is_clean() -> None:
    library: Any = pytest.importorskip("helm_python", reason="needs the package helm-python-sdk")
    found = library.lint(str(CHART))

    assert found["errors"] == []
    assert [each["error"] for each in found["messages"]] == ["icon is recommended"]


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"edge": {"replica": 2}}, "replica"),
        ({"edge": {"clientId": "not-an-id"}}, "clientId"),
        ({"function": {"enabled": True}}, "storageAccount"),
        ({"edge": {"spool": {"size": "12"}}}, "size"),
    ],
)
def test_the_chart_refuses_values_that_make_no_sense(values: Object, fault: str) -> None:
    library: Any = pytest.importorskip("helm_python", reason="needs the package helm-python-sdk")

    with pytest.raises(library.HelmValuesError, match=fault):
        helm(values)


def test_networks_narrow_who_may_connect() -> None:
    values = {"edge": {"service": {"allowedNetworks": ["10.0.0.0/8"]}}}
    policy = one(helm(values), "NetworkPolicy")["spec"]["ingress"][0]

    assert policy["from"] == [{"ipBlock": {"cidr": "10.0.0.0/8"}}]
