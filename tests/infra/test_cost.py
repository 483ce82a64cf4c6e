"""The operations behind the cost table of infra/README.md are counted, not guessed."""

import re
from collections import Counter
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
import requests

from function_app.deliver import deliver
from function_app.notices.alarm_news import MISCONFIGURED
from function_app.notices.alarms import Alarms
from function_app.notices.settings import NoticeSettings
from function_app.notices.tell import tell
from function_app.sweep import sweep
from handoff.storage import Storage
from tests.function_app.desk import Desk, ScriptedProvider
from tests.infra.manifests import ROOT

ENGLISH = {5: "five", 6: "six", 7: "seven"}
README = (ROOT / "infra" / "README.md").read_text("utf-8")


@pytest.fixture
def operations(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Requests to the storage account from now on, by service."""
    found: Counter[str] = Counter()
    send = requests.Session.send
    services = {
        urlsplit(client.url).port: name
        for name, client in (("queue", storage.outbound), ("table", storage.deliveries))
    }

    def counted(
        session: requests.Session, request: requests.PreparedRequest, **options: object
    ) -> object:
        found[services.get(urlsplit(str(request.url)).port, "blob")] += 1
        return send(session, request, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(requests.Session, "send", counted)
    return found


def _told(row: str) -> Counter[str]:
    cells = re.findall(
        rf"^\| {re.escape(row)} \| (\d+) \| (\d+) \| (\d+) \|$", README, re.MULTILINE
    )

    assert len(cells) == 1, row
    return +Counter(dict(zip(("queue", "blob", "table"), map(int, cells[0]), strict=True)))


def test_a_mail_in_its_ticket_costs_what_the_table_tells(
    storage: Storage, operations: Counter[str]
) -> None:
    desk = Desk(storage)
    ticket = desk.a_ticket()
    message = desk.queued(ticket)
    operations.clear()
    deliver(message, desk.means(ScriptedProvider()))
    desk.is_let_go(message)

    assert operations == _told("function, a small mail")


def test_a_mail_in_a_blob_costs_what_the_table_tells(
    storage: Storage, operations: Counter[str]
) -> None:
    desk = Desk(storage)
    message = desk.queued(desk.a_ticket_with_blob())
    operations.clear()
    deliver(message, desk.means(ScriptedProvider()))
    desk.is_let_go(message)

    assert operations == _told("function, a larger mail")


def test_a_round_costs_what_the_table_tells(storage: Storage, operations: Counter[str]) -> None:
    now = datetime.now(UTC)
    Alarms(storage, lambda: now).clear(MISCONFIGURED)
    sweep(storage, now)
    tell(storage, NoticeSettings(), now)

    assert operations == _told("function, a round of `sweep`")


def test_the_sums_of_the_table_hold() -> None:
    table = README.partition("| | price used |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| [^*|]+ \|[^|]*\| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", table, re.M)
    told = re.findall(
        r"\*\*together\*\* \| \| \*\*(\d+)\*\* \| \*\*(\d+)\*\* \| \*\*(\d+)\*\*", table
    )

    assert len(rows) == 7
    assert [round(sum(map(float, column))) for column in zip(*rows, strict=True)] == [
        int(each) for each in told[0]
    ]


def test_every_alert_is_counted() -> None:
    alerts = len(list((ROOT / "infra" / "alerts").glob("*.kql")))

    assert f"| {ENGLISH[alerts]} log alerts | 1.50 each | {alerts * 1.5:.2f} |" in README
