"""What needs a person stands on the first page, each with its state, its cost and the rule that holds it."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from remit.sdk.errors import Held
from tests.browser.conftest import ONE_WORKER, House
from tests.browser.standing import NOOR, PATIENT, SARA, standing
from tests.browser.test_pages import faults_of
from tests.worlds import TOOLS, agent, files

pytestmark = ONE_WORKER

PRICED = TOOLS.replace("description: Pays an invoice.", "description: Pays an invoice.\ncost_per_call: 0.25")
HELD = 7
VISITOR = "user:visitor"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[House]:
    """One payment that SARA may not answer, since it is for her; then those that she may."""
    changes = {"tools/erp.yaml": PRICED, "agents/buyer.yaml": agent(**PATIENT)}
    with standing(tmp_path, given=files(changes)) as opened, opened.agent("buyer") as client, ExitStack() as runs:
        for number in range(HELD):
            run = runs.enter_context(client.run("buyer", on_behalf_of=VISITOR if number else SARA))
            with pytest.raises(Held):
                run.call("erp.pay", {"amount": 900 + number}, using=lambda **given: given)
        yield opened


def test_what_waits_for_me_comes_first_and_says_what_until_when_how_dear_and_why(
    visit: Callable[..., Page], own: House
) -> None:
    page = visit(SARA, at=own)
    page.goto(f"{own.url}/overview")
    queue = page.get_by_role("region", name="Needs attention")
    items = queue.get_by_role("listitem")
    expect(items).to_have_count(5)
    expect(items.first).to_contain_text("Pay with \u2068erp.pay\u2069")
    expect(items.first).to_contain_text("buyer")
    expect(items.first).to_contain_text(re.compile("waits for you · expires (in|tomorrow)"))
    expect(items.first).to_contain_text("policy big asks for a person of finance: over 500")
    expect(items.first.get_by_role("link").first).to_have_accessible_name(re.compile(r"Cost \u2066\$0\.2500\u2069"))
    expect(queue.get_by_role("link", name="Approvals: 2 more")).to_be_visible()
    assert faults_of(page) == []
    items.first.get_by_role("link").first.focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/approvals\?id=apr_"))
    expect(page.get_by_role("button", name="Approve", exact=True)).to_be_visible()


def test_who_is_not_asked_sees_the_oldest_first_in_their_own_language(visit: Callable[..., Page], own: House) -> None:
    page = visit(NOOR, at=own, language="ar")
    page.goto(f"{own.url}/overview")
    first = page.get_by_role("region", name="يحتاج إلى انتباه").get_by_role("listitem").first
    expect(first).to_contain_text("دفع باستخدام \u2068erp.pay\u2069")
    expect(first).to_contain_text("بانتظار آخرين")
    expect(first).to_contain_text("تطلب السياسة big")
    expect(page.get_by_role("link", name="الموافقات: 2 أخرى")).to_be_visible()
    first.get_by_role("link").first.click()
    expect(page.get_by_text(SARA).first).to_be_visible()
