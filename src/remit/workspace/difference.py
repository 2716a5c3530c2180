"""What a release would change, in words that somebody who must approve it understands.

Every field has a line. Those that matter most have words of their own; for any other, what it was and what it becomes.
Nothing is left out because nobody thought of it: a test changes each field in turn.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from remit.domain.release import (
    Budget,
    ChannelGates,
    Configuration,
    Group,
    OnExpiry,
    Order,
    Person,
    PolicyFile,
    Settings,
)
from remit.workspace.agent_difference import agent_changes, agent_summary
from remit.workspace.budget_difference import budget_changes, budget_summary
from remit.workspace.change import Change, ChangeKind
from remit.workspace.prompt_difference import prompt_changes, prompt_summary
from remit.workspace.tool_difference import tool_changes, tool_summary
from remit.workspace.upstream_difference import model_changes, model_summary, server_changes, server_summary
from remit.workspace.wording import differing_fields, same, seconds, shown
from remit.workspace.workflow_difference import workflow_changes, workflow_summary

K = TypeVar("K", bound=str)
T = TypeVar("T")

_Words = Iterator[str]


def changes(before: Configuration | None, after: Configuration) -> tuple[Change, ...]:
    """Return every change: the workspace's first, then those of agents, tools, policies, budgets and people.

    `before` None is an empty workspace: everything is added.
    """
    found = list(_settings_changes(before.settings if before else None, after.settings))
    old = before or Configuration(after.settings, {}, {}, (), (), {}, {})
    found += _named("agent", old.agents, after.agents, agent_summary, agent_changes)
    found += _named("tool", old.tools, after.tools, tool_summary, tool_changes)
    found += _named("server", old.servers, after.servers, server_summary, server_changes)
    found += _named("model", old.models, after.models, model_summary, model_changes)
    found += _named("workflow", old.workflows, after.workflows, workflow_summary, workflow_changes)
    found += _named("prompt", old.prompts, after.prompts, prompt_summary, prompt_changes)
    found += _named("", _by_path(old), _by_path(after), _policy_summary, _policy_changes)
    found += _named("budget", _by_name(old), _by_name(after), budget_summary, budget_changes)
    found += _named("person", old.people, after.people, _person_summary, _person_changes)
    found += _named("group", old.groups, after.groups, _group_summary, _group_changes)
    return tuple(found)


def _named(
    kind: str,
    before: Mapping[K, T],
    after: Mapping[K, T],
    summary: Callable[[T], _Words],
    compare: Callable[[T, T], _Words],
) -> Iterator[Change]:
    for name in sorted(before.keys() | after.keys()):
        resource = f"{kind} {name}" if kind else name
        if name not in before:
            yield from (Change(resource, ChangeKind.ADDED, words) for words in summary(after[name]))
        elif name not in after:
            yield Change(resource, ChangeKind.REMOVED, f"{resource if kind else f'policy file {name}'} is removed")
        elif not same(before[name], after[name]):
            yield from (Change(resource, ChangeKind.CHANGED, words) for words in compare(before[name], after[name]))


def _by_path(configuration: Configuration) -> dict[str, PolicyFile]:
    return {policy.path: policy for policy in configuration.policies}


def _by_name(configuration: Configuration) -> dict[str, Budget]:
    return {budget.name: budget for budget in configuration.budgets}


def _settings_changes(before: Settings | None, after: Settings) -> Iterator[Change]:
    resource = f"workspace {after.name}"
    if before is None:
        yield Change(resource, ChangeKind.ADDED, f"workspace {after.name} is new, in the time zone {after.timezone}")
        return
    for name in differing_fields(before, after):
        old, new = getattr(before, name), getattr(after, name)
        if name == "approval_expiry_s":
            words = f"a hold now waits {seconds(new)} for an answer instead of {seconds(old)}"
        elif name == "activation_people":
            words = f"it now takes {counted(new)} to point a channel at a release instead of {counted(old)}"
        elif name == "sign_in_to_approve":
            words = (
                "besides pay, delete and admin, a signed-in person is now needed to approve"
                f" {shown(new)} instead of {shown(old)}"
            )
        elif name == "channels":
            yield from (Change(resource, ChangeKind.CHANGED, words) for words in _gate_changes(before, after))
            continue
        elif name == "prices":
            words = f"the workspace's own prices changed from {shown(old)} to {shown(new)}"
        else:
            words = f"the workspace's {name} changed from {shown(old)} to {shown(new)}"
        yield Change(resource, ChangeKind.CHANGED, words)


def _gate_changes(before: Settings, after: Settings) -> _Words:
    for channel in sorted({gates.channel for gates in (*before.channels, *after.channels)}):
        old, new = before.gates_of(channel), after.gates_of(channel)
        if old != new:
            yield f"channel {channel} now requires {_required(new)} before it moves instead of {_required(old)}"


def _required(gates: ChannelGates | None) -> str:
    wanted = []
    if gates is not None and gates.tests:
        wanted.append("tests")
    if gates is not None and gates.backtest is not None:
        flips = gates.backtest.unexpected_flips
        wanted.append(f"a backtest of {gates.backtest.days} days with at most {flips} unexpected flips")
    if gates is not None and gates.approval is not None:
        wanted.append(f"a person of {gates.approval}")
    return ", ".join(wanted) or "nothing"


def counted(people: int) -> str:
    """Return how many people, in words."""
    return "one person" if people == 1 else f"{people} people"


def _policy_summary(policy: PolicyFile) -> _Words:
    yield f"policy file {policy.path} is new:\n" + _indented(policy.text.splitlines())


def _policy_changes(before: PolicyFile, after: PolicyFile) -> _Words:
    lines = difflib.unified_diff(before.text.splitlines(), after.text.splitlines(), lineterm="", n=2)
    shown_lines = list(lines)[2:]
    said = _indented(shown_lines) if shown_lines else "  only line endings differ"
    yield f"policy file {after.path} changed:\n{said}"


def _indented(lines: list[str]) -> str:
    return "\n".join(f"  {line}" for line in lines)


def _person_summary(person: Person) -> _Words:
    yield f"{person.id} is new" + (f": {person.name}" if person.name else "")


def _person_changes(before: Person, after: Person) -> _Words:
    for name in differing_fields(before, after):
        yield f"{after.id}: {name} changed from {shown(getattr(before, name))} to {shown(getattr(after, name))}"


def _group_summary(group: Group) -> _Words:
    if group.groups:
        yield f"group {group.name} is new, made of {shown(group.groups)}: {_ORDERS[group.order]}"
        return
    yield f"group {group.name} is new, with {shown(group.members)}"
    plain = Group(group.name)
    if group.quorum > 1 or group.expires_after_s is not None or group.escalate_to is not None:
        yield from _rule_changes(plain, group)


_ORDERS = {
    Order.ANY: "one of them is enough",
    Order.ALL: "all of them must approve",
    Order.CHAIN: "each waits for the one before it",
}


def _group_changes(before: Group, after: Group) -> _Words:
    for member in after.members:
        if member not in before.members:
            yield f"{member} joins the group {after.name}"
    for member in before.members:
        if member not in after.members:
            yield f"{member} leaves the group {after.name}"
    if set(before.members) == set(after.members) and before.members != after.members:
        yield f"group {after.name} lists its members in another order"
    yield from _rule_changes(before, after)
    if before.notify != after.notify:
        yield f"the group {after.name} is now told at {shown(after.notify)} instead of {shown(before.notify)}"


def _rule_changes(before: Group, after: Group) -> _Words:
    name = after.name
    if before.groups != after.groups:
        yield f"group {name} is made of {shown(after.groups)} instead of {shown(before.groups)}"
    if before.order is not after.order:
        yield f"of the groups of {name} {_ORDERS[after.order]}; so far {_ORDERS[before.order]}"
    if before.quorum != after.quorum:
        yield f"{after.quorum} of the group {name} must approve instead of {before.quorum}"
    if before.expires_after_s != after.expires_after_s:
        yield f"group {name} has {_time(after)} to answer instead of {_time(before)}"
    if (before.on_expiry, before.escalate_to) != (after.on_expiry, after.escalate_to):
        yield f"when the group {name} has not answered in time, {_expiry(after)}; so far {_expiry(before)}"


def _time(group: Group) -> str:
    return "the workspace's time" if group.expires_after_s is None else seconds(group.expires_after_s)


def _expiry(group: Group) -> str:
    if group.on_expiry is OnExpiry.EXPIRE and group.escalate_to is None:
        return "the approval expires"
    return f"it passes to {shown(group.escalate_to)} ({group.on_expiry.value})"
