"""What a channel requires before it points at a release. What counts is what its active release says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from remit.control.policy_tests import Tested
from remit.control.release_refusals import GateClosed
from remit.domain.clock import MICROS_PER_SECOND, Instant
from remit.domain.flip import Comparison, Gap
from remit.domain.ids import GroupName, ReleaseId, UserId, WorkspaceName
from remit.domain.release import BacktestGate, ChannelGates, Group
from remit.storage.candidate import Backtest
from remit.storage.port import Store

DAY_S = 86_400
FRESH_S = DAY_S
"""How old a backtest may be: what was decided since then it has not seen."""

OWN_GAPS = (Gap.AGENT_GONE, Gap.TOOL_GONE, Gap.SCHEMA_CHANGED)
"""Gaps that the candidate itself makes: what it can not decide again it would not allow. They count as flips."""


@dataclass(frozen=True, slots=True)
class Step:
    """Somebody wants a channel to point at a release, or to try it there.

    Attributes:
        base: the release the channel points at now.
        earlier: the channel has pointed at the release before: then it has passed tests and backtest already.
        expected: flips that are wanted, by id; gaps by name.
        tested: runs the release's own tests; asked only where a gate wants to know.
    """

    workspace: WorkspaceName
    channel: str
    release: ReleaseId
    base: str
    earlier: bool
    expected: Sequence[str]
    tested: Callable[[], Sequence[Tested]]


def passed(store: Store, gates: ChannelGates, step: Step, now: Instant) -> dict[str, object]:
    """Return what goes on record of the gates that were passed. Raises GateClosed; who approves is asked elsewhere."""
    evidence: dict[str, object] = {"expected": sorted(step.expected), "earlier": step.earlier}
    if step.earlier:
        return evidence
    if gates.tests:
        evidence["tests"] = _tests(step.tested())
    if gates.backtest is not None:
        evidence["backtest"] = _backtest(store, gates.backtest, step, now)
    return evidence


def _tests(tested: Sequence[Tested]) -> int:
    failed = [each for each in tested if not each.passed]
    if failed or not tested:
        said = f"{len(failed)} of the release's tests fail" if failed else "the release has no tests"
        raise GateClosed("tests", f"{said}: write or mend tests/*.yaml and run `remit policy test DIR`")
    return len(tested)


def _backtest(store: Store, gate: BacktestGate, step: Step, now: Instant) -> str:
    wanted = f"run `remit backtest DIR --history {gate.days}d --channel {step.channel}`"
    found = next((each for each in _fitting(store, gate, step, now)), None)
    if found is None:
        raise GateClosed(
            "backtest",
            f"{step.release} has no whole backtest of {gate.days} days against the active release that was done"
            f" within the last day: {wanted}",
        )
    unexpected = _unexpected(found.comparison, step.expected)
    count = sum(unexpected.values()) + found.comparison.more
    if count > gate.unexpected_flips:
        named = ", ".join(sorted(unexpected)[:10])
        raise GateClosed(
            "backtest",
            f"{count:,} decisions of {found.id} flip unexpectedly, and {gate.unexpected_flips:,} may ({named}):"
            f" look at them and name those that are wanted with `--expect`, or correct the rules and {wanted}",
        )
    return found.id


def _fitting(store: Store, gate: BacktestGate, step: Step, now: Instant) -> Sequence[Backtest]:
    days_us = gate.days * DAY_S * MICROS_PER_SECOND
    return [
        each
        for each in store.backtests(step.workspace, step.release)
        if each.is_whole
        and each.base == step.base
        and each.until - each.since >= min(days_us, each.until)
        and each.until > now - FRESH_S * MICROS_PER_SECOND
    ]


def _unexpected(found: Comparison, expected: Sequence[str]) -> dict[str, int]:
    flips = {flips.key.id: flips.count for flips in found.of_this_change}
    gaps = {gap.value: count for gap, count in found.gaps.items() if gap in OWN_GAPS}
    return {name: count for name, count in (flips | gaps).items() if name not in expected}


@dataclass(frozen=True, slots=True)
class Guard:
    """The gates before a channel, and the groups of the release that sets them."""

    gates: ChannelGates
    groups: Mapping[GroupName, Group]

    @property
    def takes_approval(self) -> bool:
        """Whether a person of a group must agree to what another one proposed."""
        return self.gates.approval is not None

    def check_approver(self, by: str) -> None:
        """Raise GateClosed where whoever agrees to a proposal is not of the group."""
        name = self.gates.approval
        if name is None:
            return
        group = self.groups.get(name)
        if group is None or UserId(by) not in group.members:
            raise GateClosed(
                "approval",
                f"it takes a person of {name} other than the one who proposed it, and {by} is none:"
                " `remit releases activate` is for one of them to run",
            )
