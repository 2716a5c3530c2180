"""Derived fields: what policies read of arguments that Cedar can not count or look into, by JMESPath."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.parser import ParsedResult

from remit.domain.release import Derived, DerivedType, Tool
from remit.policy.shapes import I64_MAX, I64_MIN

MAX_CHARACTERS = 1_000
"""Characters one expression may have."""

MAX_COPIES = 1_000
"""How often one expression may multiply its input: `[@, @] | [@, @]` makes four of one."""

# Functions whose result may be longer than their arguments (JMESPath specification, "Built-in functions").
_GROWING = frozenset({"join", "to_string"})

# The first child of these sees what the node itself sees; the others see a part of it.
_CHAINS = frozenset(
    "subexpression pipe index_expression projection value_projection filter_projection flatten slice".split()
)


class DerivedError(ValueError):
    """A derived field has no usable value, so the call must be denied.

    `code` is `expression_failed`, `missing`, `wrong_type` or `out_of_range`; it holds no data.
    """

    def __init__(self, field: str, code: str) -> None:
        super().__init__(f"derived field {field}: {code}")
        self.field = field
        self.code = code


class BadExpression(ValueError):
    """A JMESPath expression that is refused. Its text completes the sentence "the expression ..."."""


@dataclass(frozen=True, slots=True)
class DerivedFields:
    """The derived fields of one tool, compiled. Safe to share between threads."""

    _compiled: tuple[tuple[Derived, ParsedResult], ...]

    @classmethod
    def of(cls, tool: Tool) -> DerivedFields:
        """Compile the expressions of a tool.

        Raises:
            BadExpression: one of them is malformed or beyond the limits.
        """
        return cls(tuple((field, compiled(field.jmespath)) for field in tool.derived))

    def values(self, arguments: Mapping[str, object]) -> dict[str, int | bool | str]:
        """Return the value of each field that has one.

        Raises:
            DerivedError: a field that is not optional is missing, or a value is of the wrong type.
        """
        found: dict[str, int | bool | str] = {}
        for field, expression in self._compiled:
            try:
                value = expression.search(arguments)
            except (JMESPathError, ValueError, TypeError, ArithmeticError, AttributeError, RecursionError):
                raise DerivedError(field.name, "expression_failed") from None
            if value is not None:
                found[field.name] = _typed(field, value)
            elif not field.optional:
                raise DerivedError(field.name, "missing")
        return found


def compiled(expression: str) -> ParsedResult:
    """Return the compiled expression.

    Raises:
        BadExpression: it is malformed, too long, or can multiply its input beyond measure.
    """
    if len(expression) > MAX_CHARACTERS:
        raise BadExpression(f"has {len(expression)} characters, {MAX_CHARACTERS} are allowed")
    try:
        parsed = jmespath.compile(expression)
        growth = _growth(parsed.parsed)
    except (JMESPathError, ValueError, RecursionError) as error:
        raise BadExpression(f"is not JMESPath: {' '.join(str(error).split())}") from None
    if growth > MAX_COPIES:
        raise BadExpression(f"can multiply its input more than {MAX_COPIES} times")
    return parsed


def read_fields(expression: ParsedResult) -> frozenset[str]:
    """Return the arguments that an expression reads from the call itself, as far as that is certain."""
    return frozenset(_read(expression.parsed))


def _read(node: Mapping[str, object]) -> Iterator[str]:
    kind, children = node["type"], _children(node)
    if kind == "field":
        yield str(node["value"])
    elif kind in _CHAINS:
        yield from _read(children[0]) if children else ()
    elif kind != "expref":
        # Arguments of functions, operands and parts of a multi-select all look at the same value.
        for child in children:
            yield from _read(child)


def _growth(node: Mapping[str, object]) -> int:
    """Return a bound on how often the result can hold the input."""
    children = _children(node)
    growth = 1
    for child in children:
        growth *= _growth(child)
    if node["type"] in ("multi_select_list", "multi_select_dict"):
        growth *= len(children)
    if node["type"] == "function_expression" and node["value"] in _GROWING:
        growth *= 2
    return growth


def _children(node: Mapping[str, object]) -> list[Mapping[str, object]]:
    children = node.get("children", [])
    assert isinstance(children, list)
    return [child for child in children if isinstance(child, Mapping)]


def _typed(field: Derived, value: object) -> int | bool | str:
    """Return `value` as the type its field declares. True is no integer here, and 2.0 is one."""
    match field.type, value:
        case DerivedType.BOOLEAN, bool():
            return value
        case DerivedType.STRING, str():
            return value
        case DerivedType.INTEGER, int() if not isinstance(value, bool):
            return _in_range(field, value)
        case DerivedType.INTEGER, float() if math.isfinite(value) and value.is_integer():
            return _in_range(field, int(value))
    raise DerivedError(field.name, "wrong_type")


def _in_range(field: Derived, value: int) -> int:
    if I64_MIN <= value <= I64_MAX:
        return value
    raise DerivedError(field.name, "out_of_range")
