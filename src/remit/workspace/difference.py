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
    Person,
    PolicyFile,
    Settings,
)
from remit.domain.said import Part, Said
from remit.workspace.agent_difference import agent_changes, agent_summary
from remit.workspace.budget_difference import budget_changes, budget_summary
from remit.workspace.change import Change, ChangeKind
from remit.workspace.prompt_difference import prompt_changes, prompt_summary
from remit.workspace.tool_difference import tool_changes, tool_summary
from remit.workspace.upstream_difference import model_changes, model_summary, server_changes, server_summary
from remit.workspace.wording import changed_from, differing_fields, said, same, seconds, shown
from remit.workspace.workflow_difference import workflow_changes, workflow_summary

K = TypeVar("K", bound=str)
T = TypeVar("T")

_Words = Iterator[Said]


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
            yield from (Change(resource, ChangeKind.ADDED, each) for each in summary(after[name]))
        elif name not in after:
            gone = said("removed", what=said(f"thing.{kind or 'policy'}", name=name))
            yield Change(resource, ChangeKind.REMOVED, gone)
        elif not same(before[name], after[name]):
            yield from (Change(resource, ChangeKind.CHANGED, each) for each in compare(before[name], after[name]))


def _by_path(configuration: Configuration) -> dict[str, PolicyFile]:
    return {policy.path: policy for policy in configuration.policies}


def _by_name(configuration: Configuration) -> dict[str, Budget]:
    return {budget.name: budget for budget in configuration.budgets}


def _settings_changes(before: Settings | None, after: Settings) -> Iterator[Change]:
    resource = f"workspace {after.name}"
    if before is None:
        yield Change(resource, ChangeKind.ADDED, said("workspace.new", name=after.name, zone=after.timezone))
        return
    for name in differing_fields(before, after):
        old, new = getattr(before, name), getattr(after, name)
        if name == "channels":
            yield from (Change(resource, ChangeKind.CHANGED, each) for each in _gate_changes(before, after))
            continue
        if name == "approval_expiry_s":
            words = said("workspace.expiry", new=seconds(new), old=seconds(old))
        elif name == "activation_people":
            words = said("workspace.people", new=Said("person", count=new), old=Said("person", count=old))
        elif name == "sign_in_to_approve":
            words = said("workspace.sign_in", new=shown(new), old=shown(old))
        elif name == "prices":
            words = said("workspace.prices", new=shown(new), old=shown(old))
        else:
            words = said("workspace.changed", field=name, new=shown(new), old=shown(old))
        yield Change(resource, ChangeKind.CHANGED, words)


def _gate_changes(before: Settings, after: Settings) -> _Words:
    for channel in sorted({gates.channel for gates in (*before.channels, *after.channels)}):
        old, new = before.gates_of(channel), after.gates_of(channel)
        if old != new:
            yield said("gate.changed", channel=channel, new=_required(new), old=_required(old))


def _required(gates: ChannelGates | None) -> Part:
    wanted = []
    if gates is not None and gates.tests:
        wanted.append(said("gate.tests"))
    if gates is not None and gates.backtest is not None:
        days, flips = gates.backtest.days, gates.backtest.unexpected_flips
        wanted.append(said("gate.backtest", days=str(days), flips=str(flips)))
    if gates is not None and gates.approval is not None:
        wanted.append(said("gate.person", group=gates.approval))
    return tuple(wanted) or said("nothing")


def _policy_summary(policy: PolicyFile) -> _Words:
    yield said("policy.new", name=policy.path, text=_indented(policy.text.splitlines()))


def _policy_changes(before: PolicyFile, after: PolicyFile) -> _Words:
    lines = difflib.unified_diff(before.text.splitlines(), after.text.splitlines(), lineterm="", n=2)
    text = _indented(list(lines)[2:])
    yield said("policy.changed" if text else "policy.endings", name=after.path, text=text)


def _indented(lines: list[str]) -> str:
    return "\n".join(f"  {line}" for line in lines)


def _person_summary(person: Person) -> _Words:
    yield said("person.new_named" if person.name else "person.new", name=person.id, called=person.name)


def _person_changes(before: Person, after: Person) -> _Words:
    for name in differing_fields(before, after):
        yield changed_from(after.id, name, shown(getattr(before, name)), shown(getattr(after, name)))


def _group_summary(group: Group) -> _Words:
    if group.groups:
        order = said(f"order.{group.order.value}")
        yield said("group.new_of", name=group.name, groups=shown(group.groups), order=order)
        return
    yield said("group.new", name=group.name, members=shown(group.members))
    plain = Group(group.name)
    if group.quorum > 1 or group.expires_after_s is not None or group.escalate_to is not None:
        yield from _rule_changes(plain, group)


def _group_changes(before: Group, after: Group) -> _Words:
    name = after.name
    for member in after.members:
        if member not in before.members:
            yield said("group.joins", name=name, member=member)
    for member in before.members:
        if member not in after.members:
            yield said("group.leaves", name=name, member=member)
    if set(before.members) == set(after.members) and before.members != after.members:
        yield said("group.listed", name=name)
    yield from _rule_changes(before, after)
    if before.notify != after.notify:
        yield said("group.told", name=name, new=shown(after.notify), old=shown(before.notify))


def _rule_changes(before: Group, after: Group) -> _Words:
    name = after.name
    if before.groups != after.groups:
        yield said("group.made_of", name=name, new=shown(after.groups), old=shown(before.groups))
    if before.order is not after.order:
        old, new = (said(f"order.{each.order.value}") for each in (before, after))
        yield said("group.order", name=name, new=new, old=old)
    if before.quorum != after.quorum:
        yield said("group.quorum", name=name, new=str(after.quorum), old=str(before.quorum))
    if before.expires_after_s != after.expires_after_s:
        yield said("group.time", name=name, new=_time(after), old=_time(before))
    if (before.on_expiry, before.escalate_to) != (after.on_expiry, after.escalate_to):
        yield said("group.late", name=name, new=_expiry(after), old=_expiry(before))


def _time(group: Group) -> Said:
    return said("late.time") if group.expires_after_s is None else seconds(group.expires_after_s)


def _expiry(group: Group) -> Said:
    if group.on_expiry is OnExpiry.EXPIRE and group.escalate_to is None:
        return said("late.expires")
    return said("late.passes", group=shown(group.escalate_to), how=group.on_expiry.value)
