"""`remit approvals show`: what an approver sees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click
import orjson

from remit.cli.home import get, home, part
from remit.cli.output import TABLE, document, line, output_option
from remit.cli.session import language_option, workspace_option
from remit.cli.when import moment
from remit.domain.messages import Language
from remit.domain.money import micros_to_usd
from remit.domain.title import without_isolates

WITHHELD = {
    "not_yours": "not shown: you are in no group that must answer, and neither auditor nor admin",
    "erased": "erased: the key they were sealed under has been destroyed",
    "not_kept": "not kept",
}
ORIGINS = {
    "task": "stands in the task text",
    "person": "put there by a person's edit",
    "agent": "made by the agent",
}
HIDDEN = "(hidden: secret)"


@click.command()
@click.argument("approval")
@language_option
@workspace_option
@output_option
def show(approval: str, language: Language, workspace: str | None, output: str) -> None:
    """Show what APPROVAL is for: title, arguments and where they came from, path, and the digest to answer with.

    That you have read the arguments is put on record.
    """
    with home(workspace) as at:
        detail = get(at, f"/approvals/{part(approval)}/detail", language=language)
    if output != TABLE:
        document(detail, output)
        return
    for name, value in (*_facts(detail), *_arguments(detail), *_circumstances(detail)):
        line(f"{name:13} {' '.join(value.split())}" if value else name)


Lines = Iterator[tuple[str, str]]
"""A name with its value, or a whole line and nothing."""


def _facts(detail: Mapping[str, Any]) -> Lines:
    yield without_isolates(detail["title"]["en"]), ""
    yield without_isolates(detail["title"]["ar"]), ""
    yield "approval", detail["id"]
    yield "state", detail["state"]
    yield "action", detail["target"]
    if detail["effect"] is not None:
        yield "effect", f"{detail['effect']}, {'can be undone' if detail['reversible'] else 'can not be undone'}"
    yield "agent", detail["agent"]
    yield "on behalf of", detail["on_behalf_of"]
    yield "approvers", ", ".join(detail["approvers"])
    for answer in detail["answers"]:
        yield "answered", answer_words(answer)
    if detail["missing"]:
        yield "missing", ", ".join(detail["missing"])
    yield "run", detail["run"]
    yield "expires", moment(detail["expires_at"])
    yield "digest", detail["digest"]
    for finding in detail["findings"]:
        yield "held since", finding["words"]


def answer_words(answer: Mapping[str, Any]) -> str:
    """Say who has answered what."""
    groups = ", ".join(answer.get("groups", ()))
    who = f"{answer['by']} for {answer['for']}" if answer.get("for") else answer["by"]
    return f"{who} ({groups}): {answer['answer']}" if groups else f"{who}: {answer['answer']}"


def _arguments(detail: Mapping[str, Any]) -> Lines:
    if detail["withheld"] is not None:
        yield "arguments", WITHHELD.get(detail["withheld"], detail["withheld"])
        return
    yield "arguments", ""
    values = {each["name"]: HIDDEN if each["masked"] else each["value"] for each in detail["arguments"]}
    for written in orjson.dumps(values, option=orjson.OPT_INDENT_2).decode().splitlines():
        yield f"  {written}", ""
    for argument in detail["arguments"]:
        for origin in argument["origins"]:
            yield f"  {origin['path']}: {_origin(origin)}", ""
    if detail["claims"]["task"]:
        yield "the agent says it was told (nobody has checked it)", ""
        for told in detail["claims"]["task"].splitlines()[:20]:
            yield f"  {told[:200]}", ""


def _origin(origin: Mapping[str, Any]) -> str:
    if origin["kind"] == "result":
        return f"stands in what {origin['target']} gave back ({origin['action']})"
    return ORIGINS[origin["kind"]]


def _circumstances(detail: Mapping[str, Any]) -> Lines:
    if detail["path"]:
        yield "path of the run, newest last" + (", the beginning left out" if detail["path_has_earlier"] else ""), ""
    for step in detail["path"]:
        cost = step["cost"].get("micros")
        money = f", {micros_to_usd(cost)}" if cost else ""
        came = f"{step['state']}{', ' if step['outcome'] else ''}{step['outcome']}"
        yield f"  {moment(step['at'])} {step['target']}: {came}{money}", ""
    similar = detail["similar"]
    counts = ", ".join(f"{count} {state}" for state, count in sorted(similar["counts"].items())) or "none"
    yield f"like it, of this agent in the last {similar['days']} days: {counts}", ""
    for each in detail["budgets"]:
        before, after, amount = (_amount(each[name], each["unit"]) for name in ("before", "after", "amount"))
        yield f"budget {each['name']}: {before} used, {after} afterwards, of {amount}", ""


def _amount(amount: int | None, unit: str) -> str:
    if amount is None:
        return "unknown"
    return micros_to_usd(amount) if unit == "micro_usd" else f"{amount:,} {unit}"
