"""The simulation is shown broken code, one break at a time, and must notice each within a few stories."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from remit.domain.action import OutcomeStatus
from remit.domain.facts import ApprovalState
from remit.execution import effects, transaction
from remit.kernel.checks import budget, stop
from remit.kernel.checks.budget import amount_in
from remit.storage import rows
from remit.storage.port import Loaded, Wanted, Writes
from tests.simulation.crashes import FragileTransactions
from tests.simulation.story import Failed, Template

MOST_STORIES = 60

Break = Callable[[pytest.MonkeyPatch], None]


def caught(template: Template, folder: Path) -> str:
    """What the simulation says of broken code; empty where it notices nothing."""
    for seed in range(MOST_STORIES):
        try:
            template.story(seed, folder / str(seed)).tell()
        except Failed as failure:
            return str(failure)
    return ""


def reserves_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(effects, "reserve", lambda facts, call: ())


def overlooks_what_is_used(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(budget, "check", lambda facts, call: ())


def reserves_half(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(effects, "amount_in", lambda unit, cost: (amount_in(unit, cost) or 0) // 2)


def releases_what_is_unknown(patch: pytest.MonkeyPatch) -> None:
    original = effects.settle

    def settle(scopes: Any, agent: Any, action: Any, outcome: Any) -> bool:
        if outcome.status is OutcomeStatus.UNKNOWN:
            outcome = replace(outcome, status=OutcomeStatus.ERROR)
        return original(scopes, agent, action, outcome)

    patch.setattr(effects, "settle", settle)


def looks_at_no_stop(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(stop, "check", lambda facts, call: ())


def forgets_that_an_approval_was_used(patch: pytest.MonkeyPatch) -> None:
    original = rows.approval_row

    def approval_row(approval: Any) -> Any:
        used = approval.state is ApprovalState.USED
        return original(replace(approval, state=ApprovalState.APPROVED) if used else approval)

    patch.setattr(rows, "approval_row", approval_row)


def writes(change: Callable[[Writes], None]) -> Break:
    """Break what every transaction writes."""

    def apply(patch: pytest.MonkeyPatch) -> None:
        original = FragileTransactions.commit

        def commit(self: FragileTransactions, writes: Writes) -> None:
            change(writes)
            original(self, writes)

        patch.setattr(FragileTransactions, "commit", commit)

    return apply


def drop_decisions(writes: Writes) -> None:
    writes.records = [record for record in writes.records if not record.key.endswith("/decision")]


def drop_records_of_refusals(writes: Writes) -> None:
    writes.records = [record for record in writes.records if b'"state":"denied"' not in record.body]


def drop_counters(writes: Writes) -> None:
    writes.scopes = {id: scope for id, scope in writes.scopes.items() if "/agent/" not in id}


def change_a_leaf(writes: Writes) -> None:
    writes.records = [replace(record, leaf=bytes(32)) for record in writes.records]


def loads(change: Callable[[Loaded], None]) -> Break:
    """Break what every transaction finds."""

    def apply(patch: pytest.MonkeyPatch) -> None:
        original = FragileTransactions.begin

        def begin(self: FragileTransactions, wanted: Wanted) -> Loaded:
            loaded = original(self, wanted)
            change(loaded)
            return loaded

        patch.setattr(FragileTransactions, "begin", begin)

    return apply


def forget_what_was_answered(loaded: Loaded) -> None:
    loaded.records = {}


def commits_every_statement(patch: pytest.MonkeyPatch) -> None:
    """A crash in the middle then leaves half a transaction behind."""
    original = transaction.process

    def process(transactions: FragileTransactions, *rest: Any) -> Any:
        db = transactions._db
        begun = db.execute

        def execute(statement: str, *values: Any) -> Any:
            alone = statement in ("begin immediate", "commit")
            return begun("select 1") if alone else begun(statement, *values)

        patch.setattr(db, "execute", execute)
        return original(transactions, *rest)

    patch.setattr("tests.simulation.story.process", process)


BREAKS: dict[str, tuple[Break, str]] = {
    "a budget is not looked at": (overlooks_what_is_used, r"holds: \d+ of \d+"),
    "nothing is reserved": (reserves_nothing, r"stands at|holds: \d+ of \d+"),
    "half is reserved": (reserves_half, r"stands at|holds: \d+ of \d+"),
    "an unknown outcome gives its reservation back": (releases_what_is_unknown, "stands at|not negative"),
    "a freeze is not looked at": (looks_at_no_stop, "was frozen"),
    "an approval is not used up": (forgets_that_an_approval_was_used, "admitted twice"),
    "a decision is not recorded": (writes(drop_decisions), "was answered, so it is on record"),
    "a refusal is not recorded": (writes(drop_records_of_refusals), "was answered, so it is on record"),
    "counters are not written": (writes(drop_counters), "stands at|in flight"),
    "a leaf is not that of its record": (writes(change_a_leaf), "the leaf is that of"),
    "a repeated attempt is decided anew": (loads(forget_what_was_answered), "UNIQUE constraint"),
    "statements are committed one by one": (commits_every_statement, "seed"),
}


@pytest.mark.slow
@pytest.mark.parametrize("broken", sorted(BREAKS))
def test_a_break_is_noticed(template: Template, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    apply, said = BREAKS[broken]
    apply(monkeypatch)
    found = caught(template, tmp_path)
    assert "REMIT_SIMULATION_SEED=" in found
    assert re.search(said, found)
