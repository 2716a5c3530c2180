"""`context.input` of one call as Cedar values, made before any lock is taken."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from remit.domain.release import Tool
from remit.domain.text import is_unicode
from remit.policy.call import MODEL_INPUT
from remit.policy.compiled.values import SetValue, Value
from remit.policy.derived import DerivedFields
from remit.policy.schema import arguments as argument_record
from remit.policy.shapes import I64_MAX, I64_MIN, Many, Record, Shape, Text, Truth, Whole


@dataclass(frozen=True, slots=True)
class Input:
    """What the policies read as `context.input`. Only what fits its schema has values: whoever sends else is denied."""

    values: dict[str, Value] | None


REFUSED = Input(None)


class _Unfit(Exception):
    """A value is not of the type its schema gives it."""


@dataclass(frozen=True, slots=True)
class ToolInput:
    """How the arguments of one tool become policy input. Safe to share between threads."""

    _arguments: Record
    _derived: DerivedFields

    @classmethod
    def of(cls, tool: Tool) -> ToolInput:
        """Read the schema and compile the derived fields of a tool, once. Raises BadExpression."""
        return cls(argument_record(tool), DerivedFields.of(tool))

    def derive(self, arguments: Mapping[str, object]) -> dict[str, int | bool | str]:
        """Compute the derived fields of a call. Raises DerivedError."""
        return self._derived.values(arguments)

    def read(self, arguments: Mapping[str, object], derived: Mapping[str, int | bool | str]) -> Input:
        """Return `context.input`.

        Arguments that policies can not read and nulls of optional ones are left out, 1.0 becomes 1 where an integer
        is declared. Never raises: where a value does not fit its type, or one is missing, the input is REFUSED.
        """
        try:
            if not all(is_unicode(value) for value in derived.values() if isinstance(value, str)):
                return REFUSED
            return Input({**_record(self._arguments, arguments), **derived})
        except (_Unfit, RecursionError):
            return REFUSED


def model_input(arguments: Mapping[str, object]) -> Input:
    """Return `context.input` of a call of a model: exactly the fields there are, or REFUSED."""
    if not arguments.keys() <= MODEL_INPUT.members.keys():
        return REFUSED
    try:
        return Input(_record(MODEL_INPUT, arguments))
    except _Unfit:
        return REFUSED


def _record(shape: Record, values: Mapping[str, object]) -> dict[str, Value]:
    read: dict[str, Value] = {}
    for name, member in shape.members.items():
        value = values.get(name)
        if value is not None:
            read[name] = _value(member.shape, value)
        elif member.required:
            raise _Unfit
    return read


def _value(shape: Shape, value: object) -> Value:
    kind = type(shape)
    if kind is Text:
        if isinstance(value, str) and is_unicode(value):
            return value
    elif kind is Whole:
        return _whole(value)
    elif kind is Truth:
        if isinstance(value, bool):
            return value
    elif isinstance(shape, Record):
        if isinstance(value, Mapping):
            return _record(shape, value)
    elif isinstance(shape, Many) and isinstance(value, Sequence) and not isinstance(value, str):
        return SetValue([_value(shape.element, item) for item in value])
    raise _Unfit


def _whole(value: object) -> int:
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and I64_MIN <= value <= I64_MAX:
        return value
    raise _Unfit
