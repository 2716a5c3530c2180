"""The whole of a day once in Arabic: watch, find out why, answer with an edit, freeze, go back a release, verify."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from remit.sdk.errors import Denied, Stopped
from tests.browser.conftest import ONE_WORKER, ROOT, House
from tests.browser.standing import NOOR, SARA, standing

pytestmark = ONE_WORKER

ARABIC = ROOT / "console/src/locales/ar"
VISITOR = "user:visitor"


def word(key: str) -> str:
    """What the page says for a key, as its translators wrote it."""
    file, *path = key.split(".")
    found: Any = json.loads((ARABIC / f"{file}.json").read_text("utf-8"))
    for part in path:
        found = found[part]
    return str(found)


def press(page: Page, key: str) -> None:
    page.get_by_role("button", name=word(key), exact=True).click()


def returned(**given: object) -> dict[str, object]:
    return given


def test_a_day_in_arabic(visit: Callable[..., Page], tmp_path: Path) -> None:
    with standing(tmp_path) as own, own.agent("buyer") as client, client.run("buyer", on_behalf_of=VISITOR) as run:
        noor = visit(NOOR, at=own, language="ar")
        watch_and_find_out_why(noor, own, run)
        sara = visit(SARA, at=own, language="ar", theme="dark")
        answer_with_an_edit(sara, own, run)
        freeze_and_let_go(noor, own, run)
        go_back_a_release(noor, own)
        verify(noor, own)


def test_spans_of_time_and_key_caps_are_not_turned_round(visit: Callable[..., Page], house: House) -> None:
    page = visit(language="ar")
    page.goto(f"{house.url}/runs/{house.played['renewal'].run}?key=0")
    took = page.locator(".fact", has_text=word("runs.took")).locator(".v")
    expect(took).to_have_text(re.compile("^\u2067[0-9.]+ ث\u2069$"))
    span = page.locator(".bar-label").first
    expect(span).to_have_text(re.compile("^\u2067[0-9.]+ (ميكروثانية|ملي ث|ث)\u2069$"))
    expect(page.locator(".search .kbd bdi[dir=ltr]")).to_have_text("⌘K")


def watch_and_find_out_why(page: Page, own: House, run: Any) -> None:
    page.goto(f"{own.url}/runs/{run.id}")
    expect(page.locator(".live")).to_have_text(word("frame.live"))
    run.call("erp.get", {"id": "1"}, using=returned)
    expect(page.get_by_role("option")).to_contain_text("erp.get")
    with pytest.raises(Denied):
        run.call("erp.drop", {"id": "1"}, using=returned)
    row = page.get_by_role("option").filter(has_text="erp.drop")
    expect(row).to_contain_text(word("frame.verdict.deny"))
    row.click()
    why = page.get_by_label(word("run.detail"))
    expect(why.get_by_role("heading", name=word("run.why.deny"))).to_be_visible()
    expect(why.locator(".check .t-deny").last).to_have_text(re.compile("[\u0600-\u06ff]"))


def answer_with_an_edit(page: Page, own: House, run: Any) -> None:
    paid: list[object] = []
    payment = {"amount": 900, "note": "paper"}
    agent = Thread(target=lambda: paid.append(run.call("erp.pay", payment, using=returned, wait=60)))
    agent.start()
    page.goto(f"{own.url}/approvals")
    press(page, "approvals.edit")
    page.get_by_label("amount", exact=True).fill("400")
    press(page, "approvals.approveEdited")
    expect(page.get_by_text(word("approvals.none"))).to_be_visible()
    agent.join(60)
    assert paid == [{"amount": 400, "note": "paper"}]


def freeze_and_let_go(page: Page, own: House, run: Any) -> None:
    page.goto(f"{own.url}/agents/buyer")
    press(page, "frame.stop.button")
    page.get_by_label(word("frame.stop.reason")).fill("أسعار غريبة")
    press(page, "frame.stop.freeze")
    expect(page.get_by_role("dialog")).to_have_count(0)  # it fades, and the next one has a field of the same name
    banner = page.get_by_role("region", name=word("frame.stop.inForce"))
    expect(banner).to_contain_text("أسعار غريبة")
    with pytest.raises(Stopped):
        run.call("erp.get", {"id": "2"}, using=returned)
    press(page, "frame.stop.unfreeze")
    page.get_by_role("dialog").get_by_label(word("frame.stop.reason")).fill("اتضح الأمر")
    page.get_by_role("button", name=word("frame.stop.do").replace("{{what}}", word("frame.stop.unfreeze"))).click()
    expect(banner).to_have_count(0)


def go_back_a_release(page: Page, own: House) -> None:
    workspace = own.office.folder / "workspace"
    policy = workspace / "policies/pay.cedar"
    policy.write_text(policy.read_text("utf-8").replace("> 500", "> 300"), "utf-8")
    own.office.remit("apply", str(workspace), "-m", "الحد أدنى")
    page.goto(f"{own.url}/releases")
    releases = page.get_by_role("option")
    expect(releases).to_have_count(2)
    expect(releases.first).to_contain_text("production")
    press(page, "releases.rollBack")
    expect(releases.last).to_contain_text("production")


def verify(page: Page, own: House) -> None:
    own.office.remit("audit", "seal")
    page.goto(f"{own.url}/audit")
    expect(page.get_by_text(word("audit.whole"))).to_be_visible()
    expect(page.get_by_text(word("run.verified")).nth(10)).to_be_visible()
    expect(page.get_by_text(word("run.broken"))).to_have_count(0)
