"""A stop from the command line needs no server: the next one that comes up denies what was stopped meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from remit.cli.main import run
from remit.domain.clock import ManualClock, SystemClock
from remit.domain.record import RecordKind
from remit.settings import Settings
from tests.postgres.conftest import SettingsOf
from tests.served import Served, served
from tests.worlds import SARA, world

STOPS = {
    "freeze": ("freeze", "agent:buyer", "-m", "prices look wrong"),
    "terminate": ("terminate", "agent:buyer", "-m", "its key has leaked", "--revoke-keys", "--yes"),
}


@pytest.fixture(params=["sqlite", "postgres"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Where the world's database is, as a person's environment says it."""
    path = tmp_path / "remit.db"
    if request.param == "sqlite":
        return Settings(database_url=f"sqlite:///{path}", key_file=path.with_name("remit.key"))
    request.getfixturevalue("worlds_on_postgres")
    settings_of: SettingsOf = request.getfixturevalue("settings_of")
    return settings_of(path)


def pay(server: Served, run_id: str, key: str) -> tuple[int, str, list[str]]:
    reply = server.ask(
        "POST",
        f"/api/v1/runs/{run_id}/actions",
        {"kind": "tool", "target": "erp.pay", "arguments": {"amount": 1}},
        key=key,
    )
    findings = reply.document.get("decision", {}).get("findings", [])
    reasons = [finding["code"] for finding in findings if finding["verdict"] == "deny"]
    return reply.status, reply.document.get("state", reply.document.get("code")), reasons


@pytest.mark.slow
@pytest.mark.parametrize("how", sorted(STOPS))
def test_what_was_stopped_while_the_server_was_down_is_denied_by_the_next(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    for name, value in (("DATABASE_URL", settings.database_url), ("KEY_FILE", settings.key_file), ("USER", SARA)):
        monkeypatch.setenv(f"REMIT_{name}", str(value))
    monkeypatch.setenv("HOME", str(tmp_path))
    with world(tmp_path, clock=ManualClock(SystemClock().now())) as it:  # the command line has no other
        with served(it) as server:
            key, started = server.key(), server.start()
            assert pay(server, started["run"], key) == (200, "admitted", [])
        assert run(STOPS[how]) == 0
        it.clock.advance(120)
        with served(it) as again:
            status, state, reasons = pay(again, started["run"], key)
        if how == "terminate":
            assert (status, state) == (401, "not_valid")
            assert [each["status"] for each in it.records(RecordKind.RUN_ENDED)] == ["terminated"]
        else:
            assert (status, state, reasons) == (200, "denied", ["stop.stopped"])
