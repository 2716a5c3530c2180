"""Sentences that the server writes for a page are in the page's language, not only those of the console itself."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ONE_WORKER, House
from tests.browser.test_pages import address, settled

pytestmark = ONE_WORKER


@pytest.mark.parametrize(
    ("place", "sentences", "least"), [("releases", ".change-words", 20), ("server", ".setting-value + td", 40)]
)
def test_what_a_release_changes_and_what_settings_mean_is_said_in_arabic(
    visit: Callable[..., Page], house: House, place: str, sentences: str, least: int
) -> None:
    page = visit(language="ar")
    page.goto(address(house, place))
    settled(page)
    if place == "releases":
        page.get_by_role("option").last.click()  # the first one, in which everything is new, whatever came after it
    expect(page.locator(sentences).nth(least)).to_be_visible()
    told = page.locator(sentences).all_inner_texts()
    assert [each for each in told if not re.search("[\u0600-\u06ff]", each)] == []
