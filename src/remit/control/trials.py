"""Candidates on live traffic: observed without effect, enforced for some runs, then promoted or stopped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from remit.control.releases import Releases
from remit.control.transaction import Change, changing
from remit.control.trial_records import record_trial
from remit.domain.clock import Clock, Instant
from remit.domain.ids import AgentName, Ids, WorkspaceName
from remit.storage.candidate import WHOLE, Trial, TrialKind, TrialState
from remit.storage.port import Store, Wanted
from remit.workspace.reading import read

MAX_OBSERVED = 4
"""Candidates that are observed at once in a workspace: each decides everything once more."""


class TrialRefused(Exception):
    """A trial can not be begun or ended as asked. The message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants to try.

    Attributes:
        agents: whose runs; where none is named, those of all.
        share: how many runs of ten thousand.
        expect: flips of a backtest that are wanted, for the gates of the channel.
    """

    workspace: WorkspaceName
    channel: str
    release: str
    kind: TrialKind
    by: str
    agents: tuple[AgentName, ...] = ()
    share: int = WHOLE
    expect: tuple[str, ...] = ()


class Trials:
    """Trials of one database."""

    def __init__(self, store: Store, releases: Releases, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._releases = releases
        self._clock = clock
        self._ids = ids

    def begin(self, wish: Wish) -> Trial:
        """Begin to observe a release, or to enforce it for some new runs.

        A canary passes the channel's gates as an activation does, and where the workspace demands two people another
        one has proposed the release. Raises TrialRefused and what `Releases` refuses.
        """
        release = self._releases.named(wish.workspace, wish.release)
        active = self._releases.active(wish.workspace, wish.channel)
        if active is None:
            raise TrialRefused(f"channel {wish.channel} points at no release: there is no traffic to try one on")
        if release.withdrawn_at is not None:
            raise TrialRefused(f"release {release.id} was withdrawn and can not be tried")
        if release.id == active.id:
            raise TrialRefused(f"channel {wish.channel} points at {release.id} already: name another release")
        if read(release.files, wish.workspace).configuration is None:
            raise TrialRefused(f"release {release.id} can not be read by this version of Remit: apply it again")
        if not 1 <= wish.share <= WHOLE:
            raise TrialRefused("a share is more than 0 and at most 100 per cent")
        evidence: dict[str, object] | None = None
        if wish.kind is TrialKind.CANARY:
            evidence = self._releases.may_enforce(release, wish.channel, wish.by, wish.expect)
        now = self._clock.now()
        with changing(self._store, Wanted(workspace=wish.workspace), now) as change:
            self._check_room(wish)
            begun = self._begun(wish, release.id, now)
            more: dict[str, object] = {} if evidence is None else {"gates": evidence}
            self._write(change, begun, "began", wish.by, more)
        return begun

    def stop(self, workspace: WorkspaceName, id: str, by: str) -> Trial:
        """End a trial. New runs get what the channel points at; those of a canary keep what they began with.

        A canary is then enforced no longer, which takes two people as `demote` does. Raises TrialRefused.
        """
        now = self._clock.now()
        with changing(self._store, Wanted(workspace=workspace), now) as change:
            trial = self._running(workspace, id)
            if trial.kind is TrialKind.CANARY:
                self._check_second(trial, by)
            ended = replace(trial, state=TrialState.STOPPED, ended_at=now, ended_by=by)
            self._write(change, ended, "stopped", by)
        return ended

    def demote(self, workspace: WorkspaceName, id: str, by: str) -> Trial:
        """End a canary and observe its release instead.

        It takes another person than the one who began it, where the workspace demands two. Raises TrialRefused.
        """
        trial = self._running(workspace, id)
        if trial.kind is not TrialKind.CANARY:
            raise TrialRefused(f"{id} is observed only: there is nothing to weaken; `remit observe stop` ends it")
        self._check_second(trial, by)
        now = self._clock.now()
        with changing(self._store, Wanted(workspace=workspace), now) as change:
            trial = self._running(workspace, id)
            ended = replace(trial, state=TrialState.STOPPED, ended_at=now, ended_by=by)
            self._write(change, ended, "demoted", by)
            wish = Wish(workspace, trial.channel, trial.release, TrialKind.OBSERVE, by, trial.agents, trial.share)
            begun = self._begun(wish, trial.release, now)
            self._write(change, begun, "began", by)
        return begun

    def promote(self, workspace: WorkspaceName, id: str, by: str, message: str, expect: Sequence[str] = ()) -> Trial:
        """Point the channel at a canary's release, which ends the canary; or propose it where that takes two."""
        trial = self._running(workspace, id)
        if trial.kind is not TrialKind.CANARY:
            raise TrialRefused(f"{id} is observed only: begin with `remit canary {trial.release}`")
        self._releases.activate(workspace, trial.release, by, message, trial.channel, expect)
        return self._store.trial(workspace, id) or trial

    def _check_second(self, trial: Trial, by: str) -> None:
        """Raise TrialRefused where it takes another person to enforce a canary no longer."""
        if trial.by == by and self._releases.takes_two(trial.workspace, trial.channel):
            raise TrialRefused(f"{by} began {trial.id}, and this workspace demands two people: another one weakens it")

    def _running(self, workspace: WorkspaceName, id: str) -> Trial:
        trial = self._store.trial(workspace, id)
        if trial is None:
            raise TrialRefused(f"there is no trial {id} in workspace {workspace}; `remit observe ls` lists them")
        if trial.state is not TrialState.RUNNING:
            raise TrialRefused(f"trial {id} was {trial.state.value} by {trial.ended_by} already")
        return trial

    def _check_room(self, wish: Wish) -> None:
        running = self._store.trials(wish.workspace, running=True)
        if wish.kind is TrialKind.CANARY:
            other = next((t for t in running if t.kind is TrialKind.CANARY and t.channel == wish.channel), None)
            if other is not None:
                raise TrialRefused(f"channel {wish.channel} has the canary {other.id}: promote or stop it first")
        elif sum(trial.kind is TrialKind.OBSERVE for trial in running) >= MAX_OBSERVED:
            raise TrialRefused(f"{MAX_OBSERVED} releases are observed already: `remit observe stop` one of them")

    def _begun(self, wish: Wish, release: str, now: Instant) -> Trial:
        id, state = self._ids.new("try"), TrialState.RUNNING
        named = self._releases.named(wish.workspace, release).id
        return Trial(id, wish.workspace, wish.channel, named, wish.kind, wish.agents, wish.share, wish.by, state, now)

    def _write(self, change: Change, trial: Trial, what: str, by: str, more: dict[str, object] | None = None) -> None:
        change.writes.candidates.append(trial)
        record_trial(change, self._ids, trial, what, by, more)
