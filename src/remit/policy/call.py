"""What policies can read about the call itself: one table, for the schema, the validation and the docs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from remit.domain.action import Assurance
from remit.domain.text import is_unicode
from remit.policy.compiled.values import I64_MAX, I64_MIN, Ref, Value
from remit.policy.shapes import EntityOf, Member, Record, Shape, Text, Truth, Whole


@dataclass(frozen=True, slots=True)
class CallField:
    """One attribute of `context.call`. An optional one must be tested with `has` before it is read."""

    name: str
    shape: Shape
    meaning: str
    required: bool = True


CALL_FIELDS = (
    CallField("now_s", Whole(0), "when the action is decided, in seconds since 1970-01-01T00:00:00Z"),
    CallField("hour", Whole(0, 23), "the hour of the day in the workspace's time zone, 0 to 23"),
    CallField("weekday", Whole(1, 7), "the day of the week in the workspace's time zone, 1 (Monday) to 7"),
    CallField("on_behalf_of", EntityOf("User"), "the person the run acts for"),
    CallField(
        "verified",
        Truth(),
        "whether it is known for whom the run acts, by an identity token or its starter; else its agent says so",
    ),
    CallField("purpose", Text(), "what the run is for; the purpose of the agent where the run was given none"),
    CallField("depth", Whole(0), "how many runs stand above this one; 0 for a run that no agent started"),
    CallField("steps", Whole(0), "actions of this run so far, of every kind, without this one"),
    CallField("tool_calls", Whole(0), "tool calls of this run so far, without this one"),
    CallField("model_calls", Whole(0), "model calls of this run so far, without this one"),
    CallField("loop_repeats", Whole(0), "how often this run has already made this very call"),
    CallField(
        "budget_left_micro_usd",
        Whole(),
        "the smallest amount left among the money budgets that apply, in micro-USD; absent where none does",
        required=False,
    ),
    CallField(
        "assurance",
        Text(frozenset(assurance.value for assurance in Assurance)),
        "how surely the door enforces: `enforced`, `cooperative` or `observed`",
    ),
)

TEMPORAL = "temporal"
"""The field of `context.call` that holds temporal facts, where the workspace declares any."""

CALL = Record({field.name: Member(field.shape, field.required) for field in CALL_FIELDS})


def call_record(temporal: Iterable[str]) -> Record:
    """Return the shape of `context.call` where a workspace declares temporal facts of these names."""
    facts = {name: Member(Whole(0)) for name in temporal}
    return Record({**CALL.members, TEMPORAL: Member(Record(facts))}) if facts else CALL


MODEL_INPUT = Record(
    {
        "provider": Member(Text()),
        "model": Member(Text()),
        "input_tokens": Member(Whole(0)),
        "max_output_tokens": Member(Whole(0)),
    }
)
"""`context.input` of `model.call`: whom the call goes to, and the tokens it may use at most."""


_TYPES: Mapping[type, type] = {Whole: int, Text: str, Truth: bool, EntityOf: Ref}
_REQUIRED = tuple((field.name, _TYPES[type(field.shape)]) for field in CALL_FIELDS if field.required)
_OPTIONAL = tuple((field.name, _TYPES[type(field.shape)]) for field in CALL_FIELDS if not field.required)


OPTIONAL = frozenset(name for name, _ in _OPTIONAL)
"""The facts that may be absent. They cost the most to work out, and are left out where no policy reads them."""


def fits(call: Mapping[str, Value], temporal: frozenset[str] = frozenset()) -> bool:
    """Tell whether `context.call` is what its schema says: every field there, of its type, and no other."""
    for name, kind in _REQUIRED:
        value = call.get(name)
        # Asked of every fact of every decision: what `_is` says of a whole number, without calling it.
        if type(value) is not kind or not (I64_MIN <= value <= I64_MAX if kind is int else _is(value, kind)):  # type: ignore[operator]
            return False
    if len(call) == len(_REQUIRED):
        return not temporal
    there = [name for name, kind in _OPTIONAL if name in call and _is(call[name], kind)]
    if not temporal:
        return len(call) == len(_REQUIRED) + len(there)
    facts = call.get(TEMPORAL)
    if not isinstance(facts, dict) or facts.keys() != temporal:
        return False
    return len(call) == len(_REQUIRED) + len(there) + 1 and all(_is(value, int) for value in facts.values())


def _is(value: Value | None, kind: type) -> bool:
    if type(value) is not kind:
        return False
    if kind is int:
        return I64_MIN <= value <= I64_MAX  # type: ignore[operator]
    return kind is not str or is_unicode(value)  # type: ignore[arg-type]
