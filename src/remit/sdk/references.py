"""What Python writes in place of values that exist only when a workflow runs: references and conditions over them.

Comparing and calculating with them writes expressions (CEL); nothing is computed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn


class Formula:
    """An expression under construction. `text` is what it is in a workflow's document."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return f"${{{self.text}}}"

    __str__ = __repr__
    __format__ = object.__format__

    def __bool__(self) -> NoReturn:
        raise TypeError(
            f"{self!r} has no value while a workflow is written: use `when=`, remit.branch or remit.loop in place of"
            " `if`, `while`, `and`, `or` and `not`; write conditions with &, | and ~"
        )

    def __iter__(self) -> NoReturn:
        raise TypeError(f"{self!r} has no items while a workflow is written: use remit.each")

    __hash__ = None  # type: ignore[assignment] # what is compared by writing is no key

    def _with(self, sign: str, other: object, *, turned: bool = False) -> Formula:
        left, right = (literal(other), self._operand()) if turned else (self._operand(), literal(other))
        return Formula(f"{left} {sign} {right}")

    def _operand(self) -> str:
        """Return what it is within a larger expression, whatever operators that has."""
        return f"({self.text})"

    def __eq__(self, other: object) -> Formula:  # type: ignore[override]
        return self._with("==", other)

    def __ne__(self, other: object) -> Formula:  # type: ignore[override]
        return self._with("!=", other)

    def __lt__(self, other: object) -> Formula:
        return self._with("<", other)

    def __le__(self, other: object) -> Formula:
        return self._with("<=", other)

    def __gt__(self, other: object) -> Formula:
        return self._with(">", other)

    def __ge__(self, other: object) -> Formula:
        return self._with(">=", other)

    def __and__(self, other: object) -> Formula:
        return self._with("&&", other)

    def __or__(self, other: object) -> Formula:
        return self._with("||", other)

    def __invert__(self) -> Formula:
        return Formula(f"!{self._operand()}")

    def __add__(self, other: object) -> Formula:
        return self._with("+", other)

    def __radd__(self, other: object) -> Formula:
        return self._with("+", other, turned=True)

    def __sub__(self, other: object) -> Formula:
        return self._with("-", other)

    def __rsub__(self, other: object) -> Formula:
        return self._with("-", other, turned=True)

    def __mul__(self, other: object) -> Formula:
        return self._with("*", other)

    __rmul__ = __mul__

    def __truediv__(self, other: object) -> Formula:
        return self._with("/", other)


class Reference(Formula):
    """What stands at a path: an input, a step's output, or a part of one."""

    __slots__ = ()

    def _operand(self) -> str:
        return self.text

    def __getattr__(self, name: str) -> Reference:
        if name.startswith("_"):
            raise AttributeError(name)
        return Reference(f"{self.text}.{name}")

    def __getitem__(self, key: int | str) -> Reference:
        return Reference(f"{self.text}[{json.dumps(key)}]")


def expression(text: str) -> Formula:
    """Return an expression as it is written, where Python has no words for it: `size(inputs.lines) > 3`."""
    return Formula(text)


def literal(value: object) -> str:
    """Return a value as it stands in an expression. Raises TypeError for what has no place in one."""
    if isinstance(value, Formula):
        return value._operand()
    if value is None or isinstance(value, bool | int | float | str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(key)}: {literal(each)}" for key, each in value.items()) + "}"
    raise TypeError(f"a value of type {type(value).__name__} has no place in an expression")


def template(value: object) -> Any:
    """Return a value as it stands in a document. Texts are as in YAML: `f"order {found.id}"` holds an expression."""
    if isinstance(value, Formula):
        return f"${{{value.text}}}"
    if isinstance(value, Mapping):
        return {str(key): template(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [template(each) for each in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a value of type {type(value).__name__} is no JSON and no reference")
