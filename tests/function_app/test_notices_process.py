"""The timer as the host calls it, in a process of its own, with settings from its environment."""

import os
import subprocess
import sys
from pathlib import Path

from function_app.notices.alarms import found
from tests.function_app.deaths import OPERATOR, SENDER, dies, rows
from tests.function_app.desk import Desk
from tests.function_app.hook import TOKEN, Hook

ROOT = Path(__file__).parents[2]


def timer(account: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """One round."""
    return subprocess.run(
        [
            sys.executable,
            "-c",
            "import logging; logging.basicConfig(level=logging.DEBUG);"
            "from function_app import root; root.on_timer()",
        ],
        env=os.environ | {"MailStorage": account} | settings,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def waiting(desk: Desk) -> list[str]:
    return [message.text for message in iter(desk.taken, None)]


def test_the_timer_tells_whom_the_settings_name(desk: Desk, hook: Hook, mail_account: str) -> None:
    dies(desk)

    run = timer(
        mail_account,
        RELAY_NOTIFY=f" {OPERATOR},",
        RELAY_NOTICE_DOMAINS="Contoso.com",
        RELAY_NOTICE_FROM="relay@contoso.com",
        RELAY_NOTIFY_WEBHOOK=hook.url,
    )

    assert 0 == run.returncode, run.stderr
    sender, operator = waiting(desk)
    assert f'"forward_paths":["{SENDER}"]' in sender
    assert f'"forward_paths":["{OPERATOR}"]' in operator
    assert ["dead"] == [kind for kind, _ in hook.events]
    assert TOKEN not in run.stderr


def test_wrong_settings_are_an_alarm_until_they_are_right(
    desk: Desk, hook: Hook, mail_account: str
) -> None:
    dies(desk)
    wrong = {"RELAY_NOTIFY_WEBHOOK": hook.url, "RELAY_NOTIFY": "nobody", "RELAY_CLOUD": "mars"}

    timer(mail_account, **wrong)

    assert [("alarm", "app.misconfigured")] == hook.events
    reason = hook.posted[0].event["reason"]
    assert ("RELAY_NOTIFY:" in reason, "RELAY_CLOUD:" in reason) == (True, True)
    assert (1, []) == (rows(desk), waiting(desk))
    timer(mail_account, RELAY_NOTIFY_WEBHOOK=hook.url)
    assert {"alarm", "alarm-over", "dead"} == {kind for kind, _ in hook.events}
    assert [] == found(desk.storage)


def test_a_sweep_that_fails_silences_nobody(desk: Desk, hook: Hook, mail_account: str) -> None:
    dies(desk)
    desk.storage.poison.delete_queue()

    run = timer(mail_account, RELAY_NOTIFY_WEBHOOK=hook.url)

    assert 0 != run.returncode
    assert ["dead"] == [kind for kind, _ in hook.events]
