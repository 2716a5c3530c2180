"""Pictures of every page, in both themes and languages: `make pictures`, or with a folder of one's own at every width.

They show the example company after a day's work: a loop that was stopped, a contract renewed by a workflow and one that
waits, a release that changed a policy, and a refund that waits for a person.
"""

import base64
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.conftest import ADMIN, CHROMIUM, FLAGS, PRIYA, ROOT, House, add_people, part, unheard
from tests.browser.test_pages import LOOKS, PLACES, address, settled

contract = part("contract")
SCREENS = ROOT / "docs/screens"
WIDTHS = (1440,)
NARROWER = (1024, 390)
PLAYED = ("workflow", "workflow-steps", "workflow-run", "held", "approvals", "history")
"""Places whose address comes of what the company did."""
SHOWN = (*PLACES, *(place for place in PLAYED if place not in PLACES))
QUALITY = 82
HELD_S = 60
PATIENCE_S = 3_600
PROVEN_MS = 8_000
"""How long the proofs of a page's records are waited for."""
LAST_ORDER = ("hour > 19", "hour > 17")
PROMPT = """---
kind: Prompt
name: complaint-reply
description: Answers a customer whose complaint was looked into.
model: openai/gpt-5-mini
max_output_tokens: 400
variables:
  customer: string
  found: {type: string, description: What was found out., longest: 2000}
  language: {type: string, default: Arabic}
---

## System

You answer customers of Gulf Trading in {{language}}. Say what was found and what happens next. Promise nothing else.

## User

{{customer}} complained. We found: {{found}}
"""


def name_of(place: str, look: tuple[str, str], width: int = WIDTHS[0]) -> str:
    """Return the name of a picture's file."""
    return f"{place}-{'-'.join(look)}-{width}.webp"


def main(folder: Path, widths: tuple[int, ...]) -> None:
    """Take the pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    work, office_of = Path(tempfile.mkdtemp()), part("office")
    with office_of.opened(work, office_of.free(0)) as office, sync_playwright() as playwright:
        house = House(office)
        add_people(part("ledger").url_of(work))
        house.played["renewal"] = office.work("renewal", unheard)
        office.work("discount", unheard)
        changed = _changed(house)
        renewed = _renewed(house)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        with _held(house) as held:
            for look in LOOKS:
                for width in widths:
                    _take(browser, house, folder, look, width, {**changed, **renewed, **held})
        browser.close()


def _changed(house: House) -> dict[str, str]:
    """Make a second release: buyers order less late, and there is a prompt."""
    workspace = house.office.workspace
    policy = workspace / "policies/procurement.cedar"
    text = policy.read_text("utf-8")
    assert LAST_ORDER[0] in text
    policy.write_text(text.replace(*LAST_ORDER).replace("to 19:59", "to 17:59"), "utf-8")
    (workspace / "prompts").mkdir()
    (workspace / "prompts/complaint-reply.md").write_text(PROMPT, "utf-8")
    house.office.remit("apply", str(workspace), "-m", "Orders end at 18:00; a prompt for replies to complaints")
    return {"history": f"/policies?view=history&file=policies/{policy.name}"}


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


@contextmanager
def _held(house: House) -> Iterator[dict[str, str]]:
    """Have an agent wait for a person while the pictures are taken; yields where. It is told no in the end."""
    with ThreadPoolExecutor(1) as agents:
        working = agents.submit(house.office.work, "credit", unheard, patience_s=PATIENCE_S)
        hold = _hold(house)
        try:
            yield {"approvals": f"/approvals?id={hold['id']}", "held": f"/runs/{hold['run']}"}
        finally:
            said = ("--digest", hold["digest"], "-m", "the pictures are taken")
            house.office.remit("approvals", "reject", hold["id"], *said, user=PRIYA)
        working.result(HELD_S)


def _hold(house: House) -> dict[str, str]:
    until = time.monotonic() + HELD_S
    while time.monotonic() < until:
        for hold in json.loads(house.office.remit("approvals", "ls", "-o", "json")):
            if hold["target"] == "billing.refund":
                return dict(hold)
        time.sleep(0.2)
    raise AssertionError("the refund is not held")


def _take(
    browser: Browser, house: House, folder: Path, look: tuple[str, str], width: int, more: Mapping[str, str]
) -> None:
    for person, places in ((ADMIN, [place for place in SHOWN if place != "approvals"]), (PRIYA, ["approvals"])):
        context = browser.new_context(viewport={"width": width, "height": 900}, timezone_id="Asia/Dubai")
        context.add_init_script(_kept(*look))
        page = context.new_page()
        page.goto(house.link(person))
        page.locator("button").first.click()
        page.wait_for_selector(".frame")
        for place in places:
            page.goto(house.url + more[place] if place in more else address(house, place))
            settled(page)
            if place == "conversation":
                page.locator(".empty button").click()
                page.locator(".turn").nth(1).wait_for()
            with suppress(AssertionError):
                expect(page.locator("td svg[aria-label]")).to_have_count(0, timeout=PROVEN_MS)
            page.wait_for_timeout(700)
            _picture(page, folder / name_of(place, look, width))
        context.close()


def _picture(page: Page, path: Path) -> None:
    """Write what is seen as WebP: a third of a PNG, and there are many of them."""
    asked = {"format": "webp", "quality": QUALITY}
    taken = page.context.new_cdp_session(page).send("Page.captureScreenshot", asked)
    path.write_bytes(base64.b64decode(taken["data"]))


def _kept(language: str, theme: str) -> str:
    return (
        f"localStorage.setItem('remit-language', '{language}');"
        f"localStorage.setItem('mantine-color-scheme-value', '{theme}')"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), (*WIDTHS, *NARROWER)) if len(sys.argv) > 1 else main(SCREENS, WIDTHS)
