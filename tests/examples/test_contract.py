"""Gulf Trading's workflow: three quotes, two people, one order, whatever happens to the worker meanwhile."""

from __future__ import annotations

import io
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from remit.domain.decision import Decision
from tests.examples.gulf import House, Switch, part, written

contract, office_of, show = map(part, ("contract", "office", "show"))
BUYER = "layla.haddad@gulf-trading.example"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    switch = Switch()
    folder = tmp_path_factory.mktemp("contract")
    with office_of.opened(folder, office_of.free(0), switch) as office:
        yield House(office, switch)


def orders(path: Path) -> list[dict[str, Any]]:
    """What workflows have ordered, as the company's books have it."""
    query = "SELECT id, status, reference, supplier FROM orders WHERE reference IS NOT NULL ORDER BY id"
    if not path.exists():  # its server makes it with the first call
        return []
    with closing(sqlite3.connect(path)) as books:
        books.row_factory = sqlite3.Row
        return [dict(row) for row in books.execute(query)]


def test_an_order_that_is_asked_for_is_the_one_that_was_placed(tmp_path: Path) -> None:
    """To the dirham, also where the total is no multiple of the quantity; what was never placed is absent."""
    with part("company").Company(tmp_path / "company.db") as books:
        placed = books.create_order("Najd Electric", "ELC-250", 150, 61_859, "act_1")
        assert books.order_status("act_1") == {"status": "ok", "result": placed}
        assert books.order_status("act_2") == {"status": "absent"}


def shown(house: House, run: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(house.office.remit("workflows", "show", run, "--output", "json"))
    return found


def started(house: House, quantity: int) -> str:
    inputs = ("-i", "sku=ELC-250", "-i", f"quantity={quantity}", "-i", f"buyer={BUYER}")
    said = house.office.remit("workflows", "start", contract.WORKFLOW, *inputs, "--output", "json")
    return str(json.loads(said)["run"])


def test_a_worker_killed_while_it_orders_is_followed_by_one_that_does_not_order_again(house: House) -> None:
    screen = Console(file=io.StringIO(), width=80)
    run = contract.Contract(house.office, show.Stage(screen)).play()

    (order,) = orders(house.office.company)
    assert written(house.office.company) == {"contracts": 1, "mails": 1}
    # Decided once to be held and once to be allowed; the second worker only asked what had become of it.
    decided = house.decided(run)
    placed = [Decision.from_json(each["decision"]) for each in decided if each["target"] == "erp.create_order"]
    assert [each.verdict.word for each in placed] == ["hold", "allow"]
    assert placed[0].approvers == ("procurement-approvers",)
    assert order["reference"] in {each["action"] for each in decided}
    assert [each["decision"]["verdict"] for each in decided if each["target"] == "erp.order_status"] == ["allow"]
    # Three suppliers were asked, and the cheapest was taken.
    assert len([each for each in decided if each["target"] == "vendor.quote"]) == 3
    assert order["supplier"] == "Najd Electric"
    assert house.answers(run) == list(contract.APPROVERS)


def test_a_small_order_asks_nobody(house: House) -> None:
    before = written(house.office.company)
    with house.office.worker():
        run = started(house, 20)
        state = contract.until(lambda: shown(house, run)["state"] == "succeeded", "it did not end")
    assert state
    assert house.answers(run) == []
    after = written(house.office.company)
    assert {name: after[name] - before.get(name, 0) for name in after} == {"contracts": 1, "mails": 1}


def test_an_order_that_people_refuse_is_not_placed_and_nothing_is_filed(house: House) -> None:
    before, placed = written(house.office.company), orders(house.office.company)
    with house.office.worker():
        run = started(house, 150)
        asked = contract.until(lambda: _asked(house, run), "nobody was asked")
        digest = json.loads(house.office.remit("approvals", "show", asked, "--output", "json"))["digest"]
        words = ("approvals", "reject", asked, "--digest", digest, "-m", "too dear")
        house.office.remit(*words, user=contract.APPROVERS[0])
        contract.until(lambda: shown(house, run)["state"] == "failed", "it did not end")
    assert written(house.office.company) == before
    assert orders(house.office.company) == placed


def _asked(house: House, run: str) -> str:
    waited = (step["waits_for"].partition(":") for step in shown(house, run)["steps"])
    return next((id for what, _, id in waited if what == "approval"), "")
