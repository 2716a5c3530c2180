"""`remit explain`: why an action was admitted, held or denied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from remit.cli.amounts import amount
from remit.cli.approval_detail import answer_words
from remit.cli.home import Home, get, home, part
from remit.cli.output import TABLE, clean, coloured, document, fields, line, on_terminal, output_option, wrapped
from remit.cli.policy_text import MOST_LINES, PolicyText, policy_texts
from remit.cli.session import language_option, workspace_option
from remit.cli.turned import Turned
from remit.cli.when import moment
from remit.domain.messages import Language

EXAMPLES = """\b
Examples:
  remit explain act_m83ab50w86rcc0d0b7e7
  remit explain act_m83ab50w86rcc0d0b7e7 --lang ar
  remit explain act_m83ab50w86rcc0d0b7e7 --why
  remit explain act_m83ab50w86rcc0d0b7e7 -o json"""

_MARKS: Mapping[Language, Mapping[bool, str]] = {"en": {True: "yes", False: "no"}, "ar": {True: "نعم", False: "لا"}}
_COLOURS = {"allow": "green", "hold": "yellow", "deny": "red"}


@click.command(epilog=EXAMPLES)
@click.argument("action")
@click.option("--why", is_flag=True, help="Add each policy clause with its value; asking is put on record.")
@language_option
@workspace_option
@output_option
def explain(action: str, why: bool, language: Language, workspace: str | None, output: str) -> None:
    """Say why ACTION was admitted, held or denied: every check, the policies, facts, cost and approvals."""
    with home(workspace) as at:
        found = get(at, f"/actions/{part(action)}", language=language)
        texts = list(policy_texts(at, found["release"], found["policies"]))
        approval = _approval(at, found["approval"])
        reasons = get(at, f"/policies/explain/{part(action)}", language=language)["policies"] if why else None
    if output != TABLE:
        told = [{"policy": text.policy, "file": text.file, "line": text.line, "text": text.text} for text in texts]
        added = {} if reasons is None else {"why": reasons}
        document({**found, "policy_texts": told, "approval_now": approval, **added}, output)
        return
    verdict = found["verdict"]
    line(f"{found['target']}: {verdict}", style=_COLOURS.get(verdict))
    for words in found["words"]:
        click.echo(f"  {wrapped(words, 2) if on_terminal() else clean(words)}")
    line()
    fields(_about(found))
    _write_findings(found)
    _write_policies(texts)
    _write_reasons(reasons or (), language)
    line("facts")
    fields((f"  {name}", value) for name, value in _facts(found["facts"] or {}))
    if approval is not None:
        line("approval")
        fields((f"  {name}", value) for name, value in _approval_rows(approval))


def _about(found: Mapping[str, Any]) -> list[tuple[str, object]]:
    outcome = found["outcome"]
    came = "" if outcome is None else f"{outcome['status']}{' ' if outcome['error'] else ''}{outcome['error']}"
    return [
        ("action", found["id"]),
        ("run", f"{found['run']}, {found['agent']} for {found['on_behalf_of']}"),
        ("at", moment(found["at"])),
        ("release", found["release"]),
        ("state", f"{found['state']}{': ' if came else ''}{came}"),
        ("door", found["assurance"]),
        ("reserved", _cost(found["reserved"])),
        *([] if outcome is None else [("cost", _cost(outcome["cost"]) if outcome["cost"] else "as reserved")]),
    ]


def _cost(cost: Mapping[str, Any]) -> str:
    parts = [amount(cost.get("micros"), "micro_usd") if cost.get("micros") is not None else "no known price"]
    parts += [
        f"{cost[unit]:,} {unit if cost[unit] != 1 else unit[:-1]}" for unit in ("tokens", "calls") if cost.get(unit)
    ]
    return ", ".join(parts)


def _write_findings(found: Mapping[str, Any]) -> None:
    line("checks")
    for finding in found["findings"]:
        verdict = finding["verdict"]
        shown = coloured(f"{verdict:5}", _COLOURS.get(verdict))
        words = wrapped(finding["words"], 19) if on_terminal() else clean(finding["words"])
        click.echo(f"  {shown} {clean(finding['check']):10} {words}")


def _write_policies(texts: list[PolicyText]) -> None:
    line("policies")
    for text in texts:
        line(f"  {text.policy}{f'  {text.file}:{text.line}' if text.line else ''}")
        for written in text.text.splitlines():
            line(f"    {written}")


def _write_reasons(reasons: Sequence[Mapping[str, Any]], language: Language) -> None:
    if reasons:
        line("why")
    for reading in reasons:
        line(f"  {clean(reading['words'])}")
        for clause in reading["clauses"]:
            place = f"{reading['file']}:{clause['line']}" if clause["line"] else ""
            line(f"    {_MARKS[language][clause['holds']]:3} {clean(clause['words'])}  {place}".rstrip())
        _write_marked(reading, language)


def _write_marked(reading: Mapping[str, Any], language: Language) -> None:
    """Write a policy as it stands in its file, with each line marked whose clauses are as the policy wants them."""
    marks: dict[int, bool] = {}
    for clause in reading["clauses"]:
        marks[clause["line"]] = marks.get(clause["line"], True) and clause["holds"]
    for number, written in enumerate(
        reading["text"].splitlines()[:MOST_LINES] if reading["line"] else (), reading["line"]
    ):
        holds = marks.get(number)
        mark = "" if holds is None else _MARKS[language][holds]
        line(f"    {mark:3} {number:>4} | {written}", style=None if holds is None else ("green" if holds else "red"))


def _facts(facts: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """Yield the facts that a decision rests on: counters, budgets and stops, from the workspace down to the run."""
    scopes = facts.get("scopes") or {}
    progress = ((scopes.get("run") or {}).get("state") or {}).get("progress") or {}
    for name in ("steps", "tool_calls", "model_calls"):
        if name in progress:
            yield f"{name.replace('_', ' ')} before", progress[name]
    if progress.get("loop"):
        yield "loop", progress["loop"]
    if facts.get("repeats"):
        yield "same call before", facts["repeats"]
    for level in ("workspace", "team", "agent", "user", "run"):
        scope = scopes.get(level) or {}
        for budget, spend in sorted(((scope.get("state") or {}).get("spends") or {}).items()):
            yield f"budget {budget}", f"{spend[2]:,} spent, {spend[3]:,} set aside ({level})"
        for what, stop in sorted((scope.get("stops") or {}).items()):
            yield f"stop of {what or level}", f"{stop.get('kind')} by {stop.get('by')}"
    if facts.get("withdrawn"):
        yield "release", "withdrawn"


def _approval(at: Home, id: str | None) -> Mapping[str, Any] | None:
    if id is None:
        return None
    try:
        found: Mapping[str, Any] = get(at, f"/approvals/{part(id)}")
    except Turned:
        return None
    return found


def _approval_rows(approval: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    yield "approval", approval["id"]
    yield "state", approval["state"]
    yield "approvers", ", ".join(approval["approvers"])
    for answer in approval["answers"]:
        yield "answered", answer_words(answer)
    if approval["missing"]:
        yield "missing", ", ".join(approval["missing"])
