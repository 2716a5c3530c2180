"""Make releases of folders, point channels at them, go back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import orjson

from remit.control import gates
from remit.control.policy_alarms import put_on_record
from remit.control.policy_tests import Tested, run_tests
from remit.control.release_refusals import FolderHasProblems as FolderHasProblems
from remit.control.release_refusals import GateClosed as GateClosed
from remit.control.release_refusals import ReleaseRefused as ReleaseRefused
from remit.control.release_refusals import TestsFailed as TestsFailed
from remit.control.transaction import changing
from remit.control.trial_records import end_trials
from remit.domain.canonical import canonical, sha256_hex
from remit.domain.clock import Clock
from remit.domain.consequence import Consequence
from remit.domain.ids import Ids, ReleaseId, WorkspaceName
from remit.domain.record import RecordKind, policies_differed_key
from remit.domain.release import ChannelGates, Configuration, Release, Settings
from remit.kernel.ruleset import Ruleset
from remit.policy.authorizer import Authorizer
from remit.policy.comparison import difference, first_difference
from remit.policy.consequences import Search, Side
from remit.policy.request import PolicyRequest
from remit.storage.candidate import TrialKind
from remit.storage.port import Activation, Proposal, Store, Wanted
from remit.workspace.change import Change
from remit.workspace.difference import changes
from remit.workspace.files import Folder
from remit.workspace.reading import groups_of, read, settings_of

RecordedRequests = Callable[[WorkspaceName, Ruleset], Iterable[tuple[str, PolicyRequest]]]
"""Makes requests of recorded actions, each with its id, as the policies of some rules would be asked."""


@dataclass(frozen=True, slots=True)
class Move:
    """A person wants a channel to point at a release.

    Attributes:
        expected: what it points at now, as that person saw it.
        alarm: why it must be decided by the official implementation, if it must.
    """

    release: Release
    channel: str
    author: str
    message: str
    expected: Release | None
    expect: tuple[str, ...] = ()
    alarm: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What applying would do. `release` is not stored yet."""

    release: Release
    configuration: Configuration
    tested: tuple[Tested, ...]
    before: Release | None
    changes: tuple[Change, ...]
    rules: Ruleset

    @property
    def is_active(self) -> bool:
        """Whether the channel points at exactly this content already."""
        return self.before is not None and self.before.id == self.release.id


def content_id(files: Mapping[str, bytes]) -> ReleaseId:
    """Return the id of a release.

    ``rel_` and the first 32 hexadecimal digits of SHA-256 over the sorted paths and digests.
    """
    manifest = [[path, sha256_hex(files[path])] for path in sorted(files)]
    return ReleaseId(f"rel_{sha256_hex(canonical(manifest))[:32]}")


class Releases:
    """Releases and channels of one database."""

    def __init__(self, store: Store, clock: Clock, ids: Ids, recorded: RecordedRequests | None = None) -> None:
        self._recorded = recorded
        self._store = store
        self._clock = clock
        self._ids = ids

    # -- looking

    def active(self, workspace: WorkspaceName, channel: str) -> Release | None:
        """Return the release a channel points at."""
        id = self._store.active(workspace, channel)
        return None if id is None else self._store.release(workspace, id)

    def named(self, workspace: WorkspaceName, id: str) -> Release:
        """Return a release by its id or an unambiguous beginning of it. Raises ReleaseRefused."""
        matches = [release.id for release in self._store.releases(workspace) if release.id.startswith(id)]
        exact = ReleaseId(id) if id in matches else None
        if exact is None and len(matches) != 1:
            which = "no release begins with" if not matches else f"{len(matches)} releases begin with"
            raise ReleaseRefused(f"{which} {id!r} in workspace {workspace}; `remit releases` lists them")
        found = self._store.release(workspace, exact or matches[0])
        assert found is not None
        return found

    def plan(self, folder: Folder, author: str, message: str, channel: str, only: Sequence[str] = ()) -> Plan:
        """Work out what applying a folder would change; `only` limits it to some of its paths.

        Raises FolderHasProblems, and ReleaseRefused for an `only` that names nothing.
        """
        reading = read(folder.files, folder.name, folder.problems)
        workspace = WorkspaceName(folder.name) if reading.configuration is None else reading.configuration.settings.name
        before = self.active(workspace, channel)
        files = folder.files
        if only:
            files = _merged({} if before is None else before.files, files, only)
            reading = read(files, workspace)
        if reading.configuration is None:
            raise FolderHasProblems(reading.errors)
        release = Release(content_id(files), workspace, dict(files), author, message, self._clock.now())
        rules = Ruleset(release.id, reading.configuration)
        old = None if before is None else _configuration(before)
        return Plan(
            release,
            reading.configuration,
            run_tests(rules, reading.scenarios),
            before,
            changes(old, reading.configuration),
            rules,
        )

    def consequences(self, plan: Plan, *, with_history: bool) -> tuple[Consequence, ...]:
        """Return which actions would be allowed, denied or held that are not now, each with an example.

        Nothing where nothing is active, or what is can not be read. `with_history` looks at recorded actions too,
        whose arguments that opens; they are not shown.
        """
        before = None if plan.before is None else _configuration(plan.before)
        if before is None:
            return ()
        sides = Side(before, Authorizer.of(before)), Side(plan.configuration, plan.rules.authorizer)
        return Search(*sides, plan.release.id).run(self._actions(plan) if with_history else ())

    # -- changing

    def apply(self, plan: Plan, channel: str, expect: Sequence[str] = ()) -> Release:
        """Store the planned release and point the channel at it.

        Where the workspace demands two people, as one of its active releases says, this and `rollback` only propose it:
        the channel moves once another person asks for the same. `waiting` tells which it was.

        `expect` names the flips of a backtest that are wanted, for the gates of the channel.

        Raises TestsFailed, GateClosed, and ReleaseRefused where the channel has moved since the plan was made: what a
        person has reviewed is what takes effect.
        """
        failed = [tested for tested in plan.tested if not tested.passed]
        if failed:
            raise TestsFailed(failed)
        alarm = self._compared(plan)
        before, release = plan.before, plan.release
        return self._activate(Move(release, channel, release.author, release.message, before, tuple(expect), alarm))

    def rollback(
        self,
        workspace: WorkspaceName,
        author: str,
        message: str,
        channel: str,
        to: str = "",
        only: Sequence[str] = (),
    ) -> Release:
        """Re-activate an earlier release: the one before the active, or `to`.

        With `only`, make a release in which just those paths are as they were there. Raises ReleaseRefused.
        """
        now_active = self.active(workspace, channel)
        if now_active is None:
            raise ReleaseRefused(f"channel {channel} points at no release: there is nothing to go back from")
        target = self.named(workspace, to) if to else self._previous(workspace, channel, now_active)
        if target.withdrawn_at is not None:
            raise ReleaseRefused(f"release {target.id} was withdrawn and can not be activated again")
        if not only:
            return self._activate(Move(target, channel, author, message, now_active))
        files = _merged(now_active.files, target.files, only)
        plan = self.plan(Folder(workspace, files, ()), author, message, channel)
        return self.apply(plan, channel)

    def activate(
        self,
        workspace: WorkspaceName,
        id: str,
        author: str,
        message: str,
        channel: str,
        expect: Sequence[str] = (),
    ) -> Release:
        """Point a channel at a release that is there, also one that points at none yet. Raises ReleaseRefused."""
        release, before = self.named(workspace, id), self.active(workspace, channel)
        return self._activate(Move(release, channel, author, message, before, tuple(expect)))

    def withdraw(self, workspace: WorkspaceName, id: str, author: str, message: str) -> Release:
        """Withdraw a release: runs that began with it are admitted nothing more.

        Raises ReleaseRefused for one that a channel points at, and where two people are demanded for one that this
        person tries as a canary: it would then be enforced no longer, which takes another one.
        """
        release = self.named(workspace, id)
        now = self._clock.now()
        with changing(self._store, Wanted(workspace=workspace), now) as change:
            on = [channel for channel, active in self._active(workspace).items() if active == release.id]
            if on:  # as it is under the lock
                raise ReleaseRefused(f"release {release.id} is active on {', '.join(on)}: activate another one first")
            tried = [t for t in self._store.trials(workspace, running=True) if t.release == release.id]
            own = next((t for t in tried if t.kind is TrialKind.CANARY and t.by == author), None)
            if own is not None and self.takes_two(workspace, own.channel):
                raise ReleaseRefused(
                    f"{author} began the canary {own.id}, and this workspace demands two people: another one weakens it"
                )
            change.writes.withdrawn.append((workspace, release.id, now))
            end_trials(change, self._ids, tried, None, author)
            content: dict[str, object] = {"release": release.id, "by": author, "message": message}
            change.record(self._ids.new("chg"), RecordKind.RELEASE_WITHDRAWN, content)
        return release

    def _previous(self, workspace: WorkspaceName, channel: str, active: Release) -> Release:
        for activation in self._store.activations(workspace, channel):
            if activation.release != active.id:
                found = self._store.release(workspace, activation.release)
                if found is not None and found.withdrawn_at is None:
                    return found
        raise ReleaseRefused(f"channel {channel} has pointed at no other release: there is nothing to go back to")

    def waiting(self, release: Release, channel: str) -> Proposal | None:
        """Return the proposal to point a channel at this release that waits for another person, or None."""
        open_ones = self._store.proposals(release.workspace)
        mine = [each for each in open_ones if (each.release, each.channel) == (release.id, channel)]
        return mine[0] if mine else None

    def _compared(self, plan: Plan) -> str:
        """Say how the compiled policies differ from the official implementation, on recorded and generated requests."""
        rules = plan.rules
        found = difference(rules.authorizer, (request for _, request in self._actions(plan)))
        return str(found) if found else first_difference(rules.authorizer, plan.configuration, plan.release.id)

    def _actions(self, plan: Plan) -> Iterable[tuple[str, PolicyRequest]]:
        return () if self._recorded is None else self._recorded(plan.release.workspace, plan.rules)

    def _activate(self, move: Move) -> Release:
        """Point a channel at a release, or propose it where that takes two and nobody else has proposed it yet."""
        now = self._clock.now()
        release, channel, author, expected = move.release, move.channel, move.author, move.expected
        active = self._active(release.workspace)
        guard = None if expected is None else guard_of(expected, channel)
        takes_two = self._takes_two(release.workspace, active) or (guard is not None and guard.takes_approval)
        evidence = None if guard is None else self._evidence(move, guard.gates)
        # The workspace's own row is locked first, so that two people can not move one channel at once.
        wanted = Wanted(workspace=release.workspace, record_keys=[policies_differed_key(release.id)])
        with changing(self._store, wanted, now) as change:
            current = self._store.active(release.workspace, channel)
            if current != (None if expected is None else expected.id):
                raise ReleaseRefused(
                    f"channel {channel} has moved to {current} since this was planned: look at the diff again"
                )
            if self._active(release.workspace) != active:
                raise ReleaseRefused("another channel has moved in this moment: try again")
            known = self._store.release(release.workspace, release.id)
            if known is not None and known.withdrawn_at is not None:
                raise ReleaseRefused(f"release {release.id} was withdrawn and can not be activated again")
            if takes_two and current == release.id:
                return release  # there is nothing that another person could agree to
            proposal = self.waiting(release, channel)
            if takes_two and proposal is not None and proposal.by == author:
                raise ReleaseRefused(
                    f"{author} has proposed {release.id} for channel {channel}, and it takes another person:"
                    f" `remit releases activate {release.id}`"
                )
            if guard is not None and proposal is not None:
                guard.check_approver(author)
            if known is None:
                change.writes.releases.append(release)
                change.record(f"{release.id}/made", RecordKind.RELEASE_MADE, _made(release))
            if move.alarm and not change.loaded.records:
                put_on_record(change, release.id, move.alarm)
            content: dict[str, object] = {
                "release": release.id,
                "channel": channel,
                "by": author,
                "message": move.message,
                "before": current,
            }
            if evidence is not None:
                content["gates"] = evidence
            if takes_two and proposal is None:
                id, workspace = self._ids.new("chg"), release.workspace
                proposed = Proposal(id, workspace, channel, release.id, current or "", author, now, move.message)
                change.writes.proposals.append(proposed)
                change.record(id, RecordKind.RELEASE_PROPOSED, content)
                return release
            if proposal is not None:
                change.writes.proposals.append(replace(proposal, activated_by=author, activated_at=now))
            moved = Activation(release.workspace, channel, release.id, author, now, move.message)
            change.writes.activations.append(moved)
            tried = self._store.trials(release.workspace, running=True)
            # Who moves a channel, be it back, moves all of it; and nothing is observed that decides by itself now.
            ends = [
                t for t in tried if t.channel == channel and (t.kind is TrialKind.CANARY or t.release == release.id)
            ]
            end_trials(change, self._ids, ends, release.id, author)
            content["proposed_by"] = None if proposal is None else proposal.by
            change.record(self._ids.new("chg"), RecordKind.RELEASE_ACTIVATED, content)
        return release

    def takes_two(self, workspace: WorkspaceName, channel: str) -> bool:
        """Tell whether it takes two people to change what is enforced on a channel."""
        active = self.active(workspace, channel)
        guard = None if active is None else guard_of(active, channel)
        return self._takes_two(workspace, self._active(workspace)) or (guard is not None and guard.takes_approval)

    def may_enforce(
        self, release: Release, channel: str, by: str, expect: Sequence[str] = ()
    ) -> dict[str, object] | None:
        """Return what goes on record where a release may be enforced for some runs, as it may be activated.

        Where that takes two people, another one has proposed it. Raises ReleaseRefused.
        """
        active = self.active(release.workspace, channel)
        guard = None if active is None else guard_of(active, channel)
        if self.takes_two(release.workspace, channel):
            proposal = self.waiting(release, channel)
            if proposal is None or proposal.by == by:
                raise ReleaseRefused(
                    f"this workspace demands two people: another one than {by} proposes {release.id} for channel"
                    f" {channel} first, with `remit apply` or `remit releases activate`"
                )
            if guard is not None:
                guard.check_approver(by)
        move = Move(release, channel, by, "", active, tuple(expect))
        return None if guard is None else self._evidence(move, guard.gates)

    def _evidence(self, move: Move, channel_gates: ChannelGates) -> dict[str, object]:
        """Ask the gates. What the one who proposed expects, whoever agrees to it expects as well."""
        release, proposal = move.release, self.waiting(move.release, move.channel)
        stored = None if proposal is None else self._store.record(release.workspace, proposal.id)
        before = [] if stored is None else orjson.loads(stored).get("gates", {}).get("expected", [])
        past = {each.release for each in self._store.activations(release.workspace, move.channel)}
        step = gates.Step(
            release.workspace,
            move.channel,
            release.id,
            "" if move.expected is None else move.expected.id,
            release.id in past,
            sorted({*move.expect, *before}),
            lambda: tests_of(release),
        )
        return gates.passed(self._store, channel_gates, step, self._clock.now())

    def _active(self, workspace: WorkspaceName) -> dict[str, ReleaseId | None]:
        """Return what each channel points at."""
        return {channel: self._store.active(workspace, channel) for channel in self._store.channels(workspace)}

    def _takes_two(self, workspace: WorkspaceName, active: Mapping[str, ReleaseId | None]) -> bool:
        """Tell whether any active release demands two people; one whose settings can not be read may well do.

        The active ones, not the one that is to become active: else an author alone could turn it off in the same
        change. Any channel's, so that there is no way around through a new one.
        """
        for id in sorted({id for id in active.values() if id is not None}):
            release = self._store.release(workspace, id)
            settings = None if release is None else settings_of(release.files, workspace)
            if settings is None or settings.activation_people > 1:
                return True
        return False


def _made(release: Release) -> dict[str, object]:
    files = [[path, sha256_hex(release.files[path])] for path in sorted(release.files)]
    return {"release": release.id, "by": release.author, "message": release.message, "files": files}


def _merged(base: Mapping[str, bytes], source: Mapping[str, bytes], only: Sequence[str]) -> dict[str, bytes]:
    """Return `base` with just the paths in `only` as they are in `source`; a path that is gone there goes here."""
    merged = dict(base)
    for path in only:
        if path in source:
            merged[path] = source[path]
        elif path in merged:
            del merged[path]
        else:
            raise ReleaseRefused(
                f"{path} is neither in the active release nor in what is applied: name a file as agents/x.yaml"
            )
    return merged


def tests_of(release: Release) -> tuple[Tested, ...]:
    """Run a stored release's own tests; one that can not be read has none."""
    reading = read(release.files, release.workspace)
    configuration = reading.configuration
    return () if configuration is None else run_tests(Ruleset(release.id, configuration), reading.scenarios)


def guard_of(active: Release, channel: str) -> gates.Guard | None:
    """Return the gates that an active release sets before its channel, or None."""
    settings: Settings | None = settings_of(active.files, active.workspace)
    found = None if settings is None else settings.gates_of(channel)
    if found is None:
        return None
    return gates.Guard(found, groups_of(active.files))


def _configuration(release: Release) -> Configuration | None:
    return read(release.files, release.workspace).configuration
