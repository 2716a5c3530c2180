"""An author writes a policy in the page: mistakes by line, what it changes in words, its history, whom it reaches."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from remit.sdk.errors import Held
from tests.browser.conftest import ADMIN, OMAR, ONE_WORKER, VIEWER, House
from tests.browser.test_governing import second
from tests.browser.test_pages import faults_of

pytestmark = ONE_WORKER

FILE = "policies/billing.cedar"
__all__ = ["second"]


@pytest.fixture
def earlier(house: House, second: Path) -> Iterator[None]:
    """The file has had two texts; afterwards the first is in force again."""
    house.office.remit("apply", str(second), "-m", "refunds wait from AED 300 on")
    yield
    house.office.remit("rollback", "-m", "as it was")


def opened(page: Page, house: House, view: str = "") -> Page:
    page.goto(f"{house.url}/policies?file={FILE}{view}")
    expect(page.locator(".cm-content, .policies-body table")).to_be_visible()
    return page


def write(page: Page, old: str, new: str) -> None:
    """Put other words in the place of some, as somebody would who types over them."""
    content = page.locator(".cm-content")
    text = "\n".join(line.rstrip("\n") for line in content.locator(".cm-line").all_inner_texts())
    assert old in text
    content.click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text.replace(old, new))


def test_mistakes_stand_at_their_lines_while_one_types_and_a_valid_draft_becomes_a_release(
    visit: Callable[..., Page], house: House
) -> None:
    page = opened(visit(OMAR), house)
    page.get_by_role("button", name="Edit").click()
    write(page, "amount_aed > 500", "amonut_aed > 500")
    draft = page.get_by_role("region", name="Draft")
    expect(draft).to_contain_text("mistake")
    expect(draft).to_contain_text("Perhaps you meant `amount_aed`")
    expect(page.locator(".cm-lintRange-error").first).to_be_visible()
    expect(draft.get_by_role("button", name="Make a release")).to_be_disabled()
    write(page, "amonut_aed > 500 }", "amount_aed > 500 && true }")
    expect(draft).to_contain_text("Valid")
    expect(page.locator(".cm-lintRange-error")).to_have_count(0)
    expect(draft.locator(".changes li")).to_contain_text("amount_aed > 500 && true")
    expect(draft).to_contain_text(re.compile(r"\d+ of \d+ tests pass"))
    draft.get_by_label("What the change is for").fill("said twice")
    draft.get_by_role("button", name="Make a release").click()
    expect(page.get_by_text("The release is active")).to_be_visible()
    expect(draft).to_have_count(0)
    expect(page.locator(".cm-content")).to_contain_text("amount_aed > 500 && true")
    house.office.remit("rollback", "-m", "as it was")
    expect(page.locator(".cm-content")).not_to_contain_text("&& true")  # by itself


def test_a_draft_that_breaks_the_workspaces_tests_is_no_release(visit: Callable[..., Page], house: House) -> None:
    page = opened(visit(OMAR), house)
    page.get_by_role("button", name="Edit").click()
    write(page, "amount_aed > 500", "amount_aed > 5000000")
    draft = page.get_by_role("region", name="Draft")
    draft.get_by_label("What the change is for").fill("never")
    expect(draft.locator(".t-deny").first).to_contain_text("tests pass")
    expect(draft.get_by_role("button", name="Make a release")).to_be_disabled()
    draft.get_by_role("button", name="Discard").click()
    expect(page.locator(".cm-content")).to_contain_text("amount_aed > 500")


@pytest.mark.usefixtures("earlier")
def test_an_earlier_text_is_compared_and_its_parts_taken_over(visit: Callable[..., Page], house: House) -> None:
    page = opened(visit(OMAR), house, "&view=history")
    expect(page.get_by_role("listbox", name="History").get_by_role("option").first).to_be_visible()
    expect(page.locator(".cm-deletedChunk").first).to_contain_text("amount_aed > 500")
    page.get_by_role("button", name="Edit").click()
    page.get_by_role("button", name="Take this back").first.click()
    draft = page.get_by_role("region", name="Draft")
    expect(draft.locator(".changes li")).to_contain_text("amount_aed > 500")
    expect(draft).to_contain_text("Valid")
    draft.get_by_role("button", name="Discard").click()


@pytest.mark.usefixtures("earlier")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_has_changed_can_be_read_in_both_themes(visit: Callable[..., Page], house: House, theme: str) -> None:
    """The colours of the syntax lie on those of the change: the number of a line that was taken out, say."""
    page = opened(visit(OMAR, theme=theme), house, "&view=history")
    expect(page.locator(".cm-deletedText, .cm-changedText")).not_to_have_count(0)
    assert faults_of(page) == []


def test_whom_a_policy_reached_leads_to_the_step(visit: Callable[..., Page], house: House) -> None:
    refund = {"invoice": "INV-88120", "amount_aed": 700, "reason": "twice"}
    with (
        house.agent("customer-care") as client,
        client.run("customer-care", on_behalf_of=OMAR) as run,
        pytest.raises(Held),
    ):
        run.call("billing.refund", refund, using=lambda **given: given)
    page = opened(visit(VIEWER), house, "&view=reach")
    row = page.get_by_role("row").filter(has_text="customer-care").first
    expect(row).to_be_visible()
    row.get_by_role("link", name="Newest").click()
    expect(page).to_have_url(re.compile(r"/runs/run_\w+\?step=act_"))
    viewer = opened(visit(VIEWER), house)
    expect(viewer.get_by_role("button", name="Edit")).to_have_count(0)


def test_a_recorded_action_is_decided_again_with_something_changed(visit: Callable[..., Page], house: House) -> None:
    page = visit(ADMIN)
    page.goto(f"{house.url}/runs/{house.played['discount'].run}?find=billing.")
    page.get_by_role("option").first.click()
    page.get_by_role("link", name="What if it were otherwise?").click()
    asked = page.get_by_role("region", name="What if")
    expect(asked).to_contain_text("that you read them is on record")
    expect(asked.get_by_role("combobox", name="Agent")).to_have_value("customer-care")
    given = asked.get_by_label("Arguments").input_value()
    assert "invoice" in given
    asked.get_by_role("button", name="Decide").click()
    expect(asked.locator(".verdict")).to_be_visible()
