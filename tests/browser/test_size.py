"""Very much and nothing at all: a run of many thousand actions, and a workspace without any."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from playwright.sync_api import Page, expect

from remit.compose import open_door, open_parts, open_queue
from remit.domain.admission import RunRequest
from remit.domain.ids import AgentName, UserId
from remit.settings import Settings
from tests.browser.conftest import ONE_WORKER, House
from tests.browser.standing import NOOR, Standing, standing
from tests.worlds import WORKSPACE

pytestmark = ONE_WORKER

MANY = 10_000
CALLERS = 64
IN_SIGHT = 80
"""Most rows that are drawn: those of the tallest window, and some around them."""


def a_long_run(database: str) -> str:
    """Admit very many actions in one run, as an agent of many threads would; return the run."""
    parts = open_parts(Settings(database_url=database))
    queue = open_queue(parts)
    try:
        door = open_door(parts, queue, WORKSPACE)
        run = door.start_run(RunRequest(AgentName("buyer"), UserId("user:visitor")))

        def act(number: int) -> None:
            door.admit(door.attempt_tool(run, "erp.get", {"id": f"order {number}"}))

        with ThreadPoolExecutor(CALLERS) as callers:
            list(callers.map(act, range(MANY)))
        door.end_run(run, "ok")
        return run.id
    finally:
        queue.close()
        parts.close()


def test_a_run_of_ten_thousand_actions_is_walked_to_its_end(visit: Callable[..., Page], tmp_path: Path) -> None:
    with standing(tmp_path) as own:
        own.office.stop()
        run = a_long_run(own.office.database)
        own.office.start()
        page = visit(NOOR, at=own)
        page.goto(f"{own.url}/runs/{run}")
        expect(page.get_by_text("10,000 of 10,000")).to_be_visible(timeout=30_000)
        rows = page.get_by_role("option")
        assert 0 < rows.count() < IN_SIGHT
        page.keyboard.press("End")
        last = page.locator("[role=option][aria-selected=true]")
        expect(last).to_be_in_viewport()
        assert rows.count() < IN_SIGHT
        expect(rows.last).to_have_attribute("aria-selected", "true")
        scrolled = page.locator(".path-rows").evaluate("rows => rows.scrollTop + rows.clientHeight")
        assert scrolled >= MANY * 36 - 1
        page.keyboard.press("k")
        expect(rows.last).to_have_attribute("aria-selected", "false")
        page.keyboard.press("Home")
        expect(rows.first).to_have_attribute("aria-selected", "true")
        expect(rows.first).to_be_in_viewport()


EMPTY = {
    "agents": ("No agent yet", "remit apply DIR"),
    "tools": ("No tool yet", "remit apply DIR"),
    "releases": ("No release yet", "remit apply DIR"),
    "policies": ("No written policy", "remit apply DIR"),
    "budgets": ("No budget", "remit apply DIR"),
    "models?view=prompts": ("No prompt", "remit apply DIR"),
    "runs": ("No agent has run yet", "make run"),
}


def test_an_empty_workspace_says_what_to_do_and_fills_by_itself(visit: Callable[..., Page], tmp_path: Path) -> None:
    server = Standing(tmp_path, WORKSPACE)
    own = House(server)
    try:
        assert server.start().startswith("Remit is at")
        page = visit(at=own, link=server.first_link())
        for place, (title, command) in EMPTY.items():
            page.goto(f"{own.url}/{place}")
            expect(page.get_by_role("heading", name=title)).to_be_visible()
            expect(page.locator(".command")).to_contain_text(command)
        page.goto(f"{own.url}/approvals")
        expect(page.get_by_text("Nothing waits for anybody")).to_be_visible()
        page.goto(f"{own.url}/releases")
        expect(page.get_by_text("No release yet")).to_be_visible()
        server.apply()
        expect(page.get_by_role("option")).to_contain_text("the first release")
        page.goto(f"{own.url}/runs")
        expect(page.get_by_text("No agent has run yet")).to_be_visible()
        with own.agent("buyer") as client, client.run("buyer", on_behalf_of="user:visitor") as run:
            expect(page.get_by_text(run.id)).to_be_visible()
    finally:
        server.stop()
