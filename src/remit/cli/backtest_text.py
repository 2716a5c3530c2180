"""A backtest's report for people, in 80 columns."""

from __future__ import annotations

import textwrap

from remit.cli.output import NARROWEST, line
from remit.domain.finding import Check, Code, Verdict
from remit.domain.messages import say
from remit.execution.backtest.report import Count, JudgedCall, JudgedRun, LoopingRun, Report, cause

_SAID_BY_POLICY = frozenset({Code.POLICY_FORBIDDEN, Code.POLICY_HOLD, Code.POLICY_ERROR})
_COLOURS = {Verdict.ALLOW: None, Verdict.HOLD: "yellow", Verdict.DENY: "red"}
_NAME_WIDTH = 40


def write_report(found: Report, heading: str, throughput: str) -> None:
    """Write the whole report to standard output."""
    _wrapped(f"Backtest of {heading}", "")
    line()
    _totals(found)
    _tools(found)
    _causes(found)
    _broken(found)
    _loops(found)
    _wrapped(throughput, "")


def _totals(found: Report) -> None:
    line(f"{found.runs:,} runs, {found.calls:,} calls")
    for verdict in Verdict:
        count = found.decisions[verdict]
        share = 100 * count / max(1, found.calls)
        said = f"  {verdict.word:<6}{count:>9,}{share:>8.1f} %"
        line(said, style=_COLOURS[verdict] if count else None)
    outcomes = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in found.outcomes.items())
    _wrapped(f"outcomes: {outcomes}", "  ")
    line()


def _tools(found: Report) -> None:
    line(f"{'By tool':<{_NAME_WIDTH}}{'calls':>8}{'allow':>8}{'hold':>8}{'deny':>8}")
    for each in found.tools:
        numbers = "".join(f"{each.decisions.get(verdict, 0):>8,}" for verdict in Verdict)
        line(f"  {_cut(each.tool)}{each.calls:>8,}{numbers}")
    line()


def _causes(found: Report) -> None:
    """Write what was not simply permitted: policies by id, everything else by its finding's code."""
    rows = [(each.effect, each.policy, each.count) for each in found.policies if each.effect != "permit"]
    rows += [
        (each.verdict.word if each.verdict is not Verdict.ALLOW else "note", each.code.value, each.count)
        for each in found.codes
        if each.code not in _SAID_BY_POLICY and each.code.check is not Check.OVERSIGHT
    ]
    if not rows:
        line("Nothing but permits.")
    else:
        line(f"{'By policy and finding':<{_NAME_WIDTH + 8}}{'calls':>7}{'runs':>6}  first")
    for effect, name, count in rows:
        line(f"  {effect:<8}{_cut(name)}{_counted(count)}")
    line()


def _counted(count: Count) -> str:
    return f"{count.calls:>5,}{count.runs:>6,}  {count.first.run}, call {count.first.call}"


def _broken(found: Report) -> None:
    line(f"Runs that broke a rule: {len(found.broken)}")
    for run in found.broken:
        line(f"  {_named(run)}")
        for call in run.calls:
            _call(call)
    if found.broken:
        line()
        line(f"{'By what they were first denied for':<{_NAME_WIDTH}}{'runs':>8}")
        for name, count in found.first_denials.items():
            line(f"  {_cut(name)}{count:>8,}")
    line()


def _call(call: JudgedCall) -> None:
    causes = dict.fromkeys(cause(finding) for finding in call.reasons)
    _wrapped(f"call {call.call}, {call.tool}: {', '.join(causes)}", "    ")
    for words in dict.fromkeys(say(finding) for finding in call.reasons):
        _wrapped(words, "      ")


def _loops(found: Report) -> None:
    line(f"Runs in which a loop was detected: {len(found.loops)}")
    for run in found.loops:
        after = "the last call" if not run.calls_after else f"{run.calls_after} calls came after"
        _wrapped(f"{_named(run)}: {run.code} at call {run.call}, {after}", "  ")
    line()


def _named(run: JudgedRun | LoopingRun) -> str:
    title = f" ({run.title})" if run.title else ""
    reward = "" if run.reward is None else f", reward {run.reward:g}"
    return f"run {run.run}{title}{reward}"


def _cut(name: str) -> str:
    width = _NAME_WIDTH - 2
    return f"{name if len(name) < width else name[: width - 2] + '…':<{width}}"


def _wrapped(text: str, indent: str) -> None:
    for part in textwrap.wrap(text, NARROWEST, initial_indent=indent, subsequent_indent=indent + "  "):
        line(part)
