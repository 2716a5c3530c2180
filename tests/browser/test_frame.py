"""The frame of every page: who may enter, what stands on each page, and how it looks in both languages."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import ONE_WORKER, VIEWER, House

pytestmark = ONE_WORKER


def test_a_link_signs_in_once_to_the_overview_and_the_runs_are_there(visit: Callable[..., Page], house: House) -> None:
    page = visit()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    expect(page.get_by_role("link", name="procurement-optimizer")).to_be_visible()
    page.get_by_role("link", name="Runs", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Runs")
    expect(page.get_by_text(house.played["renewal"].run)).to_be_visible()
    expect(page.locator(".live")).to_have_attribute("data-on", "true")


def test_who_has_not_signed_in_is_asked_to_and_comes_back(visit: Callable[..., Page], house: House) -> None:
    page = visit()
    page.context.clear_cookies()
    page.goto(f"{house.url}/runs/{house.played['renewal'].run}")
    expect(page).to_have_url(f"{house.url}/sign-in?to=%2Fruns%2F{house.played['renewal'].run}")
    expect(page.get_by_label("Password", exact=True)).to_be_visible()


def test_arabic_is_written_from_right_to_left_and_ids_from_left_to_right(visit: Callable[..., Page]) -> None:
    page = visit(language="ar", theme="dark")
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    expect(page.get_by_role("heading", level=1)).to_have_text("نظرة عامة")
    side, first = page.locator(".side").bounding_box(), page.locator("main").bounding_box()
    assert side is not None
    assert first is not None
    assert side["x"] > first["x"]


def test_a_viewer_sees_no_button_to_stop_anything(visit: Callable[..., Page]) -> None:
    page = visit(VIEWER)
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    expect(page.get_by_role("button", name="Stop agents")).to_have_count(0)
    refused = page.evaluate(
        """async () => {
          const session = await (await fetch('/api/v1/session')).json()
          const answer = await fetch('/api/v1/stops', {
            method: 'POST', body: JSON.stringify({target: 'workspace'}),
            headers: {'Content-Type': 'application/json', 'X-CSRF-Token': session.csrf, 'Idempotency-Key': 'k'},
          })
          return answer.status
        }"""
    )
    assert refused == 403
