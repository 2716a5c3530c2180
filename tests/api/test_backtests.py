"""Backtests over HTTP: begun, watched, cancelled; who may, and what of."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from remit.domain.identity import Role
from remit.execution.backtest import history
from tests.api.office import PREFIX, TWO_AGENTS, Office, Shows, office
from tests.worlds import BIG_PAYMENTS, files

PATH = f"{PREFIX}/backtests"
CANDIDATE = {
    path: text.decode()
    for path, text in files({**TWO_AGENTS, "policies/pay.cedar": BIG_PAYMENTS.replace("> 500", "> 5")}).items()
}


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path) as opened:
        started = opened.world.start()
        for amount in (3, 7, 600):
            opened.world.door.admit(opened.world.door.attempt_tool(started, "erp.pay", {"amount": amount}))
        opened.world.clock.advance(1)
        yield opened


def ended(it: Office, who: Shows, id: str) -> Any:
    for _ in range(200):
        found = it.ask("GET", f"{PATH}/{id}", who).json()
        if found["state"] != "running":
            return found
        time.sleep(0.05)
    raise AssertionError("the backtest does not end")


def test_a_candidate_is_tried_on_history(it: Office) -> None:
    author = it.token(Role.AUTHOR)
    begun = it.ask("POST", PATH, author, {"files": CANDIDATE, "days": 1})
    assert begun.status_code == 202, begun.text
    assert begun.json()["total"] == 3
    found = ended(it, author, begun.json()["id"])
    assert found["state"] == "done"
    assert (found["passed"], found["decided"], found["flipped"]) == (3, 3, 1)
    (flips,) = found["flips"]
    assert flips["words"]["en"] == "allowed becomes held"
    assert "finance" in flips["examples"][0]["words"]["ar"]["after"]
    (listed,) = it.ask("GET", PATH, it.token(Role.VIEWER)).json()["backtests"]
    assert (listed["id"], listed["flips"]) == (found["id"], [])


def test_a_stored_release_is_tried_by_its_id(it: Office) -> None:
    auditor = it.token(Role.AUDITOR)
    active = it.world.store.active("tiny", "production")
    begun = it.ask("POST", PATH, auditor, {"release": active, "agent": "buyer", "tool": "erp.pay"}).json()
    assert ended(it, auditor, begun["id"])["flipped"] == 0
    assert it.ask("POST", PATH, auditor, {"release": "rel_none"}).json()["code"] == "no_release"
    assert it.ask("POST", PATH, auditor, {}).json()["code"] == "field_missing"
    assert it.ask("GET", f"{PATH}/bkt_none", auditor).status_code == 404


def test_one_runs_at_a_time_and_can_be_cancelled(it: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    admin = it.token(Role.ADMIN)
    monkeypatch.setattr(history, "PAGE", 1)
    page = history.History._page

    def slowly(*arguments: Any) -> Any:
        it.world.clock.advance(2)
        time.sleep(0.2)
        return page(*arguments)

    monkeypatch.setattr(history.History, "_page", slowly)
    begun = it.ask("POST", PATH, admin, {"files": CANDIDATE}).json()
    assert it.ask("POST", PATH, admin, {"files": CANDIDATE}).json()["code"] == "busy"
    assert it.ask("POST", f"{PATH}/{begun['id']}/cancel", admin).json()["state"] == "cancelled"
    monkeypatch.undo()
    assert ended(it, admin, begun["id"])["state"] == "cancelled"


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.APPROVER])
def test_whoever_may_not_change_rules_begins_none(it: Office, role: Role) -> None:
    assert it.ask("POST", PATH, it.token(role), {"files": CANDIDATE}).status_code == 403
