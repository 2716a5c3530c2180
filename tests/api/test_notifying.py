"""A server in a process of its own tells approvers, also after it was killed in the middle."""

from __future__ import annotations

import signal
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from remit.domain.clock import ManualClock, SystemClock
from tests.api.test_up import running
from tests.control.posts import webhook
from tests.control.test_approval_detail import CHANGES, PAY
from tests.worlds import OWNER, SARA, VISITOR, documents, world, yaml

SECRET = "T0PS3CRET-hook-path"
PEOPLE = documents(
    yaml("Person", id=OWNER),
    yaml("Person", id=SARA),
    yaml("Group", name="finance", members=[SARA], notify=["env:FINANCE_HOOK"]),
)


def wait_for(seen: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not seen():
        assert time.monotonic() < deadline, "it did not come about within 30 s"
        time.sleep(0.05)


def rows(database: Path, statement: str) -> list[tuple[object, ...]]:
    db = sqlite3.connect(database, timeout=20)
    try:
        with db:
            return db.execute(statement).fetchall()
    finally:
        db.close()


def test_a_server_that_was_killed_after_a_failure_tells_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = tmp_path / "new" / "remit.db"
    database.parent.mkdir()
    with world(database.parent, {**CHANGES, "people.yaml": PEOPLE}, clock=ManualClock(SystemClock().now())) as it:
        approval = it.door.admit(it.door.attempt_tool(it.start("buyer", VISITOR), "erp.pay", PAY)).approval
    with webhook() as hook:
        monkeypatch.setenv("FINANCE_HOOK", f"json://127.0.0.1:{hook.port}/{SECRET}")
        hook.status = 503
        with running(tmp_path, "serve", "--log-level", "debug") as server:
            wait_for(lambda: rows(database, "select state, tries from notices") == [("waiting", 1)])
            server.process.send_signal(signal.SIGKILL)
            _, first = server.process.communicate(timeout=30)
        hook.status = 200
        rows(database, "update notices set next_at = 0")  # as if ten seconds had passed
        with running(tmp_path, "serve", "--log-level", "debug") as server:
            wait_for(lambda: rows(database, "select state, tries from notices") == [("sent", 2)])
            code, second = server.stop()
    ((path, body),) = hook.got
    assert path == f"/{SECRET}"
    assert f"/approvals/{approval}" in body["message"]
    assert (code, hook.tries) == (0, 2)
    assert SECRET not in first + second
