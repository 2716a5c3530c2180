"""Typed expressions spelled in Cedar again, with no more brackets than a reader needs."""

from __future__ import annotations

import re
from collections.abc import Mapping

from cedarpy import pst

from remit.policy.grants import quoted

_INFIX: Mapping[str, str] = {
    "eq": "==",
    "not_eq": "!=",
    "less": "<",
    "less_eq": "<=",
    "greater": ">",
    "greater_eq": ">=",
    "and": "&&",
    "or": "||",
    "add": "+",
    "sub": "-",
    "mul": "*",
    "in": "in",
}
_METHODS: Mapping[str, str] = {
    "decimal_less_than": "lessThan",
    "decimal_less_eq": "lessThanOrEqual",
    "decimal_greater": "greaterThan",
    "decimal_greater_eq": "greaterThanOrEqual",
}
_NAME = re.compile(r"(?!(?:true|false|if|then|else|in|is|like|has|__cedar)\b)[A-Za-z_][A-Za-z0-9_]*")
_FUNCTIONS = frozenset({"decimal", "datetime", "duration", "ip"})


def spelled(expression: pst.Expr) -> str:
    """Return an expression as Cedar text."""
    match expression:
        case pst.Var(name=name):
            return name
        case pst.Slot(name=name):
            return f"?{name}"
        case pst.BoolLit(value=truth):
            return str(truth).lower()
        case pst.LongLit(value=number):
            return str(number)
        case pst.StringLit(value=text):
            return quoted(text)
        case pst.EntityLit(value=uid):
            return f"{uid.type}::{quoted(uid.id)}"
        case pst.GetAttr(base=owner, attr=name):
            return f"{_inner(owner)}.{name}" if _NAME.fullmatch(name) else f"{_inner(owner)}[{quoted(name)}]"
        case pst.HasAttr(base=owner, attrs=names):
            return f"{_inner(owner)} has {'.'.join(n if _NAME.fullmatch(n) else quoted(n) for n in names)}"
        case pst.Like(base=value, pattern=pattern):
            return f"{_inner(value)} like {_pattern(pattern)}"
        case pst.Is(base=value, entity_type=kind, in_expr=group):
            return f"{_inner(value)} is {kind}" + ("" if group is None else f" in {_inner(group)}")
        case pst.IfThenElse(cond=test, then_expr=then, else_expr=otherwise):
            return f"if {spelled(test)} then {spelled(then)} else {spelled(otherwise)}"
        case pst.Set(elements=elements):
            return f"[{', '.join(map(spelled, elements))}]"
        case pst.Record(fields=fields):
            return "{" + ", ".join(f"{quoted(name)}: {spelled(part)}" for name, part in fields.items()) + "}"
        case pst.UnaryOp(op=operator, arg=argument):
            return _unary(operator, argument)
        case pst.BinaryOp(op=operator, left=left, right=right):
            if operator in _INFIX:
                return f"{_inner(left)} {_INFIX[operator]} {_inner(right)}"
            return f"{_inner(left)}.{_METHODS.get(operator) or _camel(operator)}({spelled(right)})"


def _unary(operator: str, argument: pst.Expr) -> str:
    if operator in ("not", "neg"):
        return f"{'!' if operator == 'not' else '-'}{_inner(argument)}"
    return f"{operator}({spelled(argument)})" if operator in _FUNCTIONS else f"{_inner(argument)}.{_camel(operator)}()"


def _inner(expression: pst.Expr) -> str:
    """Spell an operand: in brackets where it is an operation itself."""
    text = spelled(expression)
    is_method = isinstance(expression, pst.BinaryOp) and expression.op not in _INFIX
    is_method = is_method or (isinstance(expression, pst.UnaryOp) and expression.op not in ("not", "neg"))
    operation = isinstance(expression, pst.BinaryOp | pst.UnaryOp | pst.IfThenElse | pst.HasAttr | pst.Like | pst.Is)
    return f"({text})" if operation and not is_method else text


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def _pattern(pattern: tuple[pst.PatternElem, ...]) -> str:
    parts = (
        "*" if isinstance(part, pst.Wildcard) else quoted(part.value)[1:-1].replace("*", "\\*") for part in pattern
    )
    return f'"{"".join(parts)}"'
