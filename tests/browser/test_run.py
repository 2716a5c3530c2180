"""A run's page: what happened, why it was denied, and that it is on record."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from remit.sdk.errors import Denied
from tests.browser.conftest import OMAR, ONE_WORKER, VIEWER, House

pytestmark = ONE_WORKER


def test_why_the_loop_was_stopped_stands_beside_the_step(visit: Callable[..., Page], house: House) -> None:
    page = visit()
    page.goto(f"{house.url}/runs")
    page.get_by_text(house.played["renewal"].run).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Run of procurement-optimizer")
    panel = page.get_by_label("Detail of the step")
    expect(panel.get_by_text("the run repeats the same cycle of calls").first).to_be_visible()
    expect(page.get_by_text("1 denied")).to_be_visible()


def denied_letter(house: House) -> str:
    """A run in which an agent would have written to a supplier, and may not."""
    letter = {"to": "sales@najd.example", "subject": "What we pay", "body": "Less than you ask."}
    with (
        house.agent("procurement-optimizer") as client,
        client.run("procurement-optimizer", on_behalf_of=OMAR) as run,
        pytest.raises(Denied),
    ):
        run.call("mail.send", letter, using=lambda **given: given)
    return run.id


def test_a_policy_is_marked_by_what_it_says_itself(visit: Callable[..., Page], house: House) -> None:
    """What permitted an action is not shown as what denied it."""
    page = visit()
    page.goto(f"{house.url}/runs/{house.played['renewal'].run}")
    panel = page.get_by_label("Detail of the step")
    expect(panel.get_by_text("Why this was denied")).to_be_visible()
    expect(panel.get_by_text("Permits", exact=True)).to_be_visible()
    expect(panel.locator(".code .hit.good").first).to_be_visible()
    expect(panel.locator(".code .hit.bad")).to_have_count(0)
    run = denied_letter(house)
    page.goto(f"{house.url}/runs/{run}")
    expect(panel.get_by_text("Forbids", exact=True)).to_be_visible()
    expect(panel.locator(".code .hit.bad").first).to_be_visible()


def test_steps_are_found_filtered_and_walked_by_key(visit: Callable[..., Page], house: House) -> None:
    page = visit()
    page.goto(f"{house.url}/runs/{house.played['renewal'].run}")
    rows = page.get_by_role("option")
    expect(page.get_by_text("1 of 25")).to_be_visible()  # the key steps at first
    expect(rows).to_have_count(1)
    page.get_by_role("switch", name="Key steps only").click()
    expect(page.get_by_text("25 of 25")).to_be_visible()
    page.get_by_role("switch", name="Key steps only").click()
    expect(rows).to_have_count(1)
    page.get_by_label("Find steps").fill("compare")
    expect(rows.first).to_contain_text("erp.compare_prices")
    page.get_by_label("Find steps").fill("")
    page.get_by_role("switch", name="Key steps only").click()
    page.keyboard.press("Home")
    rows.first.click()
    page.keyboard.press("j")
    expect(rows.nth(1)).to_have_attribute("aria-selected", "true")
    assert "step=act_" in page.url, "what is looked at stands in the address"


def test_what_a_model_asked_for_stands_beside_what_was_done(visit: Callable[..., Page], house: House) -> None:
    page = visit()
    run = house.played["renewal"].run
    page.goto(f"{house.url}/runs/{run}")
    told = page.evaluate(f"fetch('/api/v1/runs/{run}/actions').then(said => said.json())")
    asked = next(each["id"] for each in told["actions"] if each["kind"] == "model")
    page.goto(f"{house.url}/runs/{run}?step={asked}")
    panel = page.get_by_label("Detail of the step")
    expect(panel.get_by_text("Enforced").first).to_be_visible()
    panel.get_by_role("button", name="Show", exact=True).click()
    row = panel.get_by_role("row").filter(has_text="Allowed").first
    done = row.locator("button").inner_text().split()[0]
    row.locator("button").click()
    expect(panel.locator("b").first).to_have_text(done)


def test_what_went_wrong_and_what_is_spent_is_seen_at_a_glance(visit: Callable[..., Page], house: House) -> None:
    page = visit()
    page.goto(f"{house.url}/overview")
    lately = page.get_by_role("region", name="Latest incidents")
    expect(lately.get_by_role("row").filter(has_text=house.played["renewal"].run)).to_contain_text("Loop detected")
    lately.get_by_role("link", name="Loop detected").first.click()
    expect(page).to_have_url(re.compile(house.played["renewal"].run))
    page.goto(f"{house.url}/budgets")
    team = page.locator("details.budget-node", has=page.locator("summary", has_text="procurement"))
    expect(team.first).to_contain_text("company-month")  # the workspace is around its teams
    expect(team.last).to_contain_text("procurement-optimizer")


def test_the_graph_leads_to_the_worst_step_of_a_tool(visit: Callable[..., Page], house: House) -> None:
    page = visit(theme="dark")
    page.goto(f"{house.url}/runs/{house.played['renewal'].run}?tab=graph")
    page.locator(".react-flow__node", has_text="vendor.quote").click()
    expect(page.get_by_label("Detail of the step").get_by_text("vendor.quote").first).to_be_visible()


def test_every_record_is_proven_in_the_page_and_a_changed_one_is_not(visit: Callable[..., Page], house: House) -> None:
    house.office.remit("audit", "seal")
    page = visit()
    page.goto(f"{house.url}/runs/{house.played['discount'].run}?tab=evidence")
    expect(page.get_by_text("Verified").nth(5)).to_be_visible()
    page.route("**/api/v1/ledger/inclusion**", lambda route: _with_another_record(route))
    page.reload()
    expect(page.get_by_text("Not proven").nth(5)).to_be_visible()
    expect(page.get_by_text("Verified")).to_have_count(0)
    page.unroute_all(behavior="ignoreErrors")  # of proofs that are still on their way


def _with_another_record(route: object) -> None:
    answer = route.fetch()  # type: ignore[attr-defined]
    proof = answer.json()
    proof["record"] = proof["record"].replace('"v":1', '"v":2')
    route.fulfill(response=answer, json=proof)  # type: ignore[attr-defined]


def test_who_may_not_audit_sees_no_evidence(visit: Callable[..., Page], house: House) -> None:
    page = visit(VIEWER)
    page.goto(f"{house.url}/runs/{house.played['discount'].run}?tab=evidence")
    expect(page.get_by_role("tab", name="Decision path")).to_be_visible()
    expect(page.get_by_role("tab", name="Evidence")).to_have_count(0)


def test_the_risk_of_a_run_is_its_weightiest_effect_and_says_whether_it_was_let_in(
    visit: Callable[..., Page], house: House
) -> None:
    run = denied_letter(house)
    page = visit()
    for id, said in (
        (house.played["renewal"].run, "RiskMediumWrites: let in"),
        (house.played["discount"].run, "RiskHighPays: let in"),
        (run, "RiskMediumSends: not let in"),
    ):
        page.goto(f"{house.url}/runs/{id}")
        expect(page.locator(".fact").filter(has_text="Risk")).to_have_text(said)
