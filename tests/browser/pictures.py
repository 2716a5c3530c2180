"""Pictures of every page, in both themes and languages: `make pictures`, or with a folder of one's own.

They show the example company after a day's work: a loop that was stopped, a refund that waits for a person.
"""

import json
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.conftest import ADMIN, CHROMIUM, FLAGS, PRIYA, ROOT, House, add_people, part, unheard
from tests.browser.test_pages import PLACES, address, settled

contract = part("contract")
SCREENS = ROOT / "docs/screens"
SHOWN = tuple(PLACES)
LOOKS = (("en", "light"), ("ar", "dark"))
WIDTHS = (1440,)
HELD_S = 30
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
        renewed = _renewed(house)
        waiting = _waiting(house)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        for language, theme in looks:
            for width in widths:
                _take(browser, house, folder, (language, theme, width), renewed)
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


def _take(browser: Browser, house: House, folder: Path, look: tuple[str, str, int], more: Mapping[str, str]) -> None:
    language, theme, width = look
    shown = [place for place in SHOWN if place != "approvals"]
    for person, places in ((ADMIN, [*shown, *more]), (PRIYA, ["approvals"])):
        context = browser.new_context(viewport={"width": width, "height": 900}, timezone_id="Asia/Dubai")
        context.add_init_script(_kept(language, theme))
        page = context.new_page()
        page.goto(house.link(person))
        page.locator("button").first.click()
        page.wait_for_selector(".frame")
        for place in places:
            page.goto(house.url + more[place] if place in more else address(house, place).replace("?view=decided", ""))
            settled(page)
            with suppress(AssertionError):
                expect(page.locator("td svg[aria-label]")).to_have_count(0, timeout=PROVEN_MS)
            page.wait_for_timeout(700)
            page.screenshot(path=folder / f"{place}-{language}-{theme}-{width}.png")
        context.close()


def _renewed(house: House) -> dict[str, str]:
    """Let the company renew one contract by its workflow, and wait with another for people; returns where they are."""
    office, found = house.office, {"workflow": f"/workflows/{contract.WORKFLOW}"}
    with office.worker():
        for place, quantity, state in (("workflow-steps", 20, "succeeded"), ("workflow-run", 150, "waiting")):
            inputs = ("sku=ELC-250", f"quantity={quantity}", "buyer=layla.haddad@gulf-trading.example")
            words = [word for each in inputs for word in ("-i", each)]
            run = json.loads(office.remit("workflows", "start", contract.WORKFLOW, *words, "-o", "json"))["run"]
            show = ("workflows", "show", run, "-o", "json")
            contract.until(lambda show=show, state=state: json.loads(office.remit(*show))["state"] == state, "no end")
            found[place] = f"/workflow-runs/{run}"
    return {**found, "workflow-steps": f"{found['workflow-steps']}?tab=steps"}


def _kept(language: str, theme: str) -> str:
    return (
        f"localStorage.setItem('remit-language', '{language}');"
        f"localStorage.setItem('mantine-color-scheme-value', '{theme}')"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else SCREENS, every=len(sys.argv) > 1)
