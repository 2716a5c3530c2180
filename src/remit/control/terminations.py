"""Terminate and re-activate: what is terminated admits nothing more, and its open runs end.

The stop is committed first, with the keys that go with it: from then on nothing is admitted. The runs are ended behind
it, some at a time, so that no transaction holds its locks for long. Cut off in between, terminating again goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from remit.control.credentials import revoke_in
from remit.control.names import Names
from remit.control.stops import (
    StopRefused,
    Target,
    check_known,
    check_reason,
    lift_stop,
    scope_of,
    set_stop,
    target,
)
from remit.control.transaction import changing
from remit.domain import ending
from remit.domain.clock import Clock
from remit.domain.facts import ScopeKind, Stop, StopKind, scope_id
from remit.domain.ids import Ids, WorkspaceName
from remit.domain.record import RecordKind
from remit.domain.run import Run
from remit.storage.identity import Credential, SecretKind
from remit.storage.liveness import RunEnded
from remit.storage.port import Store, Wanted

RUNS_AT_ONCE = 200
"""How many runs one transaction ends."""
MOST_ROUNDS = 1_000
"""Bounds the ending of runs where agents go on starting new ones, which admit nothing."""
_WITH_KEYS = (ScopeKind.AGENT, ScopeKind.TEAM, ScopeKind.WORKSPACE)


@dataclass(frozen=True, slots=True)
class Terminated:
    """What came of a termination. `stop` is the first one where it was terminated before."""

    stop: Stop
    runs: int
    keys: int


class Terminations:
    """Terminations of one database."""

    def __init__(self, store: Store, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids

    def terminate(
        self,
        workspace: WorkspaceName,
        text: str,
        by: str,
        reason: str,
        *,
        revoke_keys: bool = False,
        anyway: bool = False,
    ) -> Terminated:
        """Stop a target for good and end its open runs, and those below them. Their approvals are void.

        Open actions stay open: what was admitted may happen, and its outcome is still taken. Of a target terminated
        before, what is left is done. Raises StopRefused.

        Args:
            workspace: where.
            text: a run, agent, team, user or the workspace, as `target` reads it.
            by: who.
            reason: why; not empty.
            revoke_keys: revoke the agent's keys with it, or those of the team's or workspace's agents.
            anyway: also a name that is not known yet, or no longer.
        """
        aim = _terminable(workspace, text, revoke_keys=revoke_keys)
        check_reason(reason)
        if not reason.strip():
            raise StopRefused("a termination needs a reason, for whoever asks later")
        if not anyway:
            check_known(self._store, workspace, aim, text)
        agents = self._agents(workspace, aim) if revoke_keys else ()
        now = self._clock.now()
        with changing(self._store, Wanted(scopes=[aim.scope], workspace=workspace), now) as change:
            scope = scope_of(change, aim, text)
            stop = scope.stops.get("")
            if stop is None or stop.kind is not StopKind.TERMINATION:
                stop = Stop(StopKind.TERMINATION, by, reason, now)
                set_stop(change, scope, "", stop, self._ids)
            keys = [key for key in self._keys(workspace, agents) if key.holds_at(now)] if revoke_keys else []
            for key in keys:
                revoke_in(change, self._ids, key, by, reason)
        return Terminated(stop, self._end_runs(workspace, aim, by), len(keys))

    def reactivate(self, workspace: WorkspaceName, text: str, by: str, reason: str) -> None:
        """Let what was terminated start anew: new runs, with new keys. What has ended stays ended. Raises StopRefused.

        A run is never re-activated.
        """
        aim = _terminable(workspace, text, revoke_keys=False)
        check_reason(reason)
        if not reason.strip():
            raise StopRefused("a re-activation needs a reason, for whoever asks later")
        if aim.kind is ScopeKind.RUN:
            raise StopRefused(f"{text} has ended for good: start a new run")
        with changing(self._store, Wanted(scopes=[aim.scope], workspace=workspace), self._clock.now()) as change:
            scope = change.loaded.scopes.get(aim.scope)
            stop = None if scope is None else scope.stops.get("")
            if scope is None or stop is None or stop.kind is not StopKind.TERMINATION:
                raise StopRefused(f"{text} is not terminated")
            lift_stop(change, scope, "", by, reason, self._ids)

    def _end_runs(self, workspace: WorkspaceName, aim: Target, by: str) -> int:
        ended = 0
        for _ in range(MOST_ROUNDS):
            runs = self._store.runs_within(workspace, aim.kind, aim.name, RUNS_AT_ONCE)
            if not runs:
                break
            ended += self._end(workspace, runs, by)
        return ended

    def _end(self, workspace: WorkspaceName, runs: Sequence[Run], by: str) -> int:
        rows = {scope_id(ScopeKind.RUN, workspace, run.id): run for run in runs}
        with changing(self._store, Wanted(scopes=list(rows), workspace=workspace), self._clock.now()) as change:
            for id, run in rows.items():
                scope = change.loaded.scopes[id]
                assert scope.progress is not None, "a run's row is written with the run"
                change.writes.liveness.append(RunEnded(run.id, change.now))
                if scope.progress.ended_at:
                    continue  # its agent was quicker
                content = ending.end(run, scope, ending.TERMINATED, by, change.now)
                change.writes.scopes[id] = change.writes.histories[id] = scope
                change.writes.voided.append(run.id)
                change.record(ending.record_key(run), RecordKind.RUN_ENDED, content, run.id)
        return len(rows)

    def _agents(self, workspace: WorkspaceName, aim: Target) -> Sequence[str]:
        match aim.kind:
            case ScopeKind.AGENT:
                return (aim.name,)
            case ScopeKind.TEAM:
                at_work = self._store.runs_within(workspace, aim.kind, aim.name, limit=10_000)
                return sorted(Names(self._store, workspace).in_team(aim.name) | {run.agent for run in at_work})
        return ("",)  # all of them

    def _keys(self, workspace: WorkspaceName, agents: Sequence[str]) -> Sequence[Credential]:
        return [key for agent in agents for key in self._store.credentials(workspace, agent, SecretKind.AGENT_KEY)]


def _terminable(workspace: WorkspaceName, text: str, *, revoke_keys: bool) -> Target:
    aim = target(workspace, text)
    if aim.what:
        raise StopRefused(
            f"{text} has no runs that could end: freeze it, without an end, or take it out of the remits in a release"
        )
    if revoke_keys and aim.kind not in _WITH_KEYS:
        raise StopRefused(f"{text} has no keys of its own: revoke keys with an agent, a team or the workspace")
    return aim
