"""A tablet and a telephone: nothing is lost, squeezed or cut without a sign."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ONE_WORKER, House, part
from tests.browser.test_pages import settled

pytestmark = ONE_WORKER

WORKFLOW = part("contract").WORKFLOW
TABLET, TELEPHONE = 1024, 390


@pytest.mark.parametrize("width", [TABLET, TELEPHONE])
def test_the_detail_of_a_step_is_as_high_as_what_it_says(visit: Callable[..., Page], house: House, width: int) -> None:
    page = visit(width=width)
    page.goto(f"{house.url}/runs/{house.played['renewal'].run}")
    expect(page.get_by_label("Detail of the step").get_by_text("Policy", exact=True)).to_be_visible()
    settled(page)
    hidden, path = page.evaluate(
        "[document.querySelector('.panel'), document.querySelector('.path')].map(e => [e.scrollHeight, e.clientHeight])"
    )
    assert hidden[0] <= hidden[1], "it is scrolled with the page, not within itself"
    assert path[1] <= 480


def test_a_row_of_the_path_has_its_time_and_cost_on_a_telephone(visit: Callable[..., Page], house: House) -> None:
    page = visit(width=TELEPHONE)
    page.goto(f"{house.url}/runs/{house.played['renewal'].run}?key=0&find=quote")
    row = page.get_by_role("option").first
    expect(row).to_contain_text("vendor.quote")
    for shown in (row.locator(".bar"), row.locator(".bar-label"), row.get_by_text("$0.0020")):
        expect(shown).to_be_in_viewport()
    name, cost = row.locator(".path-name").bounding_box(), row.locator(".end").bounding_box()
    assert name is not None
    assert cost is not None
    assert cost["y"] >= name["y"] + name["height"], "on a line of its own"


@pytest.mark.parametrize("language", ["en", "ar"])
def test_a_workflow_is_shown_from_its_top_and_as_wide_as_it_is(
    visit: Callable[..., Page], house: House, language: str
) -> None:
    page = visit(width=TELEPHONE, language=language)
    page.goto(f"{house.url}/workflows/{WORKFLOW}")
    expect(page.locator(".step-node").first).to_be_visible()
    drawn: Any = page.wait_for_function(
        """() => {
          const pane = document.querySelector('.workflow-graph').getBoundingClientRect()
          const boxes = [...document.querySelectorAll('.step-node')].map(each => each.getBoundingClientRect())
          const found = {
            left: Math.min(...boxes.map(box => box.left)) - pane.left,
            right: pane.right - Math.max(...boxes.map(box => box.right)),
            top: Math.min(...boxes.map(box => box.top)) - pane.top,
          }
          return found.top > 0 && found.top < 40 && found
        }""",
        timeout=20_000,
    ).json_value()
    assert drawn["left"] >= 0, json.dumps(drawn)
    assert drawn["right"] >= 0, json.dumps(drawn)


@pytest.mark.parametrize(
    ("place", "language"), [("/people", "en"), ("/runs", "en"), ("/runs", "ar"), ("/tools?view=matrix", "ar")]
)
def test_what_a_row_is_about_stays_in_sight_while_the_rest_is_moved(
    visit: Callable[..., Page], house: House, place: str, language: str
) -> None:
    page = visit(width=TELEPHONE, language=language)
    page.goto(house.url + place)
    settled(page)
    table = page.locator(".table-scroll").first
    first = table.locator("tbody tr").first.locator("td").first
    expect(first).to_be_visible()
    before = first.bounding_box()
    moved = table.evaluate(
        "(e) => { e.scrollLeft = document.dir === 'rtl' ? -500 : 500; return Math.abs(e.scrollLeft) }"
    )
    assert moved > 0, "the table is wider than a telephone"
    after = first.bounding_box()
    assert before is not None
    assert after is not None
    assert abs(before["x"] - after["x"]) < 1
    assert "gradient" in table.evaluate("e => getComputedStyle(e).backgroundImage"), "a shadow says that there is more"
