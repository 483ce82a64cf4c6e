"""Build and run the images with podman, where that can be done; say why where it cannot.

Where no image registry is reached the base is made of Debian's own packages: a stand-in for the
official python:3.13-slim-trixie, with the same Python of the same Debian.
"""

import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
BASE = "localhost/smtp-relay-test-base:trixie"
EDGE = "localhost/smtp-relay-edge:test"
_SOURCES = Path("/etc/apt/sources.list.d/debian.sources")
_TOOLS = ("podman", "buildah", "runc", "mmdebstrap", "unshare")
# runc, because crun does not run beside both versions of control groups.
_SETTINGS = """
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=4096:4096"]
log_driver = "k8s-file"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
image_default_format = "docker"
[network]
network_backend = "netavark"
"""
_PATH = "PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
_LINKS = 'for n in python python3; do ln -sf /usr/bin/python3 "$1/usr/local/bin/$n"; done'


def why_not() -> str | None:
    """Why images cannot be built and run here."""
    missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if missing:
        return f"needs {', '.join(missing)} (Debian packages of the same names)"
    if not _SOURCES.exists():
        return f"needs Debian: the base image is made from {_SOURCES}"
    if os.geteuid() != 0:
        return "needs root: containers without it depend on how the machine is set up"
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode:
        return "needs a machine that may mount: this one is itself a container"
    return None


class Podman:
    """podman and buildah, set up so that they run on a bare machine."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        settings = directory / "containers.conf"
        settings.write_text(_SETTINGS)
        self._environment = os.environ | {"CONTAINERS_CONF": str(settings)}

    def run(self, *command: str | Path, timeout: float = 120) -> str:
        done = self.try_to(*command, timeout=timeout)

        assert done.returncode == 0, f"{command}: {done.stdout[-2000:]} {done.stderr[-2000:]}"
        return done.stdout.strip()

    def try_to(
        self, *command: str | Path, timeout: float = 120
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [str(part) for part in command],
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )

    def build(self) -> None:
        """Make the image of the edge, one at a time on a machine, from layers that are there."""
        with Path("/tmp/smtp-relay-images.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self.try_to("podman", "image", "exists", BASE).returncode:
                self._make_base()
            self.run(
                *("buildah", "bud", "--isolation", "chroot", "--network", "host", "--pull=never"),
                *(
                    "--format",
                    "docker",
                    "--layers",
                    "--file",
                    "edge/Dockerfile",
                    "--build-arg",
                    f"PYTHON_IMAGE={BASE}",
                ),
                *("--ignorefile", "edge/Dockerfile.dockerignore", "--tag", EDGE, "."),
                timeout=600,
            )

    def _make_base(self) -> None:
        archive = self._directory / "base.tar"
        sources = self._directory / "trixie.sources"
        first = _SOURCES.read_text().split("\n\n")[0]
        lines = [line for line in first.splitlines() if not line.startswith(("#", "Suites:"))]
        sources.write_text("\n".join([*lines, "Suites: trixie trixie-updates", ""]))
        self.run(
            *("mmdebstrap", "--variant=minbase", "trixie", archive, sources),
            "--include=python3,python3-venv,ca-certificates,passwd",
            # Else dpkg waits for the disk after every file, for minutes on a busy machine.
            "--dpkgopt=force-unsafe-io",
            *(f"--dpkgopt=path-exclude=/usr/share/{each}/*" for each in ("doc", "man", "locale")),
            f"--customize-hook={_LINKS}",
            f'--customize-hook=cp {_CERTIFICATES} "$1{_CERTIFICATES}"',
            timeout=600,
        )
        variables = (_PATH, f"PIP_CERT={_CERTIFICATES}", f"SSL_CERT_FILE={_CERTIFICATES}")
        changes = [part for each in variables for part in ("--change", f"ENV {each}")]
        self.run("podman", "import", *changes, "--change", 'CMD ["python3"]', archive, BASE)

    @contextmanager
    def container(self, *options: str) -> Iterator["Container"]:
        """The edge as a container with as few rights as it is meant to have."""
        number = self.run(
            *("podman", "run", "--detach", "--read-only", "--cap-drop", "ALL", "--memory", "256m"),
            *("--security-opt", "no-new-privileges", *options, EDGE),
        )
        try:
            yield Container(self, number)
        finally:
            self.try_to("podman", "rm", "--force", "--volumes", number)

    def volumes_of(self, container: str) -> list[str]:
        mounts = self.inspect("container", container)["Mounts"]
        return [mount["Name"] for mount in mounts if mount["Type"] == "volume"]

    def inspect(self, kind: str, name: str) -> Any:
        return json.loads(self.run("podman", kind, "inspect", name))[0]


class Container:
    def __init__(self, podman: Podman, number: str) -> None:
        self._podman = podman
        self.number = number

    def events(self) -> list[dict[str, Any]]:
        text = self._podman.run("podman", "logs", self.number)
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    def event(self, name: str) -> dict[str, Any] | None:
        return next((each for each in self.events() if each["event"] == name), None)

    def stop(self) -> int:
        """Ask it to stop, and answer its exit code."""
        self._podman.run("podman", "stop", "--time", "30", self.number)
        code: int = self._podman.inspect("container", self.number)["State"]["ExitCode"]
        return code


def skip_unless_possible() -> None:
    reason = why_not()
    if reason:
        pytest.skip(reason)
