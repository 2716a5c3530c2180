"""The state machines of budgets and limits once more, on PostgreSQL, with fewer examples."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from remit.domain.clock import ManualClock
from remit.kernel.ruleset import Ruleset
from remit.storage.postgres import PostgresTransactions
from remit.storage.postgres_address import Address
from tests.execution import test_budget_states, test_limit_states
from tests.execution.desk import Desk
from tests.postgres.server import Server
from tests.worlds import CountingIds

FEWER = settings(
    max_examples=200 if os.environ.get("REMIT_NIGHTLY") else 12,
    stateful_step_count=40,
    phases=(Phase.explicit, Phase.generate),  # on SQLite what fails is shrunk, in a tenth of the time
)
WRITTEN = ("scopes", "histories", "records", "runs", "open_actions", "approvals", "payloads")


class PostgresDesk(Desk):
    """A desk on one database, emptied for each example."""

    url: str

    def __init__(self, _: Path, rules: Ruleset) -> None:
        with psycopg.connect(self.url) as db:
            for table in WRITTEN:
                db.execute(f"delete from {table}")
        self.rules = rules
        self.clock = ManualClock(1_760_000_000_000_000)
        self.ids = CountingIds()
        self.transactions = PostgresTransactions(Address(self.url))  # type: ignore[assignment]

    def close(self) -> None:
        self.transactions.close()


@pytest.fixture
def desk(postgres: Server, monkeypatch: pytest.MonkeyPatch) -> type[PostgresDesk]:
    monkeypatch.setattr(PostgresDesk, "url", postgres.fresh(), raising=False)
    for module in (test_budget_states, test_limit_states):
        monkeypatch.setattr(module, "Desk", PostgresDesk)
    return PostgresDesk


@pytest.mark.slow
@pytest.mark.parametrize(
    "machine", [test_budget_states.Budgets, test_limit_states.LimitStates], ids=lambda m: m.__name__
)
def test_facts_are_what_the_model_says(desk: type[PostgresDesk], machine: Any) -> None:
    with psycopg.connect(desk.url) as db:
        run_state_machine_as_test(lambda: machine(Path()), settings=FEWER)  # type: ignore[arg-type]
        (records,) = db.execute("select last_value from records_seq_seq").fetchall()[0]
    assert records > 100
