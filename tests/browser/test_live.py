"""What happens while somebody looks: an agent works on, another approver is quicker, everything is frozen."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from remit.sdk.errors import Held, Stopped
from tests.browser.conftest import ONE_WORKER, House
from tests.browser.standing import LINA, NOOR, SARA, standing

pytestmark = ONE_WORKER

VISITOR = "user:visitor"
ENOUGH_TO_SCROLL = 40


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with standing(tmp_path_factory.mktemp("small")) as made:
        yield made


def returned(**given: object) -> dict[str, object]:
    return given


def place_of(page: Page) -> float:
    return float(page.locator(".path-rows").evaluate("rows => rows.scrollTop"))


def test_new_steps_come_without_moving_what_is_read(visit: Callable[..., Page], small: House) -> None:
    with small.agent("buyer") as client, client.run("buyer", on_behalf_of=VISITOR) as run:
        for number in range(ENOUGH_TO_SCROLL):
            run.call("erp.get", {"id": f"order {number}"}, using=returned)
        page = visit(NOOR, at=small)
        page.goto(f"{small.url}/runs/{run.id}")
        expect(page.get_by_text(f"{ENOUGH_TO_SCROLL} of {ENOUGH_TO_SCROLL}")).to_be_visible()
        chosen = page.locator("[role=option][aria-selected=true]")
        read = page.get_by_label("Detail of the step")
        expect(read).to_contain_text("Why this was allowed")
        with pytest.raises(Held):  # what a page opened now would begin with
            run.call("erp.pay", {"amount": 501}, using=returned)
        expect(page.get_by_text("42 of 42")).to_be_visible()
        expect(page.get_by_role("option").first).to_have_attribute("aria-selected", "true")
        expect(read).to_contain_text("erp.get")  # nobody chose another step

        page.locator(".path-rows").evaluate("rows => rows.scrollTo(0, 360)")
        page.get_by_role("option").filter(has_text="erp.get").nth(14).click()
        expect(page).to_have_url(re.compile("step=act_"))
        before, top = place_of(page), chosen.bounding_box()
        for number in range(5):
            run.call("erp.get", {"id": f"late order {number}"}, using=returned)
        expect(page.get_by_text("47 of 47")).to_be_visible()
        assert before == place_of(page) > 0
        assert chosen.bounding_box() == top
        expect(page.get_by_text("Running", exact=True)).to_be_visible()
    expect(page.get_by_text("Ended", exact=True)).to_be_visible()
    assert before == place_of(page)


def test_the_lines_that_decided_are_marked_and_the_values_they_read_are_shown_on_record(
    visit: Callable[..., Page], small: House
) -> None:
    with small.agent("buyer") as client, client.run("buyer", on_behalf_of=VISITOR) as run:
        with pytest.raises(Held):
            run.call("erp.pay", {"amount": 513}, using=returned)
        sara = visit(SARA, at=small)
        sara.goto(f"{small.url}/runs/{run.id}")
        sara.get_by_role("option").first.click()
        decided = sara.get_by_label("big", exact=True)
        expect(decided.locator(".hit")).to_have_count(1)
        expect(decided.locator(".hit")).to_contain_text("context.input.amount > 500")
        expect(sara.get_by_role("button", name="Clause by clause")).to_have_count(0)
        noor = visit(NOOR, at=small)
        noor.goto(sara.url)
        noor.get_by_role("button", name="Clause by clause").click()
        expect(noor.get_by_label("Detail of the step")).to_contain_text("513")


def test_runs_that_a_run_began_are_folded_in_its_page(visit: Callable[..., Page], small: House) -> None:
    with small.agent("buyer") as client, client.run("buyer", on_behalf_of=VISITOR) as run:
        page = visit(NOOR, at=small)
        page.goto(f"{small.url}/runs/{run.id}")
        with client.run("buyer", on_behalf_of=VISITOR, parent=run.id) as child:
            child.call("erp.get", {"id": "of the child"}, using=returned)
            page.reload()
            begun = page.get_by_role("region", name="One run begun by this one")
            begun.locator("summary").click()
            expect(begun.get_by_text("erp.get")).to_be_visible()
            begun.get_by_role("link", name=child.id).click()
            expect(page).to_have_url(re.compile(child.id))


def test_of_two_approvers_one_wins_and_the_other_is_told(visit: Callable[..., Page], small: House) -> None:
    sara, lina = visit(SARA, at=small), visit(LINA, at=small)
    with small.agent("buyer") as client, client.run("buyer", on_behalf_of=VISITOR) as run:
        for page in (sara, lina):
            page.goto(f"{small.url}/approvals")
        with pytest.raises(Held):
            run.call("erp.pay", {"amount": 900, "note": "twice"}, using=returned)
        late: list[Route] = []
        lina.route("**/api/v1/approvals/*/reject", lambda route: late.append(route))
        lina.get_by_role("button", name="Reject").click()
        sara.get_by_role("button", name="Approve", exact=True).click()
        expect(sara.get_by_text("Approved: the agent may go on")).to_be_visible()
        expect(lina.get_by_text("user:sara was quicker: Approved")).to_be_visible()
        expect(lina.get_by_text("Nothing waits for anybody")).to_be_visible()
        late[0].continue_()  # what she pressed arrives after all
        expect(lina.get_by_text("is approved already")).to_be_visible()
        lina.get_by_text("Decided", exact=True).click()
        expect(lina.get_by_role("option").first).to_contain_text("Approved")
        paid = run.call("erp.pay", {"amount": 900, "note": "twice"}, using=returned)
    assert paid == {"amount": 900, "note": "twice"}
    expect(lina.get_by_role("option").first).to_contain_text("Approved, used")


def test_freezing_stops_the_agent_and_every_page_says_who_and_why(visit: Callable[..., Page], small: House) -> None:
    with small.agent("buyer") as client, client.run("buyer", on_behalf_of=VISITOR) as run:
        run.call("erp.get", {"id": "before"}, using=returned)
        page, other = visit(NOOR, at=small), visit(SARA, at=small)
        other.goto(f"{small.url}/approvals")
        page.goto(f"{small.url}/agents/buyer")
        page.get_by_role("button", name="Stop agents").click()
        expect(page.get_by_label("agent:buyer")).to_be_checked()
        page.get_by_label("Why").fill("prices look wrong")
        page.get_by_role("button", name="Freeze now").click()
        for each in (page, other):
            banner = each.get_by_role("region", name="Stops in force")
            expect(banner).to_contain_text("agent:buyer is frozen")
            expect(banner).to_contain_text(NOOR)
            expect(banner).to_contain_text("prices look wrong")
            expect(banner).to_contain_text("1 of 1 who listen have acknowledged")
        expect(other.get_by_role("button", name=re.compile("Unfreeze|Terminate"))).to_have_count(0)
        page.get_by_role("button", name="1 of 1 who listen").click()
        expect(page.locator(".listeners li")).to_contain_text("buyer")
        page.keyboard.press("Escape")
        with pytest.raises(Stopped):
            run.call("erp.get", {"id": "while frozen"}, using=returned)
        assert run.stopped
        page.get_by_role("button", name="Unfreeze", exact=True).click()
        expect(page.get_by_role("button", name="Unfreeze now")).to_be_disabled()  # a reason first
        page.get_by_role("dialog").get_by_label("Why").fill("prices were right")
        page.get_by_role("button", name="Unfreeze now").click()
        for each in (page, other):
            expect(each.get_by_role("region", name="Stops in force")).to_have_count(0)
        assert run.call("erp.get", {"id": "after"}, using=returned) == {"id": "after"}
        page.goto(f"{small.url}/runs/{run.id}")
        expect(page.get_by_text("2 of 2")).to_be_visible()


def test_the_page_comes_back_after_the_server_and_has_missed_nothing(
    visit: Callable[..., Page], tmp_path: Path
) -> None:
    from remit.compose import connect

    with standing(tmp_path) as own:
        page = visit(NOOR, at=own)
        page.goto(f"{own.url}/runs")
        expect(page.get_by_text("No agent has run yet")).to_be_visible()
        expect(page.locator(".live")).to_have_text("Live")
        own.office.stop()
        expect(page.locator(".live")).to_have_text("Reconnecting …")
        with connect(own.office.database) as client, client.run("buyer", on_behalf_of=VISITOR) as run:
            run.call("erp.get", {"id": "meanwhile"}, using=returned)
        own.office.start()
        expect(page.locator(".live")).to_have_text("Live")
        row = page.get_by_role("row").filter(has_text=run.id)
        expect(row).to_contain_text("Ended")
        with own.agent("buyer") as client, client.run("buyer", on_behalf_of=VISITOR) as later:
            expect(page.get_by_role("row").filter(has_text=later.id)).to_contain_text("Running")


def test_approvals_are_sorted_by_whose_they_are_and_answered_by_key(visit: Callable[..., Page], tmp_path: Path) -> None:
    with (
        standing(tmp_path) as small,  # of its own: nobody else's approvals wait there
        small.agent("buyer") as client,
        client.run("buyer", on_behalf_of=VISITOR) as run,
    ):
        with pytest.raises(Held):
            run.call("erp.pay", {"amount": 700}, using=returned)
        sara, noor = visit(SARA, at=small), visit(NOOR, at=small)
        for page in (sara, noor):
            page.goto(f"{small.url}/approvals")
        expect(noor.get_by_text("For me")).to_have_count(0)  # she is in no group that is ever asked
        expect(noor.get_by_text("All waiting 1")).to_be_visible()
        expect(sara.get_by_text("For me 1")).to_be_visible()
        expect(sara.get_by_text("My team 1")).to_be_visible()
        expect(sara.get_by_text("Expires in")).to_be_visible()
        late = visit(SARA, at=small)
        late.clock.install()
        late.goto(f"{small.url}/approvals")
        left = late.locator(".approval-head b bdi")
        before = left.inner_text()
        late.clock.fast_forward("02:00:00")
        expect(left).not_to_have_text(before)  # it is counted down
        sara.get_by_label("Comment").fill("Which order is it for?")
        sara.get_by_role("button", name="Ask").click()
        expect(sara.get_by_text("Questions to the agent")).to_be_visible()
        expect(sara.get_by_text("No reply yet")).to_be_visible()
        sara.locator(".approval-head").click()
        sara.keyboard.press("r")
        expect(sara.get_by_text("Nothing waits for anybody")).to_be_visible()
        expect(sara.get_by_text("For me 0")).to_be_visible()
        sara.get_by_text("Decided", exact=True).click()
        expect(sara).to_have_url(f"{small.url}/approvals?view=decided")
        expect(sara.get_by_role("option").first).to_contain_text("Rejected")


def test_what_is_frozen_is_ended_for_good_only_with_its_name_and_a_reason(
    visit: Callable[..., Page], small: House
) -> None:
    with small.agent("buyer") as client, client.run("buyer", on_behalf_of=VISITOR) as run:
        run.call("erp.get", {"id": "before"}, using=returned)
        page = visit(NOOR, at=small)
        page.get_by_role("button", name="Stop agents").click()
        page.get_by_label("Something else").check()
        page.get_by_role("combobox", name="Name or id").fill("buyer")
        page.get_by_label("Why").fill("it is over")
        page.get_by_role("button", name="Freeze now").click()
        banner = page.get_by_role("region", name="Stops in force")
        expect(banner).to_contain_text("agent:buyer is frozen")
        expect(page.get_by_role("dialog")).to_have_count(0)  # it fades, and has a field of the same name
        banner.get_by_role("button", name="Terminate").click()
        asked = page.get_by_role("dialog")
        asked.get_by_label("Why").fill("it is over for good")
        end = asked.get_by_role("button", name="Terminate now")
        expect(end).to_be_disabled()
        asked.get_by_label("Type agent:buyer to confirm").fill("agent:buyer")
        end.click()
        expect(banner).to_contain_text("agent:buyer is terminated")
        with pytest.raises(Stopped):
            run.call("erp.get", {"id": "after"}, using=returned)
        expect(page.get_by_role("dialog")).to_have_count(0)
        banner.get_by_role("button", name="Let it start anew").click()
        page.get_by_role("dialog").get_by_label("Why").fill("a new beginning")
        page.get_by_role("button", name="Let it start anew now").click()
        expect(banner).to_have_count(0)
