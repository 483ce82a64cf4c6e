"""The web console in a real browser: flows, scripts on and off, accessibility, light and dark."""

import re
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from edge.settings_file import load
from handoff.delivery import State
from handoff.ledger import Ledger
from handoff.storage import Storage
from tests.console.conftest import ADDRESS, Open
from tests.console.past import Past
from tests.console.site import Site

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run")
NO_TRAFFIC = ("--disable-background-networking", "--disable-component-update", "--disable-sync")
MINUTE = timedelta(minutes=1)
# A spool in memory, where tests often have it, is another thing to fix.
WELL = re.compile("Nothing stands in the way of a mail|First thing to fix: L0[78]")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium (apt: chromium)")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, *NO_TRAFFIC])
        yield browser
        browser.close()


@pytest.fixture
def site(open_site: Open, learnt: Path) -> Site:
    """Beside an edge that has noted a stranger."""
    return open_site(environment={"EDGE_CONFIG": str(learnt)})


@pytest.fixture
def look(browser: Browser, site: Site) -> Iterator[Any]:
    """Open a page; whatever the browser complains of fails the test."""
    complaints: list[str] = []
    contexts = []

    def look(path: str, **options: Any) -> Page:
        context = browser.new_context(base_url=site.address, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda said: (
                complaints.append(said.text) if said.type in ("error", "warning") else None
            ),
        )
        page.goto(path)
        return page

    yield look
    for context in contexts:
        context.close()

    assert complaints == []


@pytest.fixture
def dead(past: Past) -> str:
    past.mails([n * MINUTE for n in range(2, 90)])
    past.mail(5 * MINUTE, State.DEFERRED, "http-503", "Microsoft Graph has a fault of its own.")
    return past.mail(MINUTE, State.DEAD, "ErrorInvalidUser", "No such mailbox.", device="ups").id


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "path",
    [
        *("/", "/deliveries", "/deliveries?q=x:y", "/messages/{dead}", "/failed?done=Done."),
        *("/devices", "/health", "/settings"),
    ],
)
def test_every_page_is_accessible(look: Any, dead: str, path: str, scheme: str) -> None:
    page = look(path.format(dead=dead), color_scheme=scheme)
    found = Axe().run(page)

    assert found.violations_count == 0, found.generate_report()


def test_a_dead_mail_is_redriven_with_three_clicks(look: Any, dead: str, storage: Storage) -> None:
    page = look("/")
    page.get_by_role("link", name="Failed", exact=True).first.click()
    page.get_by_role("button", name="Redrive …").click()
    expect(page.get_by_role("heading", name="Redrive 1 mail?")).to_be_visible()
    page.get_by_role("button", name="Yes, redrive it").click()
    expect(page.locator(".badge.deferred")).to_be_visible()

    assert storage.outbound.get_queue_properties().approximate_message_count == 1


def test_a_dead_mail_is_discarded_after_a_second_thought(
    look: Any, dead: str, storage: Storage
) -> None:
    page = look(f"/messages/{dead}")
    page.get_by_role("button", name="Discard …").click()
    page.get_by_role("link", name="No", exact=True).click()
    row = Ledger(storage.deliveries).find(dead)

    assert row is not None
    assert row.state is State.DEAD

    page.goto(f"/messages/{dead}")
    page.get_by_role("button", name="Discard …").click()
    page.get_by_role("button", name="Yes, discard it").click()
    expect(page.locator(".badge.discarded")).to_be_visible()


def test_a_stranger_is_adopted_and_its_password_is_shown_once(
    look: Any, learnt: Path, storage: Storage
) -> None:
    page = look("/")
    page.get_by_role("link", name="Devices", exact=True).click()
    page.get_by_text("Adopt …").click()
    page.get_by_label("Name").fill("hp-4200")
    page.get_by_label("Give it a password, too").check()
    found = Axe().run(page)
    page.get_by_role("button", name=f"Adopt {ADDRESS}").click()
    expect(page.get_by_role("heading", name="hp-4200 may send")).to_be_visible()
    password = page.locator(".secret").inner_text()
    device = load(learnt, {}).devices[1]

    assert found.violations_count == 0, found.generate_report()
    assert Axe().run(page).violations_count == 0
    assert (device.name, device.send_as) == ("hp-4200", "hp@contoso.com")
    assert device.password_hash is not None
    assert PasswordHasher().verify(device.password_hash, password)

    page.get_by_role("link", name="Devices", exact=True).last.click()

    assert password not in page.content()


@pytest.mark.usefixtures("function_app")
def test_health_is_checked_and_a_test_mail_is_followed_to_its_end(
    look: Any, open_site: Open, file: Path
) -> None:
    beside = open_site(environment={"EDGE_CONFIG": str(file)})
    page = look(f"{beside.address}/health")
    page.get_by_role("button", name="Run the checks").click()
    verdict = page.get_by_role("heading", name=WELL)
    expect(verdict).to_be_visible(timeout=40_000)
    found = Axe().run(page)

    assert found.violations_count == 0, found.generate_report()

    page.get_by_label("To a real mail goes out").fill("ann@contoso.com")
    page.get_by_label("Through").select_option("lan")
    page.get_by_role("button", name="Send and follow it").click()
    expect(page.locator(".badge.sent")).to_be_visible(timeout=20_000)
    expect(page.locator(".timeline li")).to_have_count(4)

    assert Axe().run(page).violations_count == 0


def test_a_test_mail_that_the_edge_refuses_says_why_without_scripts(look: Any) -> None:
    page = look("/health", java_script_enabled=False)
    page.get_by_label("To a real mail goes out").fill("ann@contoso.com")
    page.get_by_role("button", name="Send and follow it").click()
    expect(page.get_by_role("alert")).to_contain_text("The edge did not take it")
    expect(page.get_by_label("To a real mail goes out")).to_have_value("ann@contoso.com")


def test_a_search_shows_its_mails_while_one_types(look: Any, dead: str) -> None:
    page = look("/deliveries")
    expect(page.locator("tbody tr")).to_have_count(50)
    page.get_by_label("Search", exact=True).press_sequentially("state:dead")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page).to_have_url(page.url.partition("?")[0] + "?q=state%3Adead")
    page.locator("tbody a").click()
    expect(page.get_by_role("heading", name=dead)).to_be_visible()


def test_new_mail_comes_by_itself(look: Any, past: Past) -> None:
    page = look("/deliveries")
    expect(page.locator("tbody tr")).to_have_count(1)  # the row that says there is none
    mail = past.mail(timedelta(0))
    expect(page.locator(f'a[href="/messages/{mail.id}"]')).to_be_visible(timeout=15_000)


def test_all_is_readable_and_usable_without_scripts(look: Any, dead: str, storage: Storage) -> None:
    page = look("/", java_script_enabled=False)
    expect(page.locator("svg.chart")).to_have_count(2)
    page.get_by_role("link", name="Deliveries").click()
    page.get_by_label("Search", exact=True).fill("device:ups")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.locator("tbody a").click()
    page.get_by_role("button", name="Redrive …").click()
    page.get_by_role("button", name="Yes, redrive it").click()
    expect(page.locator(".badge.deferred")).to_be_visible()


def test_a_narrow_screen_does_not_scroll_sideways(look: Any, dead: str) -> None:
    for path in ("/", "/deliveries", f"/messages/{dead}", "/failed", "/health", "/settings"):
        page = look(path, viewport={"width": 390, "height": 800})
        width = page.evaluate("document.documentElement.scrollWidth")

        assert width <= 390, path
