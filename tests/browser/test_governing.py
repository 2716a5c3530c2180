"""What authors, auditors and admins do: releases rolled back, what-if, the ledger verified, people and keys."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from remit.sdk.errors import Refused
from tests.browser.conftest import ONE_WORKER, VIEWER, House

pytestmark = ONE_WORKER

SAYS = "refunds wait from AED 300 on"


@pytest.fixture
def second(house: House, tmp_path: Path) -> Path:
    """The office's workspace with a lower bound for refunds; not yet a release."""
    folder = tmp_path / "gulf-trading"
    shutil.copytree(house.office.workspace, folder, ignore=shutil.ignore_patterns("tests"))
    policy = folder / "policies/billing.cedar"
    policy.write_text(policy.read_text("utf-8").replace("amount_aed > 500", "amount_aed > 300"), "utf-8")
    return folder


def test_a_release_is_rolled_back_from_the_page(visit: Callable[..., Page], house: House, second: Path) -> None:
    page = visit()
    page.goto(f"{house.url}/releases")
    releases = page.get_by_role("option")
    expect(releases).to_have_count(1)
    house.office.remit("apply", str(second), "-m", SAYS)
    expect(releases).to_have_count(2)
    expect(releases.first).to_contain_text(SAYS)
    expect(releases.first).to_contain_text("production")
    expect(releases.last).not_to_contain_text("production")
    releases.first.click()
    expect(page.locator(".changes li").filter(has_text="policies/billing.cedar")).to_contain_text("amount_aed > 300")
    page.get_by_role("tab", name="As text").click()
    expect(page.get_by_label("policies/billing.cedar").first).to_be_visible()
    page.get_by_role("button", name="Roll back").click()
    expect(page.get_by_text("Rolled back")).to_be_visible()
    expect(releases.first).not_to_contain_text("production")
    expect(releases.last).to_contain_text("production")
    viewer = visit(VIEWER)
    viewer.goto(f"{house.url}/releases")
    expect(viewer.get_by_role("option").last).to_contain_text("production")
    expect(viewer.get_by_role("button", name="Activate")).to_have_count(0)


def test_a_release_is_activated_from_the_page(visit: Callable[..., Page], house: House, second: Path) -> None:
    policy = second / "policies/billing.cedar"
    policy.write_text(policy.read_text("utf-8").replace("> 300", "> 350"), "utf-8")
    house.office.remit("apply", str(second), "-m", "refunds wait from AED 350 on")
    page = visit()
    page.goto(f"{house.url}/releases")
    releases = page.get_by_role("option")
    expect(releases.first).to_contain_text("AED 350")
    expect(releases.first).to_contain_text("production")
    releases.last.click()
    page.get_by_role("button", name="Activate").click()
    expect(page.get_by_text("The release is active")).to_be_visible()
    expect(releases.last).to_contain_text("production")
    expect(releases.first).not_to_contain_text("production")
    expect(page.get_by_role("button", name="Roll back")).to_be_visible()
    page.reload()
    expect(releases.last).to_contain_text("production")


def what_if(page: Page, house: House) -> Locator:
    """Open the form, and say who would call what."""
    page.goto(f"{house.url}/policies")
    asked = page.get_by_role("region", name="What if")
    expect(asked.get_by_role("button", name="Decide")).to_be_disabled()
    for field, value in (("Agent", "customer-care"), ("Tool", "billing.refund")):
        asked.get_by_role("combobox", name=field).fill(value)
        page.get_by_role("option", name=value, exact=True).click()
    return asked


@pytest.mark.parametrize(
    ("amount", "verdict", "why"),
    [(400, "Allowed", ""), (700, "Held", "a refund over AED 500 needs a person of finance"), (6000, "Denied", "")],
    ids=["allow", "hold", "deny"],
)
def test_what_if_decides_as_an_agent_would_be_decided(
    visit: Callable[..., Page], house: House, amount: int, verdict: str, why: str
) -> None:
    page = visit()
    asked = what_if(page, house)
    asked.get_by_label("Arguments").fill("{no")
    expect(asked.get_by_text("This is no JSON object")).to_be_visible()
    asked.get_by_label("Arguments").fill(f'{{"invoice": "INV-88120", "amount_aed": {amount}, "reason": "twice"}}')
    asked.get_by_role("button", name="Decide").click()
    expect(asked.locator(".verdict")).to_have_text(verdict)
    if why:
        expect(asked).to_contain_text(why)


def test_what_if_decides_by_a_release_that_is_not_in_use(
    visit: Callable[..., Page], house: House, second: Path
) -> None:
    policy = second / "policies/billing.cedar"
    policy.write_text(re.sub(r"amount_aed > 300", "amount_aed > 90", policy.read_text("utf-8")), "utf-8")
    house.office.remit("apply", str(second), "--channel", "staging", "-m", "refunds wait from AED 90 on")
    page = visit()
    asked = what_if(page, house)
    asked.get_by_label("Arguments").fill('{"invoice": "INV-88120", "amount_aed": 100, "reason": "twice"}')
    asked.get_by_role("button", name="Decide").click()
    expect(asked.locator(".verdict")).to_have_text("Allowed")
    asked.get_by_role("combobox", name="By the rules of").click()
    page.get_by_role("option", name=re.compile("refunds wait from AED 90 on")).click()
    asked.get_by_role("button", name="Decide").click()
    expect(asked.locator(".verdict")).to_have_text("Held")


def test_the_ledger_is_verified_in_the_page_and_the_filter_stays(visit: Callable[..., Page], house: House) -> None:
    house.office.remit("audit", "seal")
    page = visit()
    page.goto(f"{house.url}/audit")
    expect(page.get_by_text("Sealed and whole")).to_be_visible()
    expect(page.get_by_text("Verified").nth(20)).to_be_visible()
    expect(page.get_by_text("Not proven")).to_have_count(0)
    page.get_by_role("combobox", name="Kind of record").fill("Run ended")
    page.get_by_role("option", name="Run ended").click()
    expect(page).to_have_url(f"{house.url}/audit?kind=run_ended")
    page.reload()
    kinds = page.locator("tbody tr td:nth-child(2)")
    expect(kinds.first).to_have_text("Run ended")
    assert set(kinds.all_inner_texts()) == {"Run ended"}
    expect(page.get_by_role("combobox", name="Kind of record")).to_have_value("Run ended")
    row = page.get_by_role("row").filter(has_text="Run ended").filter(has_text="Verified")
    expect(row.first).to_be_visible()


def test_a_person_is_added_and_comes_in_by_the_link_shown(visit: Callable[..., Page], house: House) -> None:
    page = visit()
    page.goto(f"{house.url}/people")
    page.get_by_label("Id, as in user:…").fill("aisha.noor")
    page.get_by_label("Name", exact=True).fill("Aisha Noor")
    page.get_by_role("button", name="Add and make a link").click()
    expect(page.get_by_text("shown only here")).to_be_visible()
    link = page.locator("form .command bdi").inner_text()
    expect(page.get_by_role("row").filter(has_text="user:aisha.noor")).to_contain_text("Viewer")
    hers = visit(link=link)
    hers.goto(f"{house.url}/runs")
    hers.get_by_role("button", name="Account").click()
    expect(hers.get_by_text("user:aisha.noor")).to_be_visible()
    expect(hers.get_by_role("button", name="Stop agents")).to_have_count(0)
    page.reload()
    expect(page.get_by_role("row").filter(has_text="user:aisha.noor")).to_be_visible()
    expect(page.get_by_text("shown only here")).to_have_count(0)
    page.get_by_role("row").filter(has_text="user:aisha.noor").get_by_role("button", name="Let in no more").click()
    expect(page.get_by_role("row").filter(has_text="user:aisha.noor")).to_contain_text("Let in again")
    hers.reload()
    expect(hers).to_have_url(f"{house.url}/sign-in?to=%2Fruns")


def test_a_key_is_shown_once_and_worthless_once_revoked(visit: Callable[..., Page], house: House) -> None:
    from remit.connecting import connect

    page = visit()
    page.goto(f"{house.url}/people")
    page.get_by_role("combobox", name="Agent").fill("customer-care")
    page.get_by_role("option", name="customer-care").click()
    page.get_by_label("Label").fill("made in the page")
    page.get_by_role("button", name="Make a key").click()
    expect(page.get_by_text("Shown once:")).to_be_visible()
    key = page.locator(".section .command bdi").inner_text()
    with connect(house.url, api_key=key) as client, client.run("customer-care", on_behalf_of="user:omar.rashid") as run:
        assert run.id
    page.reload()
    row = page.get_by_role("row").filter(has_text="made in the page")
    expect(row).to_be_visible()
    assert key not in page.content()
    assert row.locator("td").first.inner_text().count("…") == 1, "its hint says itself that it goes on"
    row.get_by_role("button", name="Revoke").click()
    expect(row).to_contain_text("Worthless")
    with (
        connect(house.url, api_key=key) as client,
        pytest.raises(Refused),
        client.run("customer-care", on_behalf_of="user:omar.rashid"),
    ):
        pass
