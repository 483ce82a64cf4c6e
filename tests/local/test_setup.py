"""The set-up as a program, in a checkout of its own, with packages from a directory."""

import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.local.checkout import PYTHON, Checkout, hanging
from tests.local.registry import Registry

# What Debian ships without its package python3-venv.
DEBIAN = "print('ensurepip is not available'); exit(1)"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    return Registry(tmp_path_factory.mktemp("registry") / "wheels")


@pytest.fixture
def fresh(tmp_path: Path, registry: Registry) -> Checkout:
    """A checkout in which nothing is installed."""
    return Checkout(tmp_path / "checkout", registry)


@pytest.fixture(scope="module")
def _installed(tmp_path_factory: pytest.TempPathFactory, registry: Registry) -> Checkout:
    checkout = Checkout(tmp_path_factory.mktemp("setup") / "checkout", registry)
    assert checkout.setup("run")[0] == 0
    return checkout


@pytest.fixture
def installed(_installed: Checkout) -> Checkout:
    """A checkout with what a run needs; tests share its environment, which takes long to make."""
    _installed.pin(_installed.registry.sample)
    assert _installed.setup("run")[0] == 0
    return _installed


def test_it_installs_what_the_purpose_needs_and_nothing_twice(fresh: Checkout) -> None:
    code, out, err = fresh.setup("run")
    steps = re.findall(r"^Installing (.*) \.\.\.$", out, re.MULTILINE)

    assert (0, "") == (code, err)
    assert ["Python environment", "Python packages", "Azurite"] == steps
    assert out.count("  done in ") == 3
    assert fresh.has("sample")
    assert not fresh.has("checker")
    assert (fresh.root / ".venv/azurite/node_modules/package-lock.json").exists()
    assert fresh.setup("run", PIP_FIND_LINKS="/nowhere", UV_FAILS="no") == (0, "", "")

    code, out, _ = fresh.setup("test")
    steps = re.findall(r"^Installing (.*) \.\.\.$", out, re.MULTILINE)

    assert (0, ["Python packages", "JavaScript mail client"]) == (code, steps)
    assert fresh.has("checker")
    assert fresh.setup("run", PIP_FIND_LINKS="/nowhere", UV_FAILS="no") == (0, "", "")


def test_a_changed_lock_is_installed_and_so_is_the_old_one_again(installed: Checkout) -> None:
    installed.pin(installed.registry.newer_sample)

    assert installed.setup("run")[0] == 0
    assert installed.sample_version() == "2"

    installed.pin(installed.registry.sample)

    assert installed.setup("run")[0] == 0
    assert installed.sample_version() == "1"


def test_a_changed_npm_lock_is_installed(installed: Checkout) -> None:
    (installed.root / "local/azurite/package-lock.json").write_text('{"new": 1}')
    code, out, _ = installed.setup("run")

    assert (0, 1) == (code, out.count("Installing "))
    assert '{"new": 1}' == (
        (installed.root / ".venv/azurite/node_modules/package-lock.json").read_text()
    )


def test_a_package_that_is_not_what_the_lock_says_is_refused(installed: Checkout) -> None:
    installed.pin(re.sub("sha256:.{8}", "sha256:00000000", installed.registry.newer_sample))
    code, _, err = installed.setup("run")

    assert code == 1
    assert "HASHES" in err
    assert installed.sample_version() == "1"


def test_a_lock_without_hashes_is_refused(installed: Checkout) -> None:
    installed.pin(installed.registry.newer_sample)
    lock = installed.root / "local/requirements.txt"
    lock.write_text(re.sub(r" \\\n.*", "", lock.read_text()))
    code, _, err = installed.setup("run")

    assert code == 1
    assert "Hashes are required" in err


def test_pip_installs_when_uv_cannot(installed: Checkout) -> None:
    installed.pin(installed.registry.newer_sample)
    code, out, _ = installed.setup("run", UV_FAILS="dns error: no such host")

    assert code == 0
    assert "pip tries" in out
    assert installed.sample_version() == "2"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"UV_FAILS": "failed to write: No space left on device (os error 28)"},
            "the disk is full",
        ),
        (
            {
                "UV_FAILS": "dns error",
                "PIP_NO_INDEX": "",
                "PIP_INDEX_URL": "http://127.0.0.1:1/",
                "PIP_FIND_LINKS": "",
                "PIP_RETRIES": "1",
            },
            "no network; it is needed once, to fetch packages",
        ),
    ],
)
def test_a_usual_failure_is_one_line(
    installed: Checkout, settings: dict[str, str], said: str
) -> None:
    installed.pin(installed.registry.newer_sample)
    code, _, err = installed.setup("run", **settings)

    assert (1, f"setup: Python packages: {said}\n") == (code, err)
    assert installed.setup("run")[0] == 0


def test_a_failing_npm_is_told_and_tried_again(installed: Checkout) -> None:
    (installed.root / "local/azurite/package.json").write_text('{"newer": 1}')
    code, _, err = installed.setup("run", NPM_FAILS="npm error code E418")

    assert (1, "setup: Azurite: could not be installed\n  npm error code E418\n") == (code, err)
    assert installed.setup("run")[0] == 0


def test_an_interrupted_set_up_is_done_again(installed: Checkout, tmp_path: Path) -> None:
    with hanging(installed, tmp_path) as process:
        os.killpg(process.pid, signal.SIGKILL)

    installed.pin(installed.registry.sample)

    assert "Installing Python packages" in installed.setup("run")[1]

    installed.pin(installed.registry.newer_sample)

    assert installed.setup("run")[0] == 0
    assert installed.sample_version() == "2"


def test_ctrl_c_is_one_line(installed: Checkout, tmp_path: Path) -> None:
    with hanging(installed, tmp_path) as process:
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=30)

    assert process.returncode == 130
    assert err == "setup: interrupted; the next call goes on from here\n"


def test_half_an_environment_is_made_anew(fresh: Checkout) -> None:
    (fresh.root / ".venv/bin").mkdir(parents=True)
    (fresh.root / ".venv/bin/python").symlink_to(PYTHON)

    assert fresh.setup("run")[0] == 0
    assert fresh.has("sample")


@pytest.mark.parametrize("harm", ["moved", "of another Python", "without its Python"])
def test_an_environment_that_does_not_fit_is_made_anew(
    installed: Checkout, harm: str, tmp_path: Path
) -> None:
    made = installed.root / ".venv/installed/made"
    if harm == "moved":
        made.write_text(made.read_text().replace(str(installed.root), "/elsewhere"))
    elif harm == "of another Python":
        made.write_text(made.read_text().replace("3.", "3.9"))
    else:
        (installed.root / ".venv/bin/python").unlink()
    code, out, _ = installed.setup("run")

    assert (0, 3) == (code, out.count("Installing "))
    assert installed.has("sample")


def test_two_at_once_wait_for_each_other(installed: Checkout, tmp_path: Path) -> None:
    with hanging(installed, tmp_path) as first, installed.start("run") as second:
        assert second.stdout is not None
        assert "Another set-up is under way here" in second.stdout.readline()
        os.killpg(first.pid, signal.SIGKILL)
        second.communicate(timeout=60)

    assert second.returncode == 0
    assert installed.sample_version() == "2"


def test_without_the_venv_module_it_names_the_package(fresh: Checkout, tmp_path: Path) -> None:
    (tmp_path / "venv.py").write_text(DEBIAN)
    code, _, err = fresh.setup("run", PYTHONPATH=str(tmp_path))

    assert code == 1
    assert err == (
        "setup: Python environment: this Python has no venv module; on Debian and Ubuntu:"
        f" apt-get install python3.{sys.version_info.minor}-venv\n"
    )


def test_the_genuine_worker_gets_an_environment_of_python_3_13(fresh: Checkout) -> None:
    # No interpreter of that version is needed to see what becomes of one that is found.
    _, out, _ = fresh.setup("test")

    assert "No Python 3.13 here: tests with the genuine Functions worker are skipped." in out

    (fresh.root / "bin").mkdir()
    (fresh.root / "bin/python3.13").symlink_to(PYTHON)
    path = f"{fresh.root / 'bin'}:/usr/bin:/bin"
    code, out, _ = fresh.setup("test", PATH=path)

    assert (0, 1) == (code, out.count("Installing "))
    assert (fresh.root / ".venv-worker/bin/python").exists()
    assert list((fresh.root / ".venv-worker").glob("lib/*/site-packages/checker.py"))
    assert fresh.setup("test", PATH=path) == (0, "", "")


def test_an_older_python_is_refused_with_a_sentence(fresh: Checkout) -> None:
    versions = Path.home() / ".pyenv/versions"
    older = [*versions.glob("3.[89].*/bin/python"), *versions.glob("3.10.*/bin/python")]
    if not older:
        pytest.skip("no Python older than 3.11 is installed here")
    for python in older:
        done = subprocess.run(
            [python, "-m", "local.setup", "run"],
            cwd=fresh.root,
            capture_output=True,
            text=True,
            check=False,
        )

        assert (1, "setup: Python 3.11 or later is needed; name one with `make PYTHON=...`\n") == (
            done.returncode,
            done.stderr,
        )


def test_on_a_terminal_each_step_is_one_line_that_moves(installed: Checkout) -> None:
    (installed.root / "local/azurite/.npmrc").write_text("other")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [PYTHON, "-m", "local.setup", "run"],
        cwd=installed.root,
        env={"PATH": "/usr/bin:/bin"},
        stdout=theirs,
    )
    os.close(theirs)
    assert process.wait(60) == 0
    shown = os.read(ours, 10_000).decode()
    os.close(ours)

    assert re.fullmatch(
        r"(\rInstalling Azurite \.\.\. [\d.]+ s)*\r\x1b\[KInstalled Azurite in [\d.]+ s\r\n", shown
    )
