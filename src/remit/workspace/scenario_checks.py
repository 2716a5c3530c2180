"""The workspace's own tests must be about agents, tools, budgets and groups it has."""

from __future__ import annotations

from remit.domain.action import ActionKind
from remit.domain.finding import Code
from remit.domain.own_tools import DELEGATING
from remit.domain.release import BudgetUnit
from remit.workspace.draft import Draft, below
from remit.workspace.kinds.scenarios import WrittenTest
from remit.workspace.report import Source, meant

_KEY = {BudgetUnit.MICRO_USD: "usd", BudgetUnit.TOKENS: "tokens", BudgetUnit.CALLS: "calls"}


def check_scenarios(draft: Draft) -> None:
    """Report tests with one name, and names in tests that nobody has."""
    first: dict[str, tuple[Source, int]] = {}
    for test, source, path in draft.each_test():
        name, line = test.scenario.name, test.scenario.line
        if name in first:
            earlier, earlier_line = first[name]
            remedy = f"Give each its own; the first is at {earlier.file}:{earlier_line}"
            draft.report.add(source, below(path, "name"), "two tests have this name", remedy)
        first.setdefault(name, (source, line))
        _check_names(draft, test, source, path)
        _check_spent(draft, test, source, path)


def _check_names(draft: Draft, test: WrittenTest, source: Source, path: str) -> None:
    scenario = test.scenario
    # A test may show that an unknown agent or tool is refused, if it says that this is the reason.
    if Code.AGENT_UNKNOWN not in scenario.reasons:
        draft.check_known("Agent", scenario.agent, source, below(path, "agent"))
    handed_to = scenario.target.removeprefix(f"{DELEGATING}.")
    if handed_to != scenario.target:
        draft.check_known("Agent", handed_to, source, below(path, "tool"))
    elif scenario.kind is ActionKind.TOOL and Code.TOOL_UNKNOWN not in scenario.reasons:
        draft.check_known("Tool", scenario.target, source, below(path, "tool"))
    for index, agent in enumerate(scenario.facts.above):
        draft.check_known("Agent", agent, source, f"{below(path, 'facts', 'above')}[{index}]")
    for index, group in enumerate(scenario.approvers):
        draft.check_known("Group", group, source, f"{below(path, 'approvers')}[{index}]")
    for tool in scenario.facts.calls:
        draft.check_known("Tool", tool, source, below(path, "facts", "calls", tool))


def _check_spent(draft: Draft, test: WrittenTest, source: Source, path: str) -> None:
    units = {budget.name: budget.unit for budget, _, _ in draft.each_budget()}
    for name, spent in test.spent.items():
        where = below(path, "facts", "spent", name)
        if name not in units:
            if draft.read_whole("Budget", "Agent"):
                remedy = meant(name, units, "Write a budget with this name, or correct it")
                draft.report.add(source, where, f"there is no budget `{name}`", remedy)
        elif units[name] is not spent.unit:
            message = f"`{name}` is not counted in `{_KEY[spent.unit]}`"
            draft.report.add(source, where, message, f"Write `{_KEY[units[name]]}`")
