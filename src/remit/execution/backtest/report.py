"""What a backtest found, as values: totals, decisions by cause, runs that broke a rule, loops."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from remit.domain.action import OutcomeStatus
from remit.domain.finding import Code, Finding, Verdict
from remit.domain.messages import say
from remit.execution.backtest.passage import PassedCall, PassedRun
from remit.execution.backtest.recording import RecordedRun

_QUIET = frozenset(code for code in Code if code.value.endswith((".ok", ".none", ".permitted")))
"""Findings that say that all is well; nobody counts them."""

NOT_DISPATCHED = "not_dispatched"


@dataclass(frozen=True, slots=True)
class Place:
    """A call: the line of its run in the file, and its number in the run. Both count from 1."""

    run: int
    call: int

    def as_json(self) -> dict[str, int]:
        """Return the form that stands in the JSON report."""
        return {"run": self.run, "call": self.call}


@dataclass(frozen=True, slots=True)
class Count:
    """How often one thing happened, in how many runs, and where first."""

    calls: int
    runs: int
    first: Place


@dataclass(frozen=True, slots=True)
class CodeCount:
    """Findings of one code and verdict."""

    code: Code
    verdict: Verdict
    count: Count


@dataclass(frozen=True, slots=True)
class PolicyCount:
    """Decisions in which one policy had a say. `effect` is permit, forbid, hold or error."""

    policy: str
    effect: str
    reason: str
    count: Count


@dataclass(frozen=True, slots=True)
class ToolCount:
    """Decisions on one tool, by verdict."""

    tool: str
    decisions: Mapping[Verdict, int]

    @property
    def calls(self) -> int:
        """All of them."""
        return sum(self.decisions.values())


@dataclass(frozen=True, slots=True)
class JudgedCall:
    """A call that was denied for what it is, or held, and why."""

    call: int
    tool: str
    reasons: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class JudgedRun:
    """A run with the calls in it that broke a rule, or with those that a person would have had to decide."""

    run: int
    title: str
    reward: float | None
    calls: tuple[JudgedCall, ...]

    @property
    def first_cause(self) -> str:
        """What it was first denied or held for: a policy's id, or else a code."""
        return cause(self.calls[0].reasons[0])


@dataclass(frozen=True, slots=True)
class LoopingRun:
    """A run in which a loop was detected. `calls_after` counts what it still called after that."""

    run: int
    title: str
    reward: float | None
    call: int
    code: Code
    calls_after: int


@dataclass(frozen=True, slots=True)
class Report:
    """Everything a backtest found. `outcomes` counts calls by how they were settled, or `not_dispatched`."""

    runs: int
    decisions: Mapping[Verdict, int]
    outcomes: Mapping[str, int]
    tools: tuple[ToolCount, ...]
    policies: tuple[PolicyCount, ...]
    codes: tuple[CodeCount, ...]
    broken: tuple[JudgedRun, ...]
    held: tuple[JudgedRun, ...]
    loops: tuple[LoopingRun, ...]

    @property
    def calls(self) -> int:
        """Calls that were decided."""
        return sum(self.decisions.values())

    @property
    def first_denials(self) -> Mapping[str, int]:
        """Runs by what they were first denied for, the most frequent first."""
        return dict(Counter(run.first_cause for run in self.broken).most_common())


def cause(finding: Finding) -> str:
    """Return what a finding is counted under: the policy that made it, or else its code."""
    policy = finding.param("policy")
    return finding.code.value if policy is None else str(policy)


def report(passed: Iterable[PassedRun]) -> Report:
    """Count what became of the runs."""
    tally = _Tally()
    for run in passed:
        tally.take(run)
    return tally.report()


@dataclass(slots=True)
class _Seen:
    """A count that grows."""

    calls: int = 0
    runs: set[int] = field(default_factory=set)
    first: Place | None = None

    def at(self, place: Place) -> None:
        self.calls += 1
        self.runs.add(place.run)
        self.first = self.first or place

    def count(self) -> Count:
        assert self.first is not None
        return Count(self.calls, len(self.runs), self.first)


@dataclass(slots=True)
class _Tally:
    """What has been counted so far; only the findings of denials are kept, so that memory follows those."""

    runs: int = 0
    decisions: Counter[Verdict] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    tools: dict[str, Counter[Verdict]] = field(default_factory=dict)
    policies: dict[tuple[str, str, str], _Seen] = field(default_factory=dict)
    codes: dict[tuple[Code, Verdict], _Seen] = field(default_factory=dict)
    broken: list[JudgedRun] = field(default_factory=list)
    held: list[JudgedRun] = field(default_factory=list)
    loops: list[LoopingRun] = field(default_factory=list)

    def take(self, run: PassedRun) -> None:
        self.runs += 1
        for call in run.calls:
            self._count(call, Place(run.recorded.line, call.number))
        self.broken += _judged(run.recorded, (call for call in run.calls if call.breaks_rule))
        self.held += _judged(run.recorded, (call for call in run.calls if call.verdict is Verdict.HOLD))
        looping = _looping(run.recorded, run.calls)
        if looping is not None:
            self.loops.append(looping)

    def _count(self, call: PassedCall, place: Place) -> None:
        self.decisions[call.verdict] += 1
        self.outcomes[NOT_DISPATCHED if call.outcome is None else call.outcome.value] += 1
        self.tools.setdefault(call.tool, Counter())[call.verdict] += 1
        for code, verdict in dict.fromkeys((finding.code, finding.verdict) for finding in call.findings):
            if code not in _QUIET:
                self.codes.setdefault((code, verdict), _Seen()).at(place)
        for key in _policies(call):
            self.policies.setdefault(key, _Seen()).at(place)

    def report(self) -> Report:
        return Report(
            runs=self.runs,
            decisions={verdict: self.decisions[verdict] for verdict in Verdict},
            outcomes={name: self.outcomes[name] for name in (*map(str, OutcomeStatus), NOT_DISPATCHED)},
            tools=tuple(ToolCount(tool, dict(self.tools[tool])) for tool in sorted(self.tools)),
            policies=tuple(PolicyCount(*key, seen.count()) for key, seen in sorted(self.policies.items())),
            codes=tuple(CodeCount(*key, seen.count()) for key, seen in sorted(self.codes.items())),
            broken=tuple(self.broken),
            held=tuple(self.held),
            loops=tuple(self.loops),
        )


_EFFECTS = {Code.POLICY_FORBIDDEN: "forbid", Code.POLICY_HOLD: "hold", Code.POLICY_ERROR: "error"}


def _policies(call: PassedCall) -> Iterable[tuple[str, str, str]]:
    """Yield id, effect and reason of every policy that had a say."""
    said = [finding for finding in call.findings if finding.code in _EFFECTS]
    for finding in said:
        yield cause(finding), _EFFECTS[finding.code], str(finding.param("reason") or "")
    against = {cause(finding) for finding in said}
    for policy in call.policies:
        if policy not in against:
            yield policy, "permit", ""


def _judged(run: RecordedRun, calls: Iterable[PassedCall]) -> Iterable[JudgedRun]:
    """Yield the run with these calls where there is any."""
    found = tuple(JudgedCall(call.number, call.tool, call.reasons) for call in calls)
    if found:
        yield JudgedRun(run.line, run.title, run.reward, found)


def _looping(run: RecordedRun, calls: tuple[PassedCall, ...]) -> LoopingRun | None:
    first = next((call for call in calls if call.loop is not None), None)
    if first is None or first.loop is None:
        return None
    after = sum(call.number > first.number for call in calls)
    return LoopingRun(run.line, run.title, run.reward, first.number, first.loop.code, after)


def as_json(found: Report) -> dict[str, object]:
    """Return the whole report as plain JSON; docs/how-to/backtest.md describes it."""
    return {
        "runs": found.runs,
        "calls": found.calls,
        "decisions": {verdict.word: count for verdict, count in found.decisions.items()},
        "outcomes": dict(found.outcomes),
        "tools": [
            {"tool": each.tool, "calls": each.calls}
            | {verdict.word: each.decisions.get(verdict, 0) for verdict in Verdict}
            for each in found.tools
        ],
        "policies": [
            {"policy": each.policy, "effect": each.effect, "reason": each.reason} | _count_json(each.count)
            for each in found.policies
        ],
        "codes": [
            {"code": each.code.value, "verdict": each.verdict.word} | _count_json(each.count) for each in found.codes
        ],
        "broken": [_judged_json(run) for run in found.broken],
        "first_denials": dict(found.first_denials),
        "held": [_judged_json(run) for run in found.held],
        "loops": [_loop_json(run) for run in found.loops],
    }


def _count_json(count: Count) -> dict[str, object]:
    return {"calls": count.calls, "runs": count.runs, "first": count.first.as_json()}


def _judged_json(run: JudgedRun) -> dict[str, object]:
    calls = [
        {
            "call": call.call,
            "tool": call.tool,
            "reasons": [finding.as_json() | {"words": say(finding)} for finding in call.reasons],
        }
        for call in run.calls
    ]
    return {"run": run.run, "title": run.title, "reward": run.reward, "calls": calls}


def _loop_json(run: LoopingRun) -> dict[str, object]:
    return {
        "run": run.run,
        "title": run.title,
        "reward": run.reward,
        "call": run.call,
        "code": run.code.value,
        "calls_after": run.calls_after,
    }
