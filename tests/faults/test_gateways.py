"""The short form of bench/gateway_faults.py: both gateways of a real server, 128 callers, and SIGKILL in the middle."""

from pathlib import Path

import pytest

from bench import gateway_faults
from remit.settings import Settings

SHORT = gateway_faults.Plan(model_calls=150, calls=400, kills=1)


@pytest.mark.slow
def test_a_server_that_is_killed_lets_no_call_through_beyond_its_budget(tmp_path: Path) -> None:
    settings = Settings(database_url=f"sqlite:///{tmp_path}/remit.db")
    found = gateway_faults.examined(settings, tmp_path, SHORT)
    assert found.broken == {}
    assert found.servers_killed == SHORT.kills
    assert found.denied >= SHORT.callers * gateway_faults.DENIALS
    lost = SHORT.kills * SHORT.callers  # what was on its way stays reserved
    assert SHORT.calls - lost <= found.model_calls_carried_out + found.tool_calls_carried_out
    assert found.model_calls_carried_out
    assert found.tool_calls_carried_out
