"""Cedar's typed expressions as Python's syntax trees.

A tree is made, never a text: whatever an author writes as an id, a name or a string stays a constant of the tree.
Operands are evaluated in Cedar's order, so that an expression with several mistakes fails by the same one.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping

from cedarpy import pst

from remit.policy.compiled import extensions, operators
from remit.policy.compiled.values import Ref, SetValue, Value, equal

Evaluate = Callable[[Ref, Ref, Ref, "dict[str, Value]", operators.Entities], Value]
"""A compiled expression: principal, action, resource, context and entities in, a value or EvaluationError out."""


class NotCompiled(Exception):
    """An expression that is left to the official implementation: the slot of a template, unheard of, or too deep."""


_ARGUMENTS = ("principal", "action", "resource", "context", "known")
_UNARY: Mapping[str, Callable[[Value], Value]] = {
    "neg": operators.negate,
    "is_empty": operators.is_empty,
    "decimal": extensions.decimal,
    "datetime": extensions.datetime,
    "duration": extensions.duration,
    "ip": extensions.ip,
    "is_ipv4": extensions.is_ipv4,
    "is_ipv6": extensions.is_ipv6,
    "is_loopback": extensions.is_loopback,
    "is_multicast": extensions.is_multicast,
    "to_date": extensions.to_date,
    "to_time": extensions.to_time,
    "to_milliseconds": extensions.to_milliseconds,
    "to_seconds": extensions.to_seconds,
    "to_minutes": extensions.to_minutes,
    "to_hours": extensions.to_hours,
    "to_days": extensions.to_days,
}
_BINARY: Mapping[str, Callable[[Value, Value], Value]] = {
    "eq": equal,
    "less": operators.less,
    "less_eq": operators.less_or_equal,
    "add": operators.add,
    "sub": operators.subtract,
    "mul": operators.multiply,
    "contains": operators.contains,
    "contains_all": operators.contains_all,
    "contains_any": operators.contains_any,
    "is_in_range": extensions.is_in_range,
    "offset": extensions.offset,
    "duration_since": extensions.duration_since,
    "decimal_less_than": extensions.decimal_less,
    "decimal_less_eq": extensions.decimal_less_or_equal,
}
_NEGATED = {
    "not_eq": "eq",
    "greater": "less_eq",
    "greater_eq": "less",
    "decimal_greater": "decimal_less_eq",
    "decimal_greater_eq": "decimal_less_than",
}
"""What Cedar defines as the opposite of another operator on the same operands."""
_OF_ENTITIES: Mapping[str, Callable[[operators.Entities, Value, Value], Value]] = {
    "in": operators.within,
    "get_tag": operators.tag,
    "has_tag": operators.has_tag,
}
_BOOLEAN = frozenset(
    "not and or eq not_eq less less_eq greater greater_eq in contains contains_all contains_any is_empty has_tag"
    " is_in_range is_ipv4 is_ipv6 is_loopback is_multicast"
    " decimal_less_than decimal_less_eq decimal_greater decimal_greater_eq".split()
)


def compiled(expression: pst.Expr) -> Evaluate:
    """Return the function that evaluates an expression.

    Raises:
        NotCompiled: this expression is left to the official implementation.
    """
    return _function(lambda writer: writer.write(expression))


def condition(clauses: tuple[pst.Clause, ...]) -> Evaluate | None:
    """Return the function that tells whether every clause of a policy holds; None where there is no clause.

    Raises:
        NotCompiled: as for `compiled`.
    """
    if not clauses:
        return None
    return _function(lambda writer: writer.clauses(clauses))


def ref(uid: pst.EntityUid) -> Ref:
    """Return the value that stands for an entity of a typed tree."""
    return Ref(str(uid.type), uid.id)


def _function(write: Callable[[_Writer], ast.expr]) -> Evaluate:
    writer = _Writer()
    try:
        body = write(writer)
        arguments = ast.arguments([], [ast.arg(name) for name in _ARGUMENTS], None, [], [], None, [])
        tree = ast.fix_missing_locations(ast.Expression(ast.Lambda(arguments, body)))
        evaluate: Evaluate = eval(compile(tree, "<policy>", "eval"), writer.names)  # noqa: S307 - a tree made above
    except (RecursionError, MemoryError, SyntaxError, KeyError) as error:
        raise NotCompiled(type(error).__name__) from None
    return evaluate


class _Writer:
    """Writes one expression. `names` is what its function sees: operators and constants, under names of its own."""

    def __init__(self) -> None:
        self.names: dict[str, object] = {"__builtins__": {}}

    def clauses(self, clauses: tuple[pst.Clause, ...]) -> ast.expr:
        """Write `when` and `unless`, in order."""
        return _joined(
            ast.And(),
            [
                self._truth(clause.expr) if isinstance(clause, pst.When) else _opposite(self._truth(clause.expr))
                for clause in clauses
            ],
        )

    def write(self, expression: pst.Expr) -> ast.expr:
        """Write any expression."""
        match expression:
            case pst.Var(name=name):
                return ast.Name(name, ast.Load())
            case pst.BoolLit(value=value) | pst.LongLit(value=value) | pst.StringLit(value=value):
                return ast.Constant(value)
            case pst.EntityLit(value=uid):
                return self._constant(ref(uid))
            case pst.GetAttr(base=owner, attr=name):
                return self._call(operators.attribute, _known(), self.write(owner), ast.Constant(name))
            case pst.HasAttr(base=owner, attrs=names):
                return self._call(operators.has, _known(), self.write(owner), self._constant(tuple(names)))
            case pst.Like(base=value, pattern=pattern):
                matches = self._constant(operators.matcher(_parts(pattern)))
                return ast.Call(matches, [self._call(operators.text, self.write(value))], [])
            case pst.Is(base=value, entity_type=kind, in_expr=group):
                return self._is(value, str(kind), group)
            case pst.IfThenElse(cond=test, then_expr=then, else_expr=otherwise):
                return ast.IfExp(self._truth(test), self.write(then), self.write(otherwise))
            case pst.Set(elements=elements):
                return self._set(elements)
            case pst.Record(fields=fields):
                ordered = sorted(fields)  # as the official implementation evaluates them
                return ast.Dict(
                    [ast.Constant(name) for name in ordered], [self.write(fields[name]) for name in ordered]
                )
            case pst.UnaryOp(op=operator, arg=argument):
                if operator == "not":
                    return _opposite(self._truth(argument))
                return self._call(_UNARY[operator], self.write(argument))
            case pst.BinaryOp():
                return self._binary(expression)
        raise NotCompiled(type(expression).__name__)

    def _binary(self, expression: pst.BinaryOp) -> ast.expr:
        operator = expression.op
        if operator == "and" or operator == "or":
            operands = [self._truth(part) for part in _chain(operator, expression)]
            return _joined(ast.And() if operator == "and" else ast.Or(), operands)
        if operator in _NEGATED:
            positive = pst.BinaryOp(_NEGATED[operator], expression.left, expression.right)  # type: ignore[arg-type]
            return _opposite(self._binary(positive))
        left, right = self.write(expression.left), self.write(expression.right)
        if operator == "eq" and (_is_plain(expression.left) or _is_plain(expression.right)):
            # Only a string equals a string and only an entity an entity, in Python as well.
            return ast.Compare(left, [ast.Eq()], [right])
        if operator in _OF_ENTITIES:
            return self._call(_OF_ENTITIES[operator], _known(), left, right)
        return self._call(_BINARY[operator], left, right)

    def _is(self, value: pst.Expr, kind: str, group: pst.Expr | None) -> ast.expr:
        test = self._call(operators.is_of, self.write(value), ast.Constant(kind))
        if group is None:
            return test
        return _joined(ast.And(), [test, self._call(operators.within, _known(), self.write(value), self.write(group))])

    def _set(self, elements: tuple[pst.Expr, ...]) -> ast.expr:
        constants = [_literal(element) for element in elements]
        if None not in constants:
            return self._constant(SetValue([value for value in constants if value is not None]))
        return self._call(SetValue, ast.Tuple([self.write(element) for element in elements], ast.Load()))

    def _truth(self, expression: pst.Expr) -> ast.expr:
        """Write an expression that must be a boolean, checked where that is not certain."""
        written = self.write(expression)
        return written if _is_boolean(expression) else self._call(operators.truth, written)

    def _call(self, function: Callable[..., object], *arguments: ast.expr) -> ast.expr:
        self.names[function.__name__] = function
        return ast.Call(ast.Name(function.__name__, ast.Load()), list(arguments), [])

    def _constant(self, value: object) -> ast.expr:
        name = f"constant_{len(self.names)}"
        self.names[name] = value
        return ast.Name(name, ast.Load())


def _known() -> ast.expr:
    return ast.Name("known", ast.Load())


def _opposite(expression: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.Not(), expression)


def _joined(operator: ast.boolop, operands: list[ast.expr]) -> ast.expr:
    return operands[0] if len(operands) == 1 else ast.BoolOp(operator, operands)


def _chain(operator: str, expression: pst.Expr) -> list[pst.Expr]:
    """Return the operands of `a && b && c`, which is nested to the left."""
    found: list[pst.Expr] = []
    while isinstance(expression, pst.BinaryOp) and expression.op == operator:
        found.append(expression.right)
        expression = expression.left
    return [expression, *reversed(found)]


def _literal(expression: pst.Expr) -> Value | None:
    match expression:
        case pst.BoolLit(value=value) | pst.LongLit(value=value) | pst.StringLit(value=value):
            return value
        case pst.EntityLit(value=uid):
            return ref(uid)
    return None


def _is_plain(expression: pst.Expr) -> bool:
    """Tell whether an expression is certainly a string or an entity."""
    if isinstance(expression, pst.Var):
        return expression.name != "context"
    return isinstance(expression, pst.StringLit | pst.EntityLit)


def _is_boolean(expression: pst.Expr) -> bool:
    """Tell whether an expression is certainly a boolean, where it has a value at all."""
    match expression:
        case pst.BoolLit() | pst.HasAttr() | pst.Like() | pst.Is():
            return True
        case pst.UnaryOp(op=operator) | pst.BinaryOp(op=operator):
            return operator in _BOOLEAN
        case pst.IfThenElse(then_expr=then, else_expr=otherwise):
            return _is_boolean(then) and _is_boolean(otherwise)
    return False


def _parts(pattern: tuple[pst.PatternElem, ...]) -> tuple[str, ...]:
    """Return a pattern cut at its wildcards."""
    parts = [""]
    for each in pattern:
        if isinstance(each, pst.Wildcard):
            parts.append("")
        else:
            parts[-1] += each.value
    return tuple(parts)
