"""What is sealed is opened on record; filters are saved; the ledger is searched and taken away; how the server is."""

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import ADMIN, OMAR, ONE_WORKER, VIEWER, YOUSEF, House

pytestmark = ONE_WORKER


def records_of(page: Page, kind: str) -> list[dict[str, object]]:
    found = page.evaluate(f"async () => (await (await fetch('/api/v1/records?kind={kind}&limit=200')).json()).records")
    assert isinstance(found, list)
    return found


def test_arguments_are_shown_when_asked_for_and_that_is_on_record(visit: Callable[..., Page], house: House) -> None:
    page = visit()
    page.goto(f"{house.url}/runs/{house.played['renewal'].run}?find=quote")
    panel = page.get_by_label("Detail of the step")
    page.get_by_role("option").first.click()
    expect(panel.get_by_text("Sealed. That you read it is put on record.")).to_be_visible()
    before = len(records_of(page, "payload_read"))
    panel.get_by_role("button", name="Show", exact=True).click()
    expect(panel.locator(".field").first).to_be_visible()
    expect(panel.locator(".field-origin").first).to_be_visible()
    read = records_of(page, "payload_read")[before:]
    assert [(each["by"], each["run_id"]) for each in read] == [(ADMIN, house.played["renewal"].run)]
    page.keyboard.press("j")
    expect(panel.get_by_text("Sealed. That you read it is put on record.")).to_be_visible()


def test_who_may_not_read_arguments_is_told_so(visit: Callable[..., Page], house: House) -> None:
    page = visit(YOUSEF)
    page.goto(f"{house.url}/runs/{house.played['renewal'].run}")
    panel = page.get_by_label("Detail of the step")
    expect(panel.get_by_text("Sealed. Auditors and admins can read it.")).to_be_visible()
    expect(panel.get_by_role("button", name="Show", exact=True)).to_have_count(0)
    expect(page.get_by_role("tab", name="Conversation")).to_have_count(0)


def test_the_conversation_is_opened_and_leads_to_its_steps(visit: Callable[..., Page], house: House) -> None:
    page = visit()
    page.goto(f"{house.url}/runs/{house.played['discount'].run}?tab=conversation")
    before = len(records_of(page, "payload_read"))
    page.get_by_role("button", name="Open the conversation").click()
    turns = page.locator(".turn")
    expect(turns.first).to_contain_text("Task")
    expect(turns.nth(1).locator(".field").first).to_be_visible()
    heights = page.locator(".field").evaluate_all("all => all.map(each => each.offsetHeight)")
    assert max(heights) < 320, "a model's prompt has the whole width, and is scrolled"
    assert len(records_of(page, "payload_read")) == before + 1, "one reading, however many payloads"
    named = turns.nth(1).get_by_role("button").first
    target = named.inner_text()
    named.click()
    expect(page).to_have_url(re.compile(r"\?step=act_"))
    expect(page.get_by_label("Detail of the step")).to_contain_text(target)


def test_a_filter_is_kept_by_its_name_and_stands_in_the_address(visit: Callable[..., Page], house: House) -> None:
    page = visit()
    page.goto(f"{house.url}/runs")
    page.get_by_text("Stopped", exact=True).first.click()
    expect(page).to_have_url(f"{house.url}/runs?state=stopped")
    page.get_by_role("button", name="Saved filters").click()
    page.get_by_label("Name of this filter").fill("What was stopped")
    page.get_by_role("button", name="Save", exact=True).click()
    page.goto(f"{house.url}/runs")
    page.get_by_role("button", name="Saved filters").click()
    page.get_by_role("button", name="What was stopped", exact=True).click()
    expect(page).to_have_url(f"{house.url}/runs?state=stopped")
    page.get_by_role("button", name="Forget What was stopped").click()
    expect(page.get_by_role("button", name="What was stopped", exact=True)).to_have_count(0)


def test_the_ledger_is_searched_and_taken_away(visit: Callable[..., Page], house: House, tmp_path: Path) -> None:
    house.office.remit("audit", "seal")
    page = visit()
    page.goto(f"{house.url}/audit")
    run = house.played["renewal"].run
    page.get_by_label("Find an id").fill(run)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"find={run}"))
    expect(page.get_by_role("row").filter(has_text="Run started")).to_have_count(1)
    page.get_by_label("Find an id").fill("nothing-of-this-name")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No record holds this")).to_be_visible()
    with page.expect_download() as taken:
        page.get_by_role("link", name="Export").click()
    bundle = tmp_path / "bundle.zip"
    taken.value.save_as(bundle)
    with zipfile.ZipFile(io.BytesIO(bundle.read_bytes())) as archive:
        archive.extractall(tmp_path / "bundle")
    said = house.office.remit("audit", "verify", str(tmp_path / "bundle"))
    assert "OK" in said


def test_the_server_shows_how_it_is_and_what_was_set(visit: Callable[..., Page], house: House) -> None:
    page = visit()
    page.get_by_role("link", name="Settings", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Settings and health")
    expect(page.get_by_text("Well", exact=True)).to_have_count(5)
    row = page.get_by_role("row").filter(has_text="REMIT_DATABASE_URL")
    expect(row).to_contain_text("Set")
    page.get_by_role("switch", name="Only what was set").click()
    expect(page.get_by_role("row").filter(has_text="REMIT_HTTP_TRIES")).to_have_count(0)
    expect(row).to_be_visible()
    viewer = visit(VIEWER)
    expect(viewer.get_by_role("link", name="Settings", exact=True)).to_have_count(0)
    viewer.goto(f"{house.url}/server")
    expect(viewer.get_by_role("alert")).to_be_visible()


def test_the_palette_leads_to_pages_agents_and_ids(visit: Callable[..., Page], house: House) -> None:
    page = visit(OMAR)
    for asked, where in (
        ("Budgets", "/budgets"),
        ("customer-care", "/agents/customer-care"),
        (house.played["renewal"].run, f"/runs/{house.played['renewal'].run}"),
    ):
        page.keyboard.press("Control+k")
        page.get_by_placeholder("Search pages, agents, ids").fill(asked)
        page.get_by_role("dialog").get_by_text(asked, exact=True).first.click()
        expect(page).to_have_url(re.compile(re.escape(where)))
        expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_time_shows_its_hijri_date_and_the_zone_is_chosen(visit: Callable[..., Page], house: House) -> None:
    page = visit()
    page.goto(f"{house.url}/runs")
    page.locator("tbody time").first.hover()
    expect(page.get_by_role("tooltip")).to_contain_text("AH")
    page.get_by_role("button", name="Account").click()
    zones = page.get_by_role("menuitem")
    expect(zones.filter(has_text="Asia/Dubai")).to_be_visible()
    zones.filter(has_text="Asia/Riyadh").click()
    page.wait_for_selector("tbody time")
    assert page.evaluate("localStorage.getItem('remit-time-zone')") == "Asia/Riyadh"
