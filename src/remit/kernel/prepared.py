"""What can be known about an action without facts. Worked out by the caller, before the transaction takes its locks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jsonschema_rs import ValidationError

from remit.domain.action import Action, ActionKind
from remit.domain.canonical import canonical, salted_digest
from remit.domain.finding import Code, Finding, Verdict
from remit.domain.ids import ModelName
from remit.domain.prompt import PROMPT_FIELDS
from remit.domain.release import Tool
from remit.domain.run import Run
from remit.kernel.loops.sketch import CallSketch, call_sketch
from remit.kernel.places import steps_to
from remit.kernel.ruleset import Ruleset
from remit.policy.derived import DerivedError
from remit.policy.inputs import Input, model_input

MAX_FAULTS = 8
"""Findings about arguments that are reported of one action; a hostile one could have thousands."""


MAX_PLACE = 200
"""Characters of a place or a rule that are kept."""

UNDECLARED = "(undeclared)"
"""Stands for an argument that the tool does not take: the agent chose its name, and it may be anything."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """An action that was parsed, checked against its schema and converted for the policy engine.

    Attributes:
        digest: binds approvals to exactly these arguments; salted, so that it tells nothing by itself.
        faults: what the grant check will report of the arguments.
        input: the `input` of the policy context; None where there are faults.
    """

    action: Action
    run: Run
    rules: Ruleset
    digest: str
    sketch: CallSketch
    faults: tuple[Finding, ...] = ()
    input: Input | None = None


def prepare(rules: Ruleset, run: Run, action: Action, arguments: bytes | None = None) -> Prepared:
    """Check and convert an action. `arguments` are its canonical bytes, where the caller has them already."""
    raw = canonical(action.arguments) if arguments is None else arguments
    digest = salted_digest(run.salt, action.kind.encode(), action.target.encode(), raw)
    if action.kind is ActionKind.MODEL:
        return _judged(rules, run, action, digest, OF_A_MODEL)
    return _judged(rules, run, action, digest, call_sketch(action.target, raw, run.salt))


def recall(rules: Ruleset, run: Run, action: Action, digest: str) -> Prepared:
    """Check and convert an action on record, to be decided and nothing else.

    How it looks to the loop check is left out: what loops and repeats there were is among the facts.
    """
    return _judged(rules, run, action, digest, NO_SKETCH)


def _without_prompt(action: Action) -> Mapping[str, object]:
    return {name: part for name, part in action.arguments.items() if name not in PROMPT_FIELDS}


def _judged(rules: Ruleset, run: Run, action: Action, digest: str, sketch: CallSketch) -> Prepared:
    if action.kind is ActionKind.MODEL:
        faults = _model_faults(rules, action)
        return Prepared(action, run, rules, digest, sketch, faults, model_input(_without_prompt(action)))
    tool = rules.tool(action.target)
    if tool is None:
        return Prepared(action, run, rules, digest, sketch)
    faults = _argument_faults(rules, tool, action)
    if faults:
        return Prepared(action, run, rules, digest, sketch, faults)
    try:
        derived = rules.input(tool.name).derive(action.arguments)
    except DerivedError as error:
        fault = Finding.of(Code.DERIVED_FAILED, Verdict.DENY, field=error.field, problem=error.code)
        return Prepared(action, run, rules, digest, sketch, (fault,))
    return Prepared(action, run, rules, digest, sketch, (), rules.input(tool.name).read(action.arguments, derived))


NO_SKETCH = CallSketch(b"", b"", b"", b"", (), ())
OF_A_MODEL = CallSketch(b"\xff" * 8, b"", b"", b"", (), ())
"""The loop check looks at tools: no call of a model is in a history, and this digest is that of none."""


def _argument_faults(rules: Ruleset, tool: Tool, action: Action) -> tuple[Finding, ...]:
    """Say what is wrong with the arguments by place and rule; never by value, which may be secret."""
    validator = rules.validator(tool.name)
    arguments = dict(action.arguments)
    if validator.is_valid(arguments):
        return ()
    faults = []
    for error in validator.iter_errors(arguments):
        faults.append(_fault(tool, error))
        if len(faults) == MAX_FAULTS:
            break
    return tuple(faults)


def _rule(error: ValidationError) -> str:
    """Name the schema's rule and what it asks for, as `maximum 500`: the author's words, not the agent's."""
    asked = next((value for name, value in error.kind.as_dict().items() if name in _ASKED), "")
    words = ", ".join(map(str, asked)) if isinstance(asked, list) else str(asked)
    return f"{error.kind.name} {words}".strip()[:MAX_PLACE]


_ASKED = ("types", "options", "limit", "pattern", "format", "expected_value", "multiple_of")


def _fault(tool: Tool, error: ValidationError) -> Finding:
    """Name the argument meant: the one that is missing, or that there is one too many, where its parent is at fault."""
    steps, names = steps_to(tool.input_schema, list(error.instance_path))
    if error.kind.name in _UNKNOWN_KEYS:
        takes = ", ".join(names)[:MAX_PLACE] or "(none)"
        field = _place([*steps, UNDECLARED])
        rule = error.kind.name
        return Finding.of(Code.ARGUMENT_UNKNOWN, Verdict.DENY, field=field, rule=rule, takes=takes, tool=tool.name)
    missing = getattr(error.kind, "property", None)
    if missing is not None:
        steps.append(str(missing))
    return Finding.of(Code.ARGUMENTS_INVALID, Verdict.DENY, field=_place(steps), rule=_rule(error), tool=tool.name)


def _place(steps: list[str]) -> str:
    return ".".join(steps).encode("unicode_escape").decode()[:MAX_PLACE] or "(arguments)"


_UNKNOWN_KEYS = ("additionalProperties", "unevaluatedProperties")


def _model_faults(rules: Ruleset, action: Action) -> tuple[Finding, ...]:
    agent = rules.agent(action.agent)
    if agent is not None and ModelName(action.target) in agent.remit.models:
        return ()
    return (Finding.of(Code.MODEL_NOT_GRANTED, Verdict.DENY, agent=action.agent, model=action.target),)


def model_arguments(provider: str, model: str, input_tokens: int, max_output_tokens: int) -> Mapping[str, int | str]:
    """Return the arguments a model call is decided on, the same fields that the policy schema gives `model.call`."""
    return {
        "provider": provider,
        "model": model,
        "input_tokens": input_tokens,
        "max_output_tokens": max_output_tokens,
    }
