"""Groups that could never answer: too few different people, an escalation that leads nowhere or in a circle."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

from remit.domain.ids import GroupName
from remit.domain.release import Agent, Group, Order
from remit.workspace.draft import Draft, Written
from remit.workspace.report import Source


def check_groups(draft: Draft) -> None:
    """Report groups that refer to what can not answer for them, and groups whose rules nobody could fulfil."""
    known = {written.value.name: written.value for written in draft.groups}
    for written in draft.groups:
        group, source = written.value, written.source
        if group.escalate_to is not None:
            _check_refers(draft, group.escalate_to, source, "escalate_to", known)
            _check_circle(draft, group, source, known)
        for index, name in enumerate(group.groups):
            _check_refers(draft, name, source, f"groups[{index}]", known)
        _check_people(draft, group, source, known)
    for agent in draft.agents:
        _check_owner(draft, agent, known)


def _check_refers(draft: Draft, name: GroupName, source: Source, path: str, known: Mapping[GroupName, Group]) -> None:
    draft.check_known("Group", name, source, path)
    if name in known and known[name].groups:
        remedy = "Name a group that has `members`"
        draft.report.add(source, path, f"`{name}` is made of groups itself", remedy)


def _check_circle(draft: Draft, group: Group, source: Source, known: Mapping[GroupName, Group]) -> None:
    passed = [group.name]
    following = group.escalate_to
    while following is not None and following in known:
        if following in passed:
            if following == group.name:  # a circle further on is reported where it is
                way = " to ".join(f"`{name}`" for name in [*passed, following])
                remedy = "Let the last one have `on_expiry: expire`"
                draft.report.add(source, "escalate_to", f"the escalation goes round in a circle: {way}", remedy)
            return
        passed.append(following)
        following = known[following].escalate_to


def _check_people(draft: Draft, group: Group, source: Source, known: Mapping[GroupName, Group]) -> None:
    """Report a group of groups that needs more people than there are, since one person counts once (Hall's theorem)."""
    parts = [known[name] for name in group.groups if name in known]
    if group.order is Order.ANY:
        return
    for size in range(2, len(parts) + 1):
        for some in combinations(parts, size):
            people = {member for part in some for member in part.members}
            needed = sum(part.quorum for part in some)
            if needed > len(people):
                names = ", ".join(f"`{part.name}`" for part in some)
                said = f"{needed} different people must approve for {names}, and they have {len(people)} between them"
                draft.report.add(source, "groups", said, "Add members: one person counts once in an approval")
                return


def _check_owner(draft: Draft, written: Written[Agent], known: Mapping[GroupName, Group]) -> None:
    """Warn of a hold that its group can never answer, since nobody approves for an agent of their own."""
    agent = written.value
    for index, hold in enumerate(agent.remit.holds):
        group = known.get(hold.approvers)
        if group is None or not group.members:
            continue
        left = [member for member in group.members if member != agent.owner]
        if len(left) < group.quorum:
            said = f"without {agent.owner}, who owns {agent.name}, `{group.name}` has {len(left)} of the"
            remedy = "Add members, or name another group"
            path = f"remit.holds[{index}].approvers"
            draft.report.add(written.source, path, f"{said} {group.quorum} who must approve", remedy, warning=True)
