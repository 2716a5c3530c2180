"""Which approvals concern a person: whose arguments they may read, and what they are asked to answer now.

Made for one question about many approvals: delegations, runs, and the releases that say who is in a group, are read
once. The answer itself is checked anew when it is given (`voices.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from remit.control.sides import RunsRead, Tie, side_of
from remit.domain.clock import Instant
from remit.domain.ids import GroupName, ReleaseId, UserId, WorkspaceName
from remit.domain.release import Configuration
from remit.kernel.ruleset import Ruleset
from remit.storage.approval import Approval
from remit.storage.port import Reads

Rules = Callable[[WorkspaceName, ReleaseId], Ruleset]
"""Returns the rules of a release; raises where they can not be had."""


class Concerned:
    """What concerns one person at an instant."""

    def __init__(self, store: Reads, rules: Rules, workspace: WorkspaceName, person: UserId, now: Instant) -> None:
        self._store = store
        self._runs = RunsRead(store)
        self._rules = rules
        self._workspace = workspace
        self._person = person
        self._now = now
        absent = {
            each.person for each in store.delegations(workspace) if each.delegate == person and each.holds_at(now)
        }
        self._voices = sorted({person} | absent)
        self._channels: list[tuple[ReleaseId, frozenset[ReleaseId]]] | None = None
        self._read: dict[ReleaseId, tuple[Configuration, ...]] = {}

    def expects(self, approvals: Iterable[Approval]) -> None:
        """Read the runs of approvals together, since each of them is to be asked about."""
        self._runs.read_ahead(approval.run for approval in approvals)

    def reads(self, approval: Approval) -> bool:
        """Tell whether the person is in a group of an approval, or stands in now for somebody who is.

        A member must be one in the release that asked and in the one that is active now. Raises what `rules` does.
        """
        groups = {turn.group for each in approval.rules for seat in each.seats for turn in seat}
        return any(self._is_member(voice, group, approval) for voice in self._voices for group in groups)

    def is_asked(self, approval: Approval) -> bool:
        """Tell whether an approval waits for this person now: their turn has come, and they have not approved.

        Nobody of the requester's side is asked, in whoever's place. Raises what `rules` does.
        """
        voted = {vote.person for vote in approval.votes}
        asked = approval.standing(self._now).asked
        voices = {
            voice
            for voice in self._voices
            if voice not in voted and any(self._is_member(voice, group, approval) for group in asked)
        }
        if not voices:
            return False  # as most are: whose side they are on need not be looked up
        side = side_of(self._runs, approval, self._configurations(approval))
        return self._person not in side and not voices <= side.keys()

    def tie(self, approval: Approval) -> Tie | None:
        """Return what ties the person to the requester's side; None: nothing. Raises what `rules` does."""
        return side_of(self._runs, approval, self._configurations(approval)).get(self._person)

    def _is_member(self, voice: UserId, group: GroupName, approval: Approval) -> bool:
        found = [each.groups.get(group) for each in self._configurations(approval)]
        return all(each is not None and voice in each.members for each in found)

    def _configurations(self, approval: Approval) -> Sequence[Configuration]:
        """Return the release that asked, and those active now where it once was."""
        asked = approval.release
        if asked not in self._read:
            active = {now for now, past in self._active() if asked in past}
            ids = (asked, *sorted(active - {asked}))
            self._read[asked] = tuple(self._rules(self._workspace, id).configuration for id in ids)
        return self._read[asked]

    def _active(self) -> list[tuple[ReleaseId, frozenset[ReleaseId]]]:
        """Return what each channel points at now, with all that it ever pointed at."""
        if self._channels is None:
            every = (self._store.activations(self._workspace, name) for name in self._store.channels(self._workspace))
            self._channels = [(past[0].release, frozenset(each.release for each in past)) for past in every if past]
        return self._channels
