"""A recorded decision, made again under other rules: the facts as they were, the arguments as they were."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from remit.domain.action import Action, ActionKind, Assurance, Cost
from remit.domain.decision import Decision
from remit.domain.facts import Facts
from remit.domain.finding import Code
from remit.domain.flip import Gap
from remit.domain.run import Run
from remit.execution import metering
from remit.kernel.decide import VERSION, decide
from remit.kernel.prepared import Prepared, recall
from remit.kernel.ruleset import Ruleset

_UNFIT = frozenset({Code.ARGUMENTS_INVALID.value, Code.ARGUMENT_UNKNOWN.value, Code.DERIVED_FAILED.value})


@dataclass(frozen=True, slots=True)
class Past:
    """One `decision_made` record, the run it was made in, and the arguments it was made on."""

    record: Mapping[str, Any]
    run: Run
    arguments: Mapping[str, Any]

    @property
    def action(self) -> str:
        """The action's id."""
        return str(self.record["action"])

    def decision(self) -> Decision:
        """Return what was decided."""
        return Decision.from_json(self.record["decision"])


def decide_again(rules: Ruleset, past: Past) -> Decision | Gap:
    """Decide under `rules` what was decided under others, or say why that can not be done.

    Budgets, counts, stops and approvals are as the record has them; a budget that was not there yet has nothing spent.
    What the call may cost at most is by the price that `rules` give.
    """
    record = past.record
    if record["kernel"] != VERSION:
        return Gap.OTHER_KERNEL
    if rules.agent(record["agent"]) is None:
        return _gap(past, Code.AGENT_UNKNOWN, Gap.AGENT_GONE) or _decided(rules, past)
    if record["action_kind"] == ActionKind.TOOL.value and rules.tool(record["target"]) is None:
        return _gap(past, Code.TOOL_UNKNOWN, Gap.TOOL_GONE) or _decided(rules, past)
    return _decided(rules, past)


def _decided(rules: Ruleset, past: Past) -> Decision | Gap:
    if _lacks_fact(rules, past):
        return Gap.FACT_MISSING
    call = _called(rules, past)
    if call.faults and call.action.kind is ActionKind.TOOL and not _codes(past) & _UNFIT:
        return Gap.SCHEMA_CHANGED
    return decide(Facts.from_json(past.record["facts"]), call)


def _lacks_fact(rules: Ruleset, past: Past) -> bool:
    """Tell whether a policy that has a say reads a temporal fact that nobody counted when the record was written."""
    counted = past.record["facts"].get("temporal", {})
    lacking = [fact.name for fact in rules.configuration.settings.temporal if fact.key not in counted]
    return bool(lacking) and rules.reads_temporal(past.record["agent"], past.record["target"], lacking)


def _called(rules: Ruleset, past: Past) -> Prepared:
    record = past.record
    kind = ActionKind(record["action_kind"])
    action = Action(
        id=record["action"],
        workspace=past.run.workspace,
        run=past.run.id,
        agent=record["agent"],
        kind=kind,
        target=record["target"],
        arguments=past.arguments,
        cost=worst_cost(rules, past),
        on_behalf_of=record["on_behalf_of"],
        assurance=Assurance(record["assurance"]),
        definition=record.get("definition", ""),
    )
    return recall(rules, past.run, action, record["arguments_digest"])


def worst_cost(rules: Ruleset, past: Past) -> Cost:
    """Return what the action may cost at most by the rules' own prices, as the door works it out."""
    target = past.record["target"]
    if past.record["action_kind"] == ActionKind.TOOL.value:
        recorded, tool = Cost.from_json(past.record["cost"]), rules.tool(target)
        return recorded if tool is None else Cost(tool.cost_per_call, recorded.tokens, recorded.calls)
    provider, _, name = target.partition("/")
    most = metering.Usage(past.arguments["input_tokens"], past.arguments["max_output_tokens"])
    return metering.worst_case(rules.configuration, provider, name, most)


def _gap(past: Past, code: Code, gap: Gap) -> Gap | None:
    """Return the gap, unless what is gone was not there then either: that decision can be made again."""
    return None if code.value in _codes(past) else gap


def _codes(past: Past) -> set[str]:
    return {finding["code"] for finding in past.record["decision"]["findings"]}
