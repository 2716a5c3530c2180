"""Which agents, teams, tools and models a workspace knows."""

from __future__ import annotations

from collections.abc import Iterator

from remit.domain.ids import AgentName, ReleaseId, WorkspaceName
from remit.domain.release import Configuration
from remit.storage.port import Store
from remit.workspace.reading import read

RECENT_RUNS = 1_000
"""Of how many of the latest runs the releases count, besides those that are active."""


class Names:
    """The names in the release of every channel, and in those of recent runs, which may still be open."""

    def __init__(self, store: Store, workspace: WorkspaceName) -> None:
        self._store = store
        self._workspace = workspace

    def look_up(self, kind: str, name: str) -> tuple[bool, frozenset[str]]:
        """Tell whether there is an agent, team, tool or model `name`, and if not, which ones there are."""
        found: set[str] = set()
        for release in dict.fromkeys(self._releases()):
            found |= self._names(kind, release)
            if name in found:
                return True, frozenset(found)
        return False, frozenset(found)

    def in_team(self, team: str) -> frozenset[AgentName]:
        """Return the agents that any of these releases puts in a team."""
        found: set[AgentName] = set()
        for release in dict.fromkeys(self._releases()):
            configuration = self._configuration(release)
            agents = () if configuration is None else configuration.agents.values()
            found |= {agent.name for agent in agents if agent.team == team}
        return frozenset(found)

    def _releases(self) -> Iterator[ReleaseId]:
        for channel in self._store.channels(self._workspace):
            active = self._store.active(self._workspace, channel)
            if active is not None:
                yield active
        yield from (run.release for run in self._store.runs(self._workspace, RECENT_RUNS))

    def _names(self, kind: str, id: ReleaseId) -> frozenset[str]:
        configuration = self._configuration(id)
        return frozenset() if configuration is None else frozenset(_named(kind, configuration))

    def _configuration(self, id: ReleaseId) -> Configuration | None:
        release = self._store.release(self._workspace, id)
        return None if release is None else read(release.files, release.workspace).configuration


def _named(kind: str, configuration: Configuration) -> Iterator[str]:
    agents = configuration.agents.values()
    if kind == "agent":
        yield from configuration.agents
    elif kind == "team":
        yield from (agent.team for agent in agents if agent.team is not None)
    elif kind == "tool":
        yield from configuration.tools
    elif kind == "model":
        yield from (model for agent in agents for model in agent.remit.models)
