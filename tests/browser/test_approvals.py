"""A person answers a hold, and the agent goes on."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from remit.sdk.errors import Held
from tests.browser.conftest import OMAR, ONE_WORKER, PRIYA, House
from tests.browser.standing import PATIENT, SARA, standing
from tests.worlds import PEOPLE, agent, files

pytestmark = ONE_WORKER


@contextmanager
def waiting(house: House) -> Iterator[list[Any]]:
    """An agent at work on a complaint whose refund needs a person; yields what it came to, once it has ended."""
    ended: list[Any] = []

    def work() -> None:
        ended.append(house.office.work("credit", lambda _: None, patience_s=60))

    worker = Thread(target=work)
    worker.start()
    yield ended
    worker.join(90)
    assert not worker.is_alive()


def test_approving_lets_the_agent_go_on(visit: Callable[..., Page], house: House) -> None:
    with waiting(house) as ended:
        page = visit(PRIYA)
        page.goto(f"{house.url}/approvals")
        expect(page.get_by_role("heading", level=2)).to_have_text(
            "Refund \u2068700\u2069 AED on invoice \u2068INV-88120\u2069"
        )
        expect(page.get_by_text("From the result of crm.get_complaint").first).to_be_visible()
        page.get_by_label("Comment").fill("It did come twice")
        page.get_by_role("button", name="Approve").click()
        expect(page.get_by_text("Nothing waits for anybody")).to_be_visible()
    assert ended[0].ending.finished
    assert ended[0].meter.calls["billing.refund"] == 1


def test_approving_with_edits_has_the_agent_go_on_with_them(visit: Callable[..., Page], house: House) -> None:
    with waiting(house) as ended:
        page = visit(PRIYA)
        page.goto(f"{house.url}/approvals")
        page.get_by_role("button", name="Edit").click()
        expect(page.get_by_role("button", name="Approve", exact=True)).to_have_count(0)
        page.get_by_label("amount_aed").fill("350")
        page.get_by_role("button", name="Approve with edits").click()
        expect(page.get_by_text("Nothing waits for anybody")).to_be_visible()
    assert ended[0].ending.finished
    with closing(sqlite3.connect(house.office.company)) as db:
        assert db.execute("SELECT amount_aed FROM refunds ORDER BY id DESC").fetchone() == (350,)


def test_rejecting_keeps_it_from_happening(visit: Callable[..., Page], house: House) -> None:
    with waiting(house) as ended:
        page = visit(PRIYA, language="ar", theme="dark")
        page.goto(f"{house.url}/approvals")
        expect(page.get_by_role("heading", level=2)).to_contain_text("ردّ")
        page.get_by_role("button", name="رفض").click()
        expect(page.get_by_text("لا شيء ينتظر أحدًا")).to_be_visible()
    assert ended[0].meter.calls["billing.refund"] == 0


def test_the_owner_of_the_agent_can_not_answer(visit: Callable[..., Page], house: House) -> None:
    with waiting(house):
        page = visit(OMAR)
        page.goto(f"{house.url}/approvals")
        listed = page.get_by_role("option").first
        expect(listed).to_contain_text("Pay with \u2068billing.refund\u2069")
        expect(listed).to_contain_text("Pay part of an invoice back")
        expect(page.get_by_text("Only finance-approvers can answer this.")).to_be_visible()
        expect(page.get_by_role("button", name="Approve")).to_have_count(0)
        page = visit(PRIYA)
        page.goto(f"{house.url}/approvals")
        page.get_by_role("button", name="Reject").click()
        expect(page.get_by_text("Nothing waits for anybody")).to_be_visible()


def test_who_is_of_the_requesters_side_reads_why_in_place_of_buttons(visit: Callable[..., Page], house: House) -> None:
    def theirs(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "own_side": {"part": "started", "name": "run_7"}})

    with waiting(house):
        for language, words in (("en", "You have started run run_7"), ("ar", "أنت من بدأ العملية \u2068run_7\u2069")):
            page = visit(PRIYA, language=language)
            page.route("**/approvals/*/detail*", theirs)
            page.goto(f"{house.url}/approvals")
            expect(page.get_by_text(words)).to_be_visible()
            expect(page.locator(".approval-acts").get_by_role("button")).to_have_count(0)
            page.unroute_all(behavior="ignoreErrors")  # the page asks again by itself, also while it is closed
        page = visit(PRIYA)
        page.goto(f"{house.url}/approvals")
        page.get_by_role("button", name="Reject").click()
        expect(page.get_by_text("Nothing waits for anybody")).to_be_visible()


def test_the_list_tells_how_many_have_approved_of_those_who_must(visit: Callable[..., Page], tmp_path: Path) -> None:
    given = files({"people.yaml": f"{PEOPLE.rstrip()}\nquorum: 2\n", "agents/buyer.yaml": agent(**PATIENT)})
    with (
        standing(tmp_path, given=given) as own,
        own.agent("buyer") as client,
        client.run("buyer", on_behalf_of="user:visitor") as run,
    ):
        with pytest.raises(Held):
            run.call("erp.pay", {"amount": 900}, using=lambda **given: given)
        page = visit(SARA, at=own)
        page.goto(f"{own.url}/approvals?view=team")
        listed = page.get_by_role("option").first
        expect(listed).to_contain_text("Pay with \u2068erp.pay\u2069")
        expect(listed).to_contain_text("0 of 2 approved")
        page.get_by_role("button", name="Approve").click()
        expect(listed).to_contain_text("1 of 2 approved")
