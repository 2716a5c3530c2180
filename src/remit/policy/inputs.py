"""`context.input` of one call as JSON text, made before any lock is taken."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson

from remit.domain.release import Tool
from remit.policy.derived import DerivedFields
from remit.policy.schema import arguments as argument_record
from remit.policy.shapes import I64_MAX, I64_MIN, Many, Record, Shape, Text, Truth, Whole

REFUSED = b"null"
"""JSON text that is no valid `context.input` under any schema: whoever sends it is denied."""


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

    def context(self, arguments: Mapping[str, object], derived: Mapping[str, object]) -> bytes:
        """Return the JSON text of `context.input`.

        Arguments that policies can not read and nulls of optional ones are left out, 1.0 becomes 1 where an integer
        is declared. Never raises: a value that does not fit its type is written as null, which Cedar refuses under
        the schema, so that the call is denied.
        """
        try:
            return orjson.dumps({**_record(self._arguments, arguments), **derived})
        except (TypeError, ValueError, RecursionError):
            return REFUSED


def _record(shape: Record, values: Mapping[str, object]) -> dict[str, object]:
    written: dict[str, object] = {}
    for name, member in shape.members.items():
        value = values.get(name)
        if value is not None:
            written[name] = _written(member.shape, value)
        elif member.required and name in values:
            written[name] = None
    return written


def _written(shape: Shape, value: object) -> object:
    """Return `value` as Cedar's JSON form has it, or None where it is not of the type."""
    match shape:
        case Whole():
            return _whole(value)
        case Text() if isinstance(value, str):
            return value
        case Truth() if isinstance(value, bool):
            return value
        case Many(element) if isinstance(value, Sequence) and not isinstance(value, str):
            return [_written(element, item) for item in value]
        case Record() if isinstance(value, Mapping):
            return _record(shape, value)
    return None


def _whole(value: object) -> int | None:
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and I64_MIN <= value <= I64_MAX:
        return value
    return None
