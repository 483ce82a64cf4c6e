"""Which settings the function app shows to operators, and that no secret is among them."""

import json
from pathlib import Path

import pytest

from function_app.shown import MASK, shown
from handoff.shown_settings import ShownSettings, read_shown_settings, show_settings
from handoff.storage import Storage
from tests.builders import NOW

EXAMPLE = Path(__file__).parents[2] / "local.settings.example.json"


def test_what_is_harmless_is_shown_and_what_is_not_ours_is_not() -> None:
    settings = {
        "RELAY_CLOUD": "usgov",
        "IDENTITY__ERP__CLIENT_ID": "1234",
        "MailStorage__queueServiceUri": "https://x.queue.core.windows.net",
        "PATH": "/bin",
        "AzureWebJobsStorage": "AccountKey=x",
    }

    assert shown(settings) == {
        name: text for name, text in settings.items() if name not in ("PATH", "AzureWebJobsStorage")
    }


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("MailStorage", "AccountKey=x"),
        ("RELAY_SEALING_KEY", "x"),
        ("RELAY_NOTIFY_WEBHOOK", "https://hooks.example/secret"),
        ("RELAY_NOTIFY_WEBHOOK_SECRET", "x"),
        ("IDENTITY__A__CLIENT_SECRET", "x"),
        ("IDENTITY__A__PASSWORD", "x"),
        ("IDENTITY__A__CERTIFICATE", "x"),
        ("IDENTITY__A__CERTIFICATE_PASSWORD", "x"),
        ("IDENTITY__A__SERVICE_ACCOUNT", "{}"),
        ("RELAY_SOMETHING_NEW", "x"),
        ("MailStorage__blobServiceUri", "https://x.blob.core.windows.net/?sv=1&sig=x"),
        ("GRAPH_ENDPOINT", "https://user:pass@x.org"),
    ],
)
def test_of_a_secret_only_that_it_is_set_is_shown(name: str, text: str) -> None:
    assert shown({name: text}) == {name: MASK}


def test_every_setting_of_the_example_that_is_no_secret_is_shown() -> None:
    values = json.loads(EXAMPLE.read_text("utf-8"))["Values"]
    hidden = {name for name, text in shown(dict.fromkeys(values, "x")).items() if text == MASK}

    assert hidden == {
        "MailStorage",
        "RELAY_NOTIFY_WEBHOOK",
        "RELAY_NOTIFY_WEBHOOK_SECRET",
        "RELAY_SEALING_KEY",
        "RELAY_SEALING_KEY_PREVIOUS",
        "IDENTITY__DEFAULT__CLIENT_SECRET",
    }


def test_they_are_read_as_they_were_shown(storage: Storage) -> None:
    few = ShownSettings(NOW, {"RELAY_CLOUD": "usgov"})
    nothing = read_shown_settings(storage.status)
    show_settings(few, storage.status)
    read = read_shown_settings(storage.status)
    show_settings(ShownSettings(NOW, {f"R{n}": "x" * 500 for n in range(99)}), storage.status)
    many = read_shown_settings(storage.status)

    assert nothing is None
    assert read == few
    assert many is not None
    assert 50 < len(many.values) < 60
