"""A person in a real browser, on the stack of `make up`: the story of one day, one page after the other.

The tests share one stack and one browser and run in order. The pictures go to docs/images with
KEEP_PICTURES=1; without it they are taken and thrown away.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect, sync_playwright

from hydra.bootstrap import open_ledger_of
from hydra.clock import SystemClock
from hydra.demo.processes import Parts
from hydra.demo.result import compare
from hydra.demo.stack import Stack, Wish, default_prefect_file, start_stack
from hydra.simgateway.books import read_books
from hydra.simgateway.control import call
from tests.flows.deployed_once import deployed_once

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
# A run's timeline without them is a plainer one, at a quarter less of all that the browser computes.
WITHOUT_GRAPHICS = ["--disable-software-rasterizer", "--in-process-gpu"]
PICTURES = Path(__file__).parents[2] / "docs" / "images"
# The run's timeline is drawn without a graphics card: at sixty frames a second it fills a core.
FEW_FRAMES = """
const soon = window.requestAnimationFrame;
window.requestAnimationFrame = draw => setTimeout(() => soon(draw), 200);
"""
STEP_MS = 30_000
RUN_MS = 60_000

pytestmark = [
    pytest.mark.ui,
    pytest.mark.prefect,
    pytest.mark.process,
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        not CHROMIUM.exists(), reason="no /usr/bin/chromium (Debian: apt-get install chromium)"
    ),
]


@dataclass
class Browser:
    """One page of one person, who works on one stack."""

    page: Page
    stack: Stack
    pictures: Path

    def goto(self, path: str) -> None:
        self.page.goto(f"{self.stack.ui_url}/v2{path}")

    def picture(self, name: str) -> None:
        self.page.screenshot(path=self.pictures / f"ui-{name}.png")

    def open_form(self, deployment: str) -> None:
        self.goto("/deployments")
        self.page.get_by_role("link", name=deployment, exact=True).first.click()
        self.page.get_by_role("button", name="Run", exact=True).click()
        self.page.get_by_role("menuitem", name="Custom run").click()
        expect(self.page.get_by_role("button", name="Submit")).to_be_visible()

    def submit(self) -> None:
        """Starts the run and opens its page; the notice that leads there may be gone before it is clicked."""
        before = self._runs()
        self.page.get_by_role("button", name="Submit").click()
        for _ in range(STEP_MS // 200):
            made = self._runs() - before
            if made:
                break
            self.page.wait_for_timeout(200)
        (run_id,) = made
        self.goto(f"/runs/flow-run/{run_id}")

    def _runs(self) -> set[str]:
        """Every run that a person has started."""
        rows = self.stack.api.ask("POST", "/flow_runs/filter", {"limit": 200})
        return {row["id"] for row in rows if not row["auto_scheduled"]}

    def choose(self, item: str) -> None:
        """An item of the run page's menu, and its confirmation."""
        self.page.get_by_role("button", name="Open menu").first.click()
        self.page.get_by_role("menuitem", name=item, exact=True).click()
        dialog = self.page.get_by_role("dialog").or_(self.page.get_by_role("alertdialog"))
        dialog.get_by_role(
            "button", name=re.compile(f"^({item}|Retry|Cancel run|Confirm)", re.IGNORECASE)
        ).last.click()

    def expect_state(self, state: str) -> None:
        expect(self.state(state)).to_be_visible(timeout=RUN_MS)

    def state(self, name: str) -> Locator:
        return self.page.get_by_text(name, exact=True).first

    def add_targets(self, *texts: str) -> None:
        """The list of targets: each item a text such as ZO=3."""
        self.page.get_by_role("tab", name="list", exact=True).click()
        for text in texts:
            self.page.get_by_role("button", name="Add item").last.click()
            # the field after the list's is the amending person's
            self.page.locator("textarea").nth(-2).fill(text)

    def set_horizon(self, minutes: int) -> None:
        self.page.get_by_role("tab", name="int", exact=True).click()
        self.page.locator("input[type=number]").first.fill(str(minutes))

    def books(self) -> dict[str, int]:
        """Symbol → lots, by the gateway's own books."""
        return {
            row["symbol"]: int(row["qty"])
            for row in read_books(self.stack.gateway_dir)["positions"]
            if row["qty"]
        }

    def assert_equal_books(self) -> None:
        """The gateway's books and the ledger, by the judge that imports nothing of ours."""
        ledger = open_ledger_of(self.stack.settings, SystemClock(), read_only=True)
        try:
            found = compare(self.stack.folder, self.stack.gateway_dir, ledger)
        finally:
            ledger.close()
        assert found["equal"], found["problems"]

    def working(self) -> list[str]:
        """References of the orders that are alive at the gateway."""
        ended = {"Filled", "Cancelled", "Inactive", "ApiCancelled"}
        return [
            row["order_ref"]
            for row in read_books(self.stack.gateway_dir)["orders"]
            if row["status"] not in ended
        ]

    def fault(self, name: str, **options: object) -> None:
        call(self.stack.gateway_dir, "fault", {"name": name, **options})


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    folder, parts = tmp_path_factory.mktemp("ui"), Parts()
    keeps = os.environ.get("KEEP_PICTURES") == "1"
    arguments = ARGUMENTS if keeps else ARGUMENTS + WITHOUT_GRAPHICS
    try:
        wish = Wish(seed=7, speed=60.0, bars=None, symbol=None, prefect_file=default_prefect_file())
        with deployed_once(tmp_path_factory, folder):
            pass  # where there is none yet, the stack makes its own
        stack = start_stack(parts, folder, wish, lambda text: None)
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
            page = chromium.new_page(viewport={"width": 1280, "height": 900})
            page.set_default_timeout(STEP_MS)
            page.add_init_script(FEW_FRAMES)
            yield Browser(page, stack, PICTURES if keeps else folder)
            chromium.close()
    finally:
        parts.end()


def test_the_door_opens_by_the_auth_string_only(browser: Browser) -> None:
    page = browser.page
    page.goto(browser.stack.ui_url)
    page.locator("input").first.fill("hydra:guessed")
    page.get_by_role("button", name="Login").click()
    expect(page.get_by_text("Invalid credentials")).to_be_visible()
    page.locator("input").first.fill(browser.stack.auth)
    page.get_by_role("button", name="Login").click()
    page.wait_for_url(lambda url: "/login" not in url)
    browser.goto("/deployments")
    expect(page.get_by_role("link", name="emergency-stop").first).to_be_visible()


def test_a_session_is_started_by_its_form_and_shows_its_tasks_and_artifacts(browser: Browser) -> None:
    page = browser.page
    browser.open_form("grains")
    browser.add_targets("ZO=2", "ZR=-1")
    browser.set_horizon(12)
    browser.picture("form")
    browser.submit()
    browser.expect_state("Completed")
    page.get_by_role("tab", name="Task Runs").click()
    expect(page.get_by_text("reconcile before")).to_be_visible()
    browser.picture("session")
    page.get_by_role("tab", name="Artifacts").click()
    expect(page.get_by_text("session-orders").first).to_be_visible()
    page.get_by_text("session-plot").first.click()
    page.get_by_role("main").get_by_role("link", name=re.compile("^[0-9a-f]{8}$")).first.click()
    expect(page.locator("img[src^='data:image/png']").first).to_be_visible()
    browser.picture("plot")
    assert browser.books() == {"ZO": 2, "ZR": -1}


def test_a_session_without_its_connection_fails_and_retry_completes_it(browser: Browser) -> None:
    """The gateway answers nothing more, right after it has acknowledged a child."""
    browser.open_form("livestock")
    browser.add_targets("HE=1", "LE=0", "GF=0")
    browser.set_horizon(5)
    browser.fault("freeze", on="ack", nth=1)
    browser.submit()
    browser.expect_state("Failed")
    browser.fault("thaw")
    browser.choose("Retry")
    browser.expect_state("Completed")
    browser.picture("retried")
    # whether the child had filled while nobody heard of it is the market's: the retry knows it either way
    held = browser.books()
    assert held.pop("HE", 0) in (0, 1)
    assert held == {"ZO": 2, "ZR": -1}
    browser.assert_equal_books()


def test_cancel_takes_the_working_orders_back(browser: Browser) -> None:
    browser.open_form("softs")
    browser.add_targets("OJ=9")
    browser.set_horizon(60)
    browser.submit()
    browser.expect_state("Running")
    _until(browser, lambda: any("-OJ-" in one for one in browser.working()))
    browser.choose("Cancel")
    browser.expect_state("Cancelled")
    browser.picture("cancelled")
    assert browser.working() == []


def test_the_emergency_stop_halts_cancels_flattens_and_pauses_the_pool(browser: Browser) -> None:
    page = browser.page
    browser.open_form("emergency-stop")
    page.locator("textarea").nth(0).fill("anna")
    page.locator("textarea").nth(1).fill("the day's end, by hand")
    page.get_by_role("switch").first.click()
    browser.submit()
    browser.expect_state("Completed")
    assert browser.books() == {}
    assert browser.stack.api.ask("GET", "/work_pools/ib", None)["is_paused"] is True
    page.get_by_role("tab", name="Artifacts").click()
    expect(page.get_by_text("emergency-stop").last).to_be_visible()
    browser.picture("emergency-stop")
    browser.goto("/work-pools/work-pool/ib")
    expect(page.get_by_role("switch").first).not_to_be_checked()
    browser.picture("paused-pool")


def _until(browser: Browser, condition: object) -> None:
    for _ in range(200):
        if callable(condition) and condition():
            return
        browser.page.wait_for_timeout(100)
    raise AssertionError("never happened")
