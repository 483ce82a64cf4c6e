"""No file names a registry: where packages and images come from is the business of who installs."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
# In parts, so that this file does not name them either.
HOSTS = [
    ".".join(parts)
    for parts in (
        ("mcr", "microsoft", "com"),
        ("docker", "io"),
        ("ghcr", "io"),
        ("quay", "io"),
        ("gcr", "io"),
        ("pkg", "dev"),
        ("azurecr", "io"),
        ("registry", "k8s", "io"),
        ("ecr", "aws"),
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("nuget", "org"),
        ("crates", "io"),
        ("rubygems", "org"),
        ("golang", "org"),
    )
]
NAMED = re.compile("|".join(rf"\b{re.escape(host)}\b" for host in HOSTS), re.IGNORECASE)


def _files() -> list[str]:
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"needs a git checkout: {done.stderr.strip()}")
    return [name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def _places(text: str) -> list[str]:
    return [line.strip()[:120] for line in text.splitlines() if NAMED.search(line)]


def test_no_file_names_a_registry() -> None:
    texts = {name: (ROOT / name).read_text("utf-8", errors="replace") for name in _files()}

    assert {name: found for name, text in texts.items() if (found := _places(text))} == {}


@pytest.mark.parametrize("host", HOSTS)
def test_a_registry_is_found_wherever_it_stands(host: str) -> None:
    assert _places(f"FROM {host}/library/python:3.13") != []
    assert _places(f'index = "{host}/simple"') != []
    assert _places(f"mirrors/{host}/azurite") != []
    assert _places(f"a{host}") == []
