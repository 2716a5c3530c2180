"""Every page in both themes and languages: no accessibility fault, nothing untranslated, nothing out of place."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ONE_WORKER, ROOT, House

pytestmark = ONE_WORKER

AXE = ROOT / "console/node_modules/axe-core/axe.min.js"
LOOKS = [("en", "light"), ("en", "dark"), ("ar", "light"), ("ar", "dark")]
RULES = "{runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']}"
STARTED_MS = 20_000
MOST_BYTES = 8_000_000
PLACES = {
    "overview": "/overview",
    "runs": "/runs",
    "run": "/runs/{renewal}",
    "graph": "/runs/{renewal}?tab=graph",
    "evidence": "/runs/{renewal}?tab=evidence",
    "conversation": "/runs/{renewal}?tab=conversation",
    "approvals": "/approvals?view=decided",
    "agents": "/agents",
    "agent": "/agents/customer-care",
    "tools": "/tools?tool=billing.refund",
    "matrix": "/tools?view=matrix",
    "servers": "/tools?view=servers",
    "models": "/models",
    "prompts": "/models?view=prompts",
    "workflows": "/workflows",
    "policies": "/policies",
    "history": "/policies?view=history",
    "reach": "/policies?view=reach",
    "budgets": "/budgets",
    "releases": "/releases",
    "files": "/releases?tab=text",
    "audit": "/audit",
    "people": "/people",
    "server": "/server",
}


def address(house: House, place: str) -> str:
    return house.url + PLACES[place].format(renewal=house.played["renewal"].run)


def settled(page: Page) -> None:
    """Wait until everything that was asked for is there."""
    page.wait_for_selector("main h1")
    loading = page.locator("[role=status][aria-label='Loading'], [role=status][aria-label='جارٍ التحميل']")
    # A page may ask a tool server that has to be started first, beside everything else that is tested meanwhile.
    expect(loading, f"{page.url} is there").to_have_count(0, timeout=STARTED_MS)
    page.evaluate("document.fonts.ready")


def faults_of(page: Page) -> list[tuple[str, str]]:
    """What is wrong with a page for those who see, hear or point less well, each with the first place."""
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate(f"axe.run(document, {RULES})")["violations"]
    return [(fault["id"], fault["nodes"][0]["html"][:160]) for fault in found]


@pytest.mark.parametrize(("language", "theme"), LOOKS)
def test_no_page_has_an_accessibility_fault(
    visit: Callable[..., Page], house: House, language: str, theme: str
) -> None:
    page = visit(language=language, theme=theme)
    faults = {}
    for place in PLACES:
        page.goto(address(house, place))
        settled(page)
        if found := faults_of(page):
            faults[place] = found
    assert faults == {}


@pytest.mark.parametrize("width", [1440, 1024, 390])
def test_no_page_is_wider_than_the_window(visit: Callable[..., Page], house: House, width: int) -> None:
    page = visit(width=width)
    wide = {}
    for place in PLACES:
        page.goto(address(house, place))
        settled(page)
        found = page.evaluate(
            """() => {
              const inner = [...document.querySelectorAll('.panel')].filter(each => each.scrollWidth > each.clientWidth)
              const outer = [document.documentElement, document.querySelector('main')]
              return [...outer.filter(each => each.scrollWidth > innerWidth), ...inner]
                .map(each => [each.className, each.scrollWidth, each.clientWidth])
            }"""
        )
        if found:
            wide[place] = found
    assert wide == {}


def test_no_english_word_stands_on_an_arabic_page(visit: Callable[..., Page], house: House) -> None:
    """But names, ids, code and what people wrote, which stand in elements of their own direction."""
    page = visit(language="ar")
    left = {}
    for place in PLACES:
        page.goto(address(house, place))
        settled(page)
        found = page.evaluate(
            """() => {
              const words = []
              const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
              for (let node = walker.nextNode(); node; node = walker.nextNode()) {
                const inside = node.parentElement
                if (inside.closest('bdi, pre, script, style, .kbd, .cm-editor, .react-flow, .brand, .chip')) continue
                if (inside.closest('[role=option]') || /[\u0600-\u06ff]/.test(node.textContent)) continue
                if (/[A-Za-z]{4,}/.test(node.textContent)) words.push(node.textContent.trim().slice(0, 60))
              }
              return [...new Set(words)]
            }"""
        )
        if found:
            left[place] = found
    assert left == {}


def test_every_page_has_its_pictures_in_every_look_and_the_docs_show_them() -> None:
    """What `make pictures` takes is what lies there and what the page of pictures leads to; and it is not too much."""
    from tests.browser.pictures import SCREENS, SHOWN, name_of

    wanted = {name_of(place, look) for place in SHOWN for look in LOOKS}
    assert set(PLACES) <= set(SHOWN)
    assert {path.name for path in SCREENS.iterdir()} == wanted
    shown = (ROOT / "docs/pictures.md").read_text("utf-8")
    assert {name for name in wanted if f"(screens/{name})" not in shown} == set()
    assert sum(path.stat().st_size for path in SCREENS.iterdir()) < MOST_BYTES
