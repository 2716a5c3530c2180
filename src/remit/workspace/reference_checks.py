"""Names that refer to other documents: each must lead somewhere, and each thing has one name."""

from __future__ import annotations

from remit.domain.own_tools import ASKING, DELEGATING
from remit.domain.release import Agent, Budget, BudgetLevel, BudgetUnit, Grant, Settings
from remit.policy.schema import governable
from remit.policy.shapes import Whole
from remit.workspace.draft import Draft, Written, check_listed_once
from remit.workspace.kind import KINDS
from remit.workspace.model_prices import public_price
from remit.workspace.report import Source, meant


def check_references(draft: Draft) -> None:
    """Report duplicates, and names of people, groups, tools, teams and budgets that nobody has."""
    _check_names_differ(draft)
    for group in draft.groups:
        for index, member in enumerate(group.value.members):
            draft.check_known("Person", member, group.source, f"members[{index}]")
    for agent in draft.agents:
        _check_agent(draft, agent)
    for tool in draft.tools:
        if tool.value.server in (ASKING, DELEGATING):
            remedy = "Name its server otherwise, in `server` or before the first dot of its name"
            draft.report.add(tool.source, "name", f"`{tool.value.server}` is of Remit's own tools", remedy)
    _check_priced_once(draft)
    for settings in draft.settings:
        _check_gates(draft, settings)
        _check_temporal(draft, settings)
    for budget, source, path in draft.each_budget():
        if not path:
            _check_subject(draft, budget, source)


def _check_priced_once(draft: Draft) -> None:
    own = {price.model for settings in draft.settings for price in settings.value.prices}
    for model in draft.models:
        if model.value.input_price is not None and model.value.name in own:
            message = f"`{model.value.name}` has a price here and under `prices` in workspace.yaml"
            draft.report.add(model.source, "input_price", message, "Keep one of the two")


def _check_names_differ(draft: Draft) -> None:
    for kind in KINDS:
        if kind in ("Tests", "Budget"):
            continue
        first: dict[str, Source] = {}
        for document in draft.documents.of(kind):
            # There is one workspace, whatever it is called.
            name = "" if kind == "Workspace" else document.name
            if name in first and (name or kind == "Workspace"):
                what = f"the {kind.lower()} `{document.name}`" if name else "the document Workspace"
                _add_duplicate(draft, what, document.source, document.name_key if name else "kind", first[name])
            first.setdefault(name, document.source)
    named: dict[str, Source] = {}
    for budget, source, path in draft.each_budget():
        if budget.name in named:
            where = f"{path}.name" if path else "name"
            _add_duplicate(draft, f"the budget `{budget.name}`", source, where, named[budget.name])
        named.setdefault(budget.name, source)


def _add_duplicate(draft: Draft, what: str, source: Source, path: str, first: Source) -> None:
    remedy = f"Keep one of the two; the first is at {first.file}:{first.node.place.line}"
    draft.report.add(source, path, f"{what} is there twice", remedy)


def _check_agent(draft: Draft, written: Written[Agent]) -> None:
    agent, source = written.value, written.source
    draft.check_known("Person", agent.owner, source, "owner", "Write a Person document with this id in people.yaml")
    check_listed_once(
        (grant.tool for grant in agent.remit.grants), source, "remit.tools", "grants the tool", draft.report
    )
    for index, grant in enumerate(agent.remit.grants):
        _check_grant(draft, grant, source, f"remit.tools[{index}]")
    for index, name in enumerate(agent.remit.agents):
        draft.check_known("Agent", name, source, f"remit.agents[{index}]")
        if name == agent.name:
            remedy = "Leave it out: a run may always be below one of the same agent"
            draft.report.add(source, f"remit.agents[{index}]", "an agent hands work to others", remedy)
    for index, hold in enumerate(agent.remit.holds):
        draft.check_known("Group", hold.approvers, source, f"remit.holds[{index}].approvers")
    loops = agent.remit.loops
    if loops.approvers is not None:
        draft.check_known("Group", loops.approvers, source, "remit.loops.approvers")
    _check_prices(draft, agent, source)


def _check_temporal(draft: Draft, written: Written[Settings]) -> None:
    """Report tools that are not there, and a sum over what is no integer of each of the tools."""
    tools = {tool.value.name: tool.value for tool in draft.tools}
    for fact in written.value.temporal:
        path = f"temporal.{fact.name}"
        for index, name in enumerate(fact.tools):
            draft.check_known("Tool", name, written.source, f"{path}.tools[{index}]")
        if not fact.sum:
            continue
        if not fact.tools:
            draft.report.add(written.source, f"{path}.sum", "a sum needs `tools`", "Name the tools that have the field")
        for name in fact.tools:
            member = governable(tools[name]).members.get(fact.sum) if name in tools else None
            if name in tools and (member is None or not isinstance(member.shape, Whole)):
                message = f"`{fact.sum}` is no integer argument or derived field of `{name}`"
                draft.report.add(written.source, f"{path}.sum", message, "Name one, or write a derived field")


def _check_gates(draft: Draft, written: Written[Settings]) -> None:
    """Report a gate that nobody could open: an approval is one person's word."""
    groups = {group.value.name: group.value for group in draft.groups}
    for gates in written.value.channels:
        if gates.approval is None:
            continue
        path = f"channels.{gates.channel}.requires.approval"
        draft.check_known("Group", gates.approval, written.source, path)
        group = groups.get(gates.approval)
        if group is not None and (group.groups or group.quorum > 1):
            message = f"`{gates.approval}` has a quorum or is made of groups, and one person agrees to a release"
            draft.report.add(written.source, path, message, "Name a group with members and no quorum")


def _check_grant(draft: Draft, grant: Grant, source: Source, path: str) -> None:
    is_short = source.node.place_of(path) == source.node.place_of(f"{path}.tool")
    draft.check_known("Tool", grant.tool, source, path if is_short else f"{path}.tool")


def _check_subject(draft: Draft, budget: Budget, source: Source) -> None:
    if budget.subject is None:
        return
    if budget.level is BudgetLevel.USER:
        draft.check_known("Person", budget.subject, source, "subject")
    elif budget.level in (BudgetLevel.AGENT, BudgetLevel.RUN):
        draft.check_known("Agent", budget.subject, source, "subject")
    elif draft.read_whole("Agent"):
        teams = {written.value.team for written in draft.agents if written.value.team}
        if budget.subject not in teams:
            remedy = meant(budget.subject, teams, "Write the `team` of some agent")
            draft.report.add(source, "subject", f"no agent is of the team `{budget.subject}`", remedy)


def _check_prices(draft: Draft, agent: Agent, source: Source) -> None:
    """Warn of a model that no price is known for where money is counted: every call of it would be denied."""
    if not agent.remit.models or not _is_under_money_budget(draft, agent):
        return
    own = {price.model for written in draft.settings for price in written.value.prices}
    own |= {written.value.name for written in draft.models if written.value.input_price is not None}
    for index, model in enumerate(agent.remit.models):
        if model not in own and public_price(model) is None:
            message = f"no price of `{model}` is known, so every call is denied under a budget in dollars"
            remedy = "Add it to `prices` in workspace.yaml, or correct the name"
            draft.report.add(source, f"remit.models[{index}]", message, remedy, warning=True)


def _is_under_money_budget(draft: Draft, agent: Agent) -> bool:
    for budget, _, _ in draft.each_budget():
        if budget.unit is not BudgetUnit.MICRO_USD:
            continue
        counts = {
            BudgetLevel.TEAM: agent.team is not None and budget.subject in (None, agent.team),
            BudgetLevel.AGENT: budget.subject in (None, agent.name),
            BudgetLevel.RUN: budget.subject in (None, agent.name),
        }
        if counts.get(budget.level, True):
            return True
    return False
