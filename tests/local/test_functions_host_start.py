"""What the Functions host needs to start, and what it says when it is not there."""

import json
from pathlib import Path

import pytest

from handoff.storage import Storage
from tests.local.host import Start, until


def test_app_settings_are_read_from_local_settings(
    app: Path, start: Start, storage: Storage, mail_account: str
) -> None:
    values = {"MailStorage": mail_account, "PYTHON_THREADPOOL_THREAD_COUNT": "none"}
    (app / "local.settings.json").write_text(json.dumps({"Values": values}))
    host = start(MailStorage=None, PYTHON_THREADPOOL_THREAD_COUNT="3")  # the environment wins
    storage.outbound.send_message("hello")
    until(lambda: host.notes("hello"))


def test_what_is_missing_is_one_line(app: Path, start: Start) -> None:
    assert start(wait=False, MailStorage=None).refusal() == (
        "set MailStorage, or MailStorage__queueServiceUri"
    )

    (app / "function_app.py").rename(app / "other.py")

    assert "function_app.py is missing" in start(wait=False).refusal()

    (app / "host.json").unlink()

    assert "host.json" in start(wait=False).refusal()


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("MailStorage", "nonsense", "MailStorage: Connection string is either blank or malformed."),
        ("RELAY_HOST_LEASE_SECONDS", "0", "RELAY_HOST_LEASE_SECONDS: expected a whole number"),
        ("PYTHON_THREADPOOL_THREAD_COUNT", "x", "PYTHON_THREADPOOL_THREAD_COUNT: expected a whole"),
    ],
)
def test_a_bad_setting_is_one_line(start: Start, setting: str, value: str, said: str) -> None:
    assert start(wait=False, **{setting: value}).refusal().startswith(said)


def test_a_bad_local_settings_file_is_one_line(app: Path, start: Start) -> None:
    (app / "local.settings.json").write_text("{")

    assert start(wait=False).refusal().startswith("local.settings.json: Expecting")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("second = func.FunctionApp()", "function_app must define one FunctionApp, not 2"),
        ("del app", "function_app must define one FunctionApp, not 0"),
        ("import no_such_module", "No module named 'no_such_module'"),
        (
            "@app.route('page')\ndef page(req: func.HttpRequest) -> str:\n    return ''",
            "page: httpTrigger is not imitated here",
        ),
        (
            "@app.timer_trigger('timer', schedule='0 0 0 31 2 *')\ndef never(timer) -> None: ...",
            "the schedule never comes due",
        ),
    ],
)
def test_a_function_app_that_cannot_run_is_one_line(
    app: Path, start: Start, code: str, said: str
) -> None:
    with (app / "function_app.py").open("a") as file:
        file.write(f"\n{code}\n")

    assert said == start(wait=False).refusal()
