"""The rows that what happens in a run counts on, and those that are locked for it."""

from dataclasses import replace

import pytest

from remit.domain.clock import Instant
from remit.domain.ids import AgentName, KeyId, ReleaseId, RunId, TeamName, UserId, WorkspaceName
from remit.domain.run import Run, RunAbove

RUN = Run(
    id=RunId("run_2"),
    workspace=WorkspaceName("souq"),
    agent=AgentName("buyer"),
    team=TeamName("stock"),
    release=ReleaseId("rel"),
    on_behalf_of=UserId("user:sara"),
    purpose="",
    started_at=Instant(1),
    key=KeyId("key"),
)


def test_a_run_counts_on_its_workspace_team_agent_user_and_itself() -> None:
    own = ("souq/", "souq/team/stock", "souq/agent/buyer", "souq/user/user:sara", "souq/run/run_2")
    assert RUN.own_scopes == RUN.scopes == own


def test_a_run_of_no_team_counts_on_none() -> None:
    assert "souq/team/stock" not in replace(RUN, team=None).own_scopes


def test_the_rows_of_the_runs_above_are_locked_as_well() -> None:
    above = RunAbove(RunId("run_1"), AgentName("chief"), None, Instant(0))
    below = replace(RUN, ancestors=(above.id,), line=(above,))
    assert below.own_scopes == RUN.own_scopes
    assert below.scopes == (*RUN.own_scopes, "souq/run/run_1", "souq/agent/chief")


def test_a_nameless_agent_is_not_taken_for_the_workspace() -> None:
    with pytest.raises(ValueError, match="needs a name"):
        replace(RUN, agent=AgentName(""))
