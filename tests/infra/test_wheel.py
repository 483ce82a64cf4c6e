"""The relay as a package: built, installed into an empty environment, and asked whether it runs."""

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
UV = Path(sys.prefix) / "bin" / "uv"


def _run(*command: str | Path, directory: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    """Without a network and without what this process has in its path."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "EDGE_"))
    }
    return subprocess.run(
        [str(part) for part in command],
        cwd=directory,
        env=environment | {"UV_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling", reason="needs the package hatchling")
    target = tmp_path_factory.mktemp("wheel")
    command = (sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory")
    done = _run(*command, target, directory=ROOT / "deploy" / "wheel")

    assert done.returncode == 0, done.stderr
    return next(target.glob("*.whl"))


def _metadata(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        name = next(each for each in archive.namelist() if each.endswith("/METADATA"))
        return archive.read(name).decode().splitlines()


def test_version_and_dependencies_are_those_of_the_repository(wheel: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    groups = project["dependency-groups"]
    metadata = _metadata(wheel)
    needed = {line.partition(": ")[2] for line in metadata if line.startswith("Requires-Dist: ")}
    all_of_it = [*groups["edge"], *groups["console"], *groups["traces"]]

    assert f"Version: {project['project']['version']}" in metadata
    assert needed == {each for each in all_of_it if isinstance(each, str)}


def test_the_package_holds_edge_console_and_handoff_alone(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if ".dist-info/" not in name]

    assert {name.partition("/")[0] for name in names} == {"edge", "console", "handoff"}
    assert [name for name in names if re.search("Dockerfile|requirements|__pycache__", name)] == []


def test_every_file_of_the_rooms_is_in_the_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    kept = subprocess.run(
        ["git", "ls-files", "edge", "console", "handoff"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    wanted = {name for name in kept if not re.search(r"Dockerfile|requirements\.txt$", name)}

    assert wanted - packed == set()


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where an empty environment has its programs after the package was installed into it."""
    environment = tmp_path_factory.mktemp("clean") / "venv"
    python = environment / "bin" / "python"
    install = (UV, "pip", "install", "--quiet", "--python", python)
    done = _run(UV, "venv", "--quiet", "--python", sys.executable, environment)

    assert done.returncode == 0, done.stderr
    done = _run(*install, "--require-hashes", "--requirement", "console/requirements.txt")
    if done.returncode:
        pytest.skip(f"the packages are not in the cache of uv: {done.stderr.splitlines()[0]}")
    assert _run(*install, "--no-deps", wheel).returncode == 0
    return environment / "bin"


def test_its_dependencies_are_those_of_the_lock(programs: Path) -> None:
    done = _run(UV, "pip", "check", "--python", programs / "python")

    assert done.returncode == 0, done.stderr


def test_the_edge_runs_with_its_own_packages_alone(programs: Path, tmp_path: Path) -> None:
    settings = tmp_path / "edge.toml"
    settings.write_text('[storage]\nconnection_string = "UseDevelopmentStorage=true"\n', "utf-8")
    done = _run(programs / "relay-edge", "--config", settings, "--check", directory=tmp_path)

    assert (done.returncode, done.stdout) == (0, "settings: ok\n"), done.stderr


def test_the_command_runs_with_its_own_packages_alone(programs: Path, tmp_path: Path) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    done = _run(programs / "relay", "--version", directory=tmp_path)

    assert (done.returncode, done.stdout) == (0, f"{version}\n"), done.stderr
