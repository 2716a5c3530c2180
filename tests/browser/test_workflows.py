"""Workflows in the page: started with a form, watched as workers carry them out, answered, ended, done again."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import ONE_WORKER, House
from tests.browser.standing import LINA, NOOR, SARA, standing
from tests.browser.test_pages import AXE, LOOKS, RULES, settled
from tests.workflows.shop import LIMITS, WORKSPACE, agent, shop_files, workflow

pytestmark = [ONE_WORKER, pytest.mark.slow]

INPUTS = {
    "type": "object",
    "required": ["n", "day", "items"],
    "properties": {
        "n": {"type": "integer", "minimum": 1, "description": "How many"},
        "day": {"type": "string", "format": "date"},
        "items": {"type": "array", "items": {"type": "integer"}, "maxItems": 5},
        "way": {"enum": ["by sea", "by air"]},
        "gift": {"type": "boolean"},
        "to": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string", "maxLength": 6}}},
    },
}


def step(id: str, tool: str = "order", n: str = "${inputs.n}", **fields: Any) -> dict[str, Any]:
    return {"id": id, "tool": f"till.{tool}", "arguments": {"n": n}, **fields}


UNDO: dict[str, Any] = {"compensate": {"tool": "till.cancel", "arguments": {"n": "${inputs.n}"}}}
ASKED = {
    "group": "finance",
    "title": {"en": "Order {n} of them", "ar": "طلب {n} منها"},
    "shows": {"n": "${inputs.n}"},
}
WHOLE = (
    step("fetch", "get"),
    {"id": "quotes", "map": {"over": "inputs.items", "concurrency": 2, "steps": [step("ask", "echo", "${item}")]}},
    {"id": "sides", "parallel": {"paper": [step("file")], "goods": [step("reserve", "order_once", **UNDO)]}},
    {
        "id": "large",
        "branch": [
            {"when": "inputs.n > 10", "steps": [{"id": "agreed", "approval": ASKED}]},
            {"steps": [step("small", "get")]},
        ],
    },
    {"id": "paid", "wait": {"event": "paid"}},
    {"id": "rounds", "loop": {"while": "index < 2", "at_most": 5, "steps": [step("look", "get")]}},
    step("told", "get"),
)
FAILS = (step("first", "order_once", **UNDO), step("second", "fail"))
NIGHTLY = {"cron": "0 3 * * *", "missed": "skip", "inputs": {"n": 1, "day": "2026-01-05", "items": [1]}}


@contextmanager
def opened(folder: Path) -> Iterator[House]:
    """A shop with two workflows, whose server carries them out."""
    texts = [
        workflow(*WHOLE, name="supply", inputs=INPUTS, schedules=[NIGHTLY], description="Gets what is missing."),
        workflow(*FAILS, name="doomed"),
    ]
    with standing(folder, WORKSPACE, shop_files(folder, texts)) as made:
        yield made


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with opened(tmp_path_factory.mktemp("shop")) as made:
        yield made


def started(page: Page, shop: House, name: str, n: int = 3) -> str:
    """Start a run in the page and return its id."""
    page.goto(f"{shop.url}/workflows/{name}")
    form = page.get_by_role("form", name="Start")
    box(form, "n").fill(str(n))
    if name == "supply":
        form.get_by_label("day").fill("2026-01-05")
        box(form, "items").fill("[1, 2, 3]")
    form.get_by_role("button", name="Start").click()
    page.wait_for_url(re.compile("/workflow-runs/run_"))
    return page.url.rpartition("/")[2].partition("?")[0]


def box(form: Locator, name: str) -> Locator:
    return form.get_by_role("textbox", name=name, exact=True)


def node(page: Page, id: str, state: str) -> Locator:
    return page.locator(".workflow-graph").get_by_role("button", name=re.compile(f"^{id}.*{state}"))


def undone_by(page: Page) -> Locator:
    return page.get_by_label("Detail of the step").get_by_role("heading", name="Undone by").locator("xpath=..")


def test_a_form_is_made_from_the_schema_and_mistakes_stand_at_their_fields(
    visit: Callable[..., Page], shop: House
) -> None:
    page = visit(NOOR, at=shop)
    page.goto(f"{shop.url}/workflows?view=definitions")
    page.get_by_role("link", name="supply").click()
    form = page.get_by_role("form", name="Start")
    expect(form.get_by_label("day")).to_have_attribute("type", "date")
    expect(form.get_by_role("switch", name="gift")).not_to_be_checked()
    form.get_by_role("combobox", name="way").click()
    page.get_by_role("option", name="by air").click()
    box(form, "n").fill("two")
    box(form, "items").fill("{no")
    form.get_by_role("button", name="Start").click()
    expect(form.get_by_text("This is no number")).to_be_visible()
    expect(form.get_by_text("This is needed")).to_be_visible()
    expect(form.get_by_text("This is no JSON")).to_be_visible()
    box(form, "n").fill("0")
    form.get_by_label("day").fill("2026-01-05")
    box(form, "items").fill('[1, "x"]')
    box(form, "name").fill("far too long")
    form.get_by_role("button", name="Start").click()
    for field, rule in (("n", "minimum"), ("items", "type"), ("name", "maxLength")):
        about = box(form, field)
        expect(about).to_have_attribute("aria-invalid", "true")
        expect(about.locator("xpath=ancestor::*[contains(@class, 'InputWrapper-root')]").last).to_contain_text(rule)
    expect(page).to_have_url(f"{shop.url}/workflows/supply")


def test_a_run_is_watched_from_its_start_to_its_end(visit: Callable[..., Page], shop: House) -> None:
    page, sara = visit(NOOR, at=shop), visit(SARA, at=shop)
    run = started(page, shop, "supply", n=30)
    expect(node(page, "fetch", "Done")).to_be_visible()
    expect(node(page, "agreed", "Waiting")).to_be_visible()
    expect(node(page, "ask", "Done")).to_contain_text("3")  # one for each item
    expect(node(page, "small", "Not begun")).to_be_visible()
    expect(node(page, "large", "Waiting")).to_be_visible()
    node(page, "ask", "Done").press("Enter")
    page.get_by_label("Detail of the step").get_by_role("button", name="quotes/1/ask").click()
    expect(page).to_have_url(re.compile("step=quotes%2F1%2Fask"))
    detail = page.get_by_label("Detail of the step")
    expect(detail.get_by_role("link", name="till.echo")).to_be_visible()
    detail.get_by_role("button", name="Show").click()
    expect(detail.get_by_label("Given")).to_contain_text('"n": 2')
    expect(detail.get_by_label("Gave back")).to_contain_text("2")
    node(page, "agreed", "Waiting").press("Enter")
    detail.get_by_role("link", name="Open approval").click()
    page.wait_for_url(re.compile("/approvals"))
    sara.goto(page.url)
    sara.get_by_role("button", name="Approve", exact=True).click()
    page.goto(f"{shop.url}/workflow-runs/{run}")
    expect(node(page, "agreed", "Done")).to_be_visible()
    node(page, "paid", "Waiting").press("Enter")
    detail.get_by_label("What came with it, as JSON").fill('{"aed": 5}')
    detail.get_by_role("button", name="It has happened").click()
    expect(page.locator("main").get_by_text("Succeeded", exact=True)).to_be_visible(timeout=30_000)
    page.get_by_role("tab", name="Steps").click()
    rows = page.get_by_role("listbox", name="Steps").get_by_role("option")
    expect(rows.filter(has_text="rounds / 1 / look".removeprefix("rounds / "))).to_have_count(1)
    page.get_by_label("Find steps").fill("quotes")
    expect(rows).to_have_count(4)
    expect(page).to_have_url(re.compile("find=quotes"))
    rows.first.press("j")
    expect(rows.nth(0)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("j")
    expect(rows.nth(1)).to_have_attribute("aria-selected", "true")
    expect(page.get_by_role("link", name="Workflows", exact=True).first).to_have_attribute("aria-current", "page")
    page.get_by_role("link", name="Decision path").click()
    page.get_by_role("link", name="supply", exact=True).click()  # and back to what it carries out
    page.wait_for_url(re.compile(f"/workflow-runs/{run}"))
    page.get_by_role("button", name="Undo …").click()
    page.get_by_role("textbox", name="Why").fill("the wrong supplier")
    page.get_by_role("button", name="Undo it").click()
    expect(page.get_by_text("What it has done is being undone")).to_be_visible()
    expect(page.locator("main").get_by_text("Cancelled", exact=True)).to_be_visible(timeout=30_000)
    expect(page.locator("main")).to_contain_text("the wrong supplier")
    expect(page.get_by_role("button", name="Undo …")).to_have_count(0)


def test_what_failed_is_undone_and_done_again_from_a_step(visit: Callable[..., Page], shop: House) -> None:
    page = visit(NOOR, at=shop)
    first = started(page, shop, "doomed")
    expect(page.locator("main").get_by_text("Failed", exact=True).first).to_be_visible()
    node(page, "first", "Done").press("Enter")
    detail = page.get_by_label("Detail of the step")
    detail.get_by_role("button", name="Done").click()  # what undid it
    expect(detail).to_contain_text("This undoes the step")
    expect(detail.get_by_role("link", name="till.cancel")).to_be_visible()
    node(page, "second", "Failed").press("Enter")
    detail.get_by_role("button", name="Retry from here").click()
    page.wait_for_url(lambda url: "/workflow-runs/run_" in url and first not in url)
    expect(page.get_by_text("It began with the finished steps of")).to_be_visible()
    page.get_by_role("link", name=first).click()
    page.wait_for_url(re.compile(first))
    page.goto(f"{shop.url}/workflows?state=failed&workflow=doomed")
    expect(page.get_by_role("link", name=first)).to_be_visible()


def test_a_run_that_waits_is_cancelled_and_what_it_did_is_undone(visit: Callable[..., Page], shop: House) -> None:
    page = visit(NOOR, at=shop)
    started(page, shop, "supply")
    expect(node(page, "paid", "Waiting")).to_be_visible()
    page.get_by_role("button", name="Cancel …").click()
    page.get_by_role("textbox", name="Why").fill("ordered twice")
    page.get_by_role("button", name="Cancel and undo").click()
    expect(page.locator("main").get_by_text("Cancelled", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Cancel …")).to_have_count(0)
    node(page, "reserve", "Done").press("Enter")
    expect(page.get_by_label("Detail of the step")).to_contain_text("till.cancel")


def test_a_run_that_waits_is_terminated_and_what_it_did_is_undone_all_the_same(
    visit: Callable[..., Page], shop: House
) -> None:
    page = visit(NOOR, at=shop)
    started(page, shop, "supply")
    expect(node(page, "paid", "Waiting")).to_be_visible()
    page.get_by_role("button", name="Cancel …").click()
    page.get_by_role("textbox", name="Why").fill("the supplier is gone")
    page.get_by_role("button", name="Terminate", exact=True).click()
    expect(page.locator("main").get_by_text("Cancelled", exact=True)).to_be_visible()
    expect(page.locator("main")).to_contain_text("terminated by user:noor: the supplier is gone")
    node(page, "reserve", "Done").press("Enter")
    expect(undone_by(page)).to_contain_text("till.cancelDone")


def test_a_run_that_waits_goes_on_in_another_release(visit: Callable[..., Page], shop: House) -> None:
    page = visit(NOOR, at=shop)
    first = started(page, shop, "supply")
    expect(node(page, "paid", "Waiting")).to_be_visible()
    expect(page.get_by_role("button", name="Take on to the release in use")).to_have_count(0)
    shop.office.apply({"agents/clerk.yaml": agent(limits={**LIMITS, "wall_time": "300d"}).encode()})
    page.reload()
    page.get_by_role("button", name="Take on to the release in use").click()
    expect(page.get_by_text("It was taken on to another release in")).to_be_visible(timeout=15_000)
    expect(node(page, "reserve", "Done")).to_be_visible()
    node(page, "reserve", "Done").press("Enter")
    expect(undone_by(page)).to_contain_text("till.cancelNot needed")
    page.locator(".note").get_by_role("link", name=re.compile("run_")).click()
    page.wait_for_url(lambda url: "/workflow-runs/run_" in url and first not in url)
    expect(page.get_by_text("It began with the finished steps of")).to_be_visible()
    expect(node(page, "reserve", "Done")).to_be_visible()
    node(page, "paid", "Waiting").press("Enter")
    page.get_by_label("Detail of the step").get_by_role("button", name="It has happened").click()
    expect(page.locator("main").get_by_text("Succeeded", exact=True)).to_be_visible(timeout=30_000)


def test_a_schedule_is_paused_and_goes_on(visit: Callable[..., Page], shop: House) -> None:
    page = visit(NOOR, at=shop)
    page.goto(f"{shop.url}/workflows?view=schedules")
    row = page.get_by_role("row").filter(has_text="0 3 * * *")
    expect(row).to_contain_text("Are skipped")
    row.get_by_role("button", name="Pause").click()
    expect(row).to_contain_text("Paused")
    expect(row).to_contain_text("user:noor")
    row.get_by_role("button", name="Resume").click()
    expect(row.get_by_role("button", name="Pause")).to_be_visible()


def test_who_may_only_look_sees_no_button_of_it(visit: Callable[..., Page], shop: House) -> None:
    run = started(visit(NOOR, at=shop), shop, "supply")
    page = visit(LINA, at=shop)
    page.goto(f"{shop.url}/workflow-runs/{run}")
    node(page, "paid", "Waiting").press("Enter")
    expect(page.get_by_label("Detail of the step")).to_contain_text("Waits to hear of")
    for name in ("Cancel …", "It has happened", "Show"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    page.goto(f"{shop.url}/workflows/supply")
    expect(page.get_by_text("Operators and admins start runs.")).to_be_visible()
    page.goto(f"{shop.url}/workflows?view=schedules")
    expect(page.get_by_role("row").filter(has_text="0 3 * * *")).to_be_visible()
    expect(page.get_by_role("button", name="Pause")).to_have_count(0)
    refused = page.evaluate(
        f"fetch('/api/v1/workflow-runs/{run}/cancel', {{method: 'POST', body: '{{}}'}}).then(said => said.status)"
    )
    assert refused == 403


@pytest.mark.parametrize(("language", "theme"), LOOKS)
def test_pages_of_workflows_have_no_accessibility_fault_and_stay_within_the_window(
    visit: Callable[..., Page], shop: House, language: str, theme: str
) -> None:
    page = visit(NOOR, at=shop, language=language, theme=theme)
    run = ran(page, shop)
    faults: dict[str, Any] = {}
    places = [
        "workflows",
        "workflows?view=definitions",
        "workflows?view=schedules",
        "workflows/supply?place=sides/goods/reserve",
    ]
    places.append("workflows/supply?place=sides/goods/reserve")
    for place in (*places, f"workflow-runs/{run}", f"workflow-runs/{run}?tab=steps"):
        page.goto(f"{shop.url}/{place}")
        settled(page)
        page.wait_for_timeout(300)
        page.evaluate(AXE.read_text("utf-8"))
        found = page.evaluate(f"axe.run(document, {RULES})")
        if found["violations"]:
            faults[place] = [(fault["id"], fault["nodes"][0]["html"][:300]) for fault in found["violations"]]
        for width in (1440, 1024, 390):
            page.set_viewport_size({"width": width, "height": 900})
            if page.evaluate("document.querySelector('main').scrollWidth") > width:
                faults[f"{place} at {width}"] = "wider than the window"
        page.set_viewport_size({"width": 1440, "height": 900})
    assert faults == {}


def ran(page: Page, shop: House) -> str:
    """The id of the newest run."""
    found = page.evaluate("fetch('/api/v1/workflow-runs?workflow=supply').then(said => said.json())")
    return str(found["runs"][0]["run"])


def test_ten_thousand_steps_scroll(visit: Callable[..., Page], shop: House) -> None:
    """What a run of a long list is shown as; its steps are played, since carrying them out would take minutes."""
    page = visit(NOOR, at=shop)
    run = ran(page, shop)
    told = page.evaluate(f"fetch('/api/v1/workflow-runs/{run}').then(said => said.json())")
    one = next(each for each in told["steps"] if each["path"] == "fetch")
    told["steps"] = [one, *({**one, "path": f"quotes/{number}/ask"} for number in range(10_000))]
    page.route(re.compile(f"/api/v1/workflow-runs/{run}$"), lambda route: route.fulfill(json=told))
    page.goto(f"{shop.url}/workflow-runs/{run}")
    expect(node(page, "ask", "Done")).to_contain_text("10,000")
    page.get_by_role("tab", name="Steps").click()
    expect(page.get_by_text("10,001 of 10,001")).to_be_visible()
    rows = page.get_by_role("listbox", name="Steps")
    assert rows.get_by_role("option").count() < 100
    rows.evaluate("rows => rows.scrollTo(0, rows.scrollHeight)")
    expect(rows.get_by_role("option").filter(has_text="9999 / ask")).to_be_visible()
