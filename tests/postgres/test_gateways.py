"""The short form of bench/gateway_faults.py on four servers of one database."""

from pathlib import Path

import pytest

from bench import gateway_faults
from remit.settings import Settings
from tests.postgres.server import Server

SHORT = gateway_faults.Plan(model_calls=150, calls=400, servers=4, kills=2)


@pytest.mark.slow
def test_four_servers_of_which_some_are_killed_let_no_call_through_beyond_its_budget(
    tmp_path: Path, postgres: Server
) -> None:
    settings = Settings(database_url=postgres.fresh(), key_file=tmp_path / "remit.key")
    found = gateway_faults.examined(settings, tmp_path, SHORT)
    assert found.broken == {}
    assert found.servers_killed == SHORT.kills
    assert found.denied >= SHORT.callers * gateway_faults.DENIALS
    lost = SHORT.kills * SHORT.callers  # what was on its way stays reserved
    assert SHORT.calls - lost <= found.model_calls_carried_out + found.tool_calls_carried_out
    assert found.model_calls_carried_out
    assert found.tool_calls_carried_out
