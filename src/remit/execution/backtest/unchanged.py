"""Recorded decisions that a candidate can not change: nothing that they rest on is otherwise in its rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from remit.domain.action import ActionKind
from remit.domain.ids import AgentName, ReleaseId, ToolName, WorkspaceName
from remit.execution.rulesets import ReleaseUnusable
from remit.kernel.decide import VERSION
from remit.kernel.ruleset import Ruleset

MAX_KEPT = 100_000
"""Answers kept: one for each release, agent and tool."""


class Unchanged:
    """Tells which decisions come out the same without making them again. Owned by one thread.

    A decision follows from rules, facts and arguments alone: with the same kernel, the same facts and rules that decide
    alike it is the same. Calls of models are always made again, since prices may have changed outside of the release.
    """

    def __init__(self, candidate: Ruleset, workspace: WorkspaceName, rules_of: RulesOf) -> None:
        self._candidate = candidate
        self._workspace = workspace
        self._rules_of = rules_of
        self._known: dict[tuple[str, str, str], bool] = {}

    def __call__(self, record: Mapping[str, Any]) -> bool:
        """Tell whether a `decision_made` record is one of them; true is certain, false is not."""
        if record["kernel"] != VERSION or record["action_kind"] != ActionKind.TOOL.value:
            return False
        agents = [record["agent"], *(superior["agent"] for superior in record["facts"].get("line", ()))]
        return all(self._is_unchanged(record["release"], agent, record["target"]) for agent in agents)

    def _is_unchanged(self, release: str, agent: str, target: str) -> bool:
        key = (release, agent, target)
        found = self._known.get(key)
        if found is None:
            found = self._compared(*key)
            if len(self._known) < MAX_KEPT:
                self._known[key] = found
        return found

    def _compared(self, release: str, agent: str, tool: str) -> bool:
        try:
            rules = self._rules_of(self._workspace, ReleaseId(release))
        except ReleaseUnusable:
            return False
        return self._candidate.decides_alike(rules, AgentName(agent), ToolName(tool))


RulesOf = Callable[[WorkspaceName, ReleaseId], Ruleset]
"""Returns the rules of a release. Raises ReleaseUnusable."""


def none_is_unchanged(_: Mapping[str, Any]) -> bool:
    """Have every decision made again."""
    return False
