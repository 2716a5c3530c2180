"""Who may only look is shown no button that the server would refuse, on no page."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import ONE_WORKER, PRIYA, VIEWER, House, part
from tests.browser.test_pages import PLACES, settled

pytestmark = ONE_WORKER

MORE = {
    "approvals that wait": "/approvals",
    "workflow": f"/workflows/{part('contract').WORKFLOW}",
    "definitions": "/workflows?view=definitions",
    "schedules": "/workflows?view=schedules",
    "path": "/runs/{renewal}?key=0",
}
EVERYWHERE = {"Search pages, agents, ids …", "العربية", "Dark theme", "Account"}
LOOKING = {"Saved filters", "Copy", "Zoom In", "Zoom Out", "Fit View"}
"""Of what lies in this browser alone, or moves what is looked at."""
ASKING = {"Decide"}
"""A made-up action, of which nothing is kept: whoever looks at policies may ask that."""
REFUSED = {"server": {"Try again"}}
"""Pages that say whose they are; no link leads a viewer there."""

BUTTONS = """() => [...document.querySelectorAll(
    '.top button, main button, main [role=button], main a[download], main input:is([type=submit], [type=button])'
  )]
  .filter(each => each.checkVisibility() && !each.matches('[role=option], [role=tab], .step-head'))
  .map(each => {
    const keys = [...each.querySelectorAll('.kbd, .mantine-Avatar-root')].map(one => one.innerText)
    const said = each.getAttribute('aria-label') || each.innerText
    return keys.reduce((text, key) => text.replace(key, ''), said).trim()
  })"""


def test_a_viewer_is_shown_no_button_that_would_be_refused(visit: Callable[..., Page], house: House) -> None:
    page = visit(VIEWER)
    shown = {}
    for place, path in {**PLACES, **MORE}.items():
        page.goto(house.url + path.format(renewal=house.played["renewal"].run))
        settled(page)
        allowed = EVERYWHERE | LOOKING | ASKING | REFUSED.get(place, set())
        found = set(page.evaluate(BUTTONS))
        assert found >= EVERYWHERE, f"{place} was looked at"
        if found - allowed:
            shown[place] = found - allowed
    assert shown == {}


def test_the_keys_that_answer_are_shown_to_who_may_answer(visit: Callable[..., Page], house: House) -> None:
    for person, keys in ((VIEWER, ["J", "K"]), (PRIYA, ["J", "K", "A", "E", "R"])):
        page = visit(person)
        page.goto(f"{house.url}/approvals")
        settled(page)
        expect(page.locator(".path-keys .kbd")).to_have_text(keys)


def test_the_ledger_is_shown_to_a_viewer_and_its_records_are_not(visit: Callable[..., Page], house: House) -> None:
    page = visit(VIEWER)
    page.goto(f"{house.url}/audit")
    expect(page.get_by_text("Auditors and admins read the records.")).to_be_visible()
    expect(page.get_by_text("Sealed and whole")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
