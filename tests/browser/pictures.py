"""Pictures of every page, in both themes and languages: `make pictures`, or with a folder of one's own.

They show the example company after a day's work: a loop that was stopped, a refund that waits for a person.
"""

import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.conftest import ADMIN, CHROMIUM, FLAGS, PRIYA, ROOT, House, add_people, part, unheard
from tests.browser.standing import NOOR
from tests.browser.test_pages import PLACES, address, settled
from tests.browser.test_workflows import opened, started

SCREENS = ROOT / "docs/screens"
SHOWN = tuple(place for place in PLACES if place != "workflows")
LOOKS = (("en", "light"), ("ar", "dark"))
WIDTHS = (1440,)
HELD_S = 30
WORKED_MS = 4_000
"""How long workflows have to come to where they wait."""
PROVEN_MS = 8_000
"""How long the proofs of a page's records are waited for."""


def main(folder: Path, *, every: bool) -> None:
    """Take the pictures; `every` also takes the other looks and widths."""
    folder.mkdir(parents=True, exist_ok=True)
    looks = (*LOOKS, ("en", "dark"), ("ar", "light")) if every else LOOKS
    widths = (*WIDTHS, 1024, 390) if every else WIDTHS
    work = Path(tempfile.mkdtemp())
    office_of = part("office")
    with office_of.opened(work, office_of.free(0)) as office, sync_playwright() as playwright:
        house = House(office)
        add_people(part("ledger").url_of(work))
        house.played["renewal"] = office.work("renewal", unheard)
        office.work("discount", unheard)
        waiting = _waiting(house)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        for language, theme in looks:
            for width in widths:
                _take(browser, house, folder, language, theme, width)
        _take_workflows(browser, folder, looks, widths)
        browser.close()
        house.office.remit("freeze", "agent:customer-care", "-m", "the pictures are taken")
        waiting.join(HELD_S)


def _waiting(house: House) -> threading.Thread:
    """Have an agent wait for a person while the pictures are taken."""
    held: list[Any] = []

    def care() -> None:
        house.office.work("credit", held.append, patience_s=600)

    worker = threading.Thread(target=care, daemon=True)
    worker.start()
    until = time.monotonic() + HELD_S
    while not any(told.verdict == "held" for told in held) and time.monotonic() < until:
        time.sleep(0.2)
    return worker


def _take(browser: Browser, house: House, folder: Path, language: str, theme: str, width: int) -> None:
    for person, places in ((ADMIN, [place for place in SHOWN if place != "approvals"]), (PRIYA, ["approvals"])):
        context = browser.new_context(viewport={"width": width, "height": 900}, timezone_id="Asia/Dubai")
        context.add_init_script(_kept(language, theme))
        page = context.new_page()
        page.goto(house.link(person))
        page.locator("button").first.click()
        page.wait_for_selector(".frame")
        for place in places:
            page.goto(address(house, place).replace("?view=decided", ""))
            settled(page)
            with suppress(AssertionError):
                expect(page.locator("td svg[aria-label]")).to_have_count(0, timeout=PROVEN_MS)
            page.wait_for_timeout(700)
            page.screenshot(path=folder / f"{place}-{language}-{theme}-{width}.png")
        context.close()


def _take_workflows(browser: Browser, folder: Path, looks: Sequence[tuple[str, str]], widths: Sequence[int]) -> None:
    """Those of workflows show a small shop, where one run waits for a person and one for an event."""
    with opened(Path(tempfile.mkdtemp())) as shop:
        asked = waits = ""
        for language, theme in looks:
            context = browser.new_context(viewport={"width": 1440, "height": 900}, timezone_id="Asia/Dubai")
            context.add_init_script(_kept(language, theme))
            page = context.new_page()
            page.goto(shop.link(NOOR))
            page.locator("button").first.click()
            page.wait_for_selector(".frame")
            if not asked:
                asked, waits = started(page, shop, "supply", 30), started(page, shop, "supply")
                started(page, shop, "doomed")
                page.wait_for_timeout(WORKED_MS)
            places = {
                "workflows": "workflows",
                "workflow": "workflows/supply",
                "workflow-run": f"workflow-runs/{asked}",
                "workflow-steps": f"workflow-runs/{waits}?tab=steps",
            }
            for width in widths:
                page.set_viewport_size({"width": width, "height": 900})
                for name, place in places.items():
                    page.goto(f"{shop.url}/{place}")
                    settled(page)
                    page.wait_for_timeout(900)
                    page.screenshot(path=folder / f"{name}-{language}-{theme}-{width}.png")
            context.close()


def _kept(language: str, theme: str) -> str:
    return (
        f"localStorage.setItem('remit-language', '{language}');"
        f"localStorage.setItem('mantine-color-scheme-value', '{theme}')"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else SCREENS, every=len(sys.argv) > 1)
