"""Whether a condition may hold, given what is known of the requests that reach it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cedarpy import pst

from remit.policy.conditions import member_at, path_of, text_elements
from remit.policy.domains import Choices, Interval
from remit.policy.knowledge import Knowledge
from remit.policy.scopes import Uid
from remit.policy.shapes import Many, Text


@dataclass(frozen=True, slots=True)
class Outcome:
    """Which values a condition may have. Neither, where its evaluation always fails."""

    may_hold: bool
    may_fail: bool

    def turned(self) -> Outcome:
        """Return the outcome of the negation."""
        return Outcome(self.may_fail, self.may_hold)

    def joined(self, other: Outcome) -> Outcome:
        """Return what may come of either."""
        return Outcome(self.may_hold or other.may_hold, self.may_fail or other.may_fail)


EITHER = Outcome(True, True)
ALWAYS = Outcome(True, False)
NEVER = Outcome(False, True)
NEITHER = Outcome(False, False)

_ORDER = {"less", "less_eq", "greater", "greater_eq"}
_NEGATED = {"less": "greater_eq", "less_eq": "greater", "greater": "less_eq", "greater_eq": "less"}
_SWAPPED = {"less": "greater", "less_eq": "greater_eq", "greater": "less", "greater_eq": "less_eq"}


def outcome(expression: pst.Expr, known: Knowledge) -> Outcome:
    """Return which values `expression` may have for the requests that `known` leaves."""
    if (test := _entity_test(expression, known)) is not None:
        return _of_all(test, known)
    match expression:
        case pst.BoolLit(value=value):
            return ALWAYS if value else NEVER
        case pst.UnaryOp(op="not", arg=arg):
            return outcome(arg, known).turned()
        case pst.BinaryOp(op="and" | "or"):
            return _combined(expression, known)
        case pst.BinaryOp(op="eq", left=left, right=right):
            return _equal(left, right, known)
        case pst.BinaryOp(op="not_eq", left=left, right=right):
            return _equal(left, right, known).turned()
        case pst.BinaryOp(op=op, left=left, right=right) if op in _ORDER:
            return _ordered(op, left, right, known)
        case pst.BinaryOp(op="contains", left=left, right=right):
            return _contained(left, right, known)
        case pst.HasAttr():
            return _present(expression, known)
        case pst.Like():
            return _alike(expression, known)
        case pst.IfThenElse():
            return _branched(expression, known)
        case pst.GetAttr():
            return _read(expression, known)
    return EITHER


def assume(expression: pst.Expr, holds: bool, known: Knowledge) -> Knowledge | None:
    """Return what is known once `expression` came out as `holds`; None where it can not.

    Where nothing is gained `known` itself is returned: that is always safe.
    """
    if (test := _entity_test(expression, known)) is not None:
        variable, passes = test
        return known.with_candidates(variable, lambda entity: passes(entity) is holds)
    match expression:
        case pst.UnaryOp(op="not", arg=arg):
            return assume(arg, not holds, known)
        case pst.BinaryOp(op="and" | "or" as op, left=left, right=right):
            if (op == "and") is not holds:
                return known
            narrowed = assume(left, holds, known)
            return None if narrowed is None else assume(right, holds, narrowed)
        case pst.BinaryOp(op="eq" | "not_eq" as op, left=left, right=right):
            return _assume_equal(left, right, (op == "eq") is holds, known)
        case pst.BinaryOp(op=op, left=left, right=right) if op in _ORDER:
            return _assume_ordered(op if holds else _NEGATED[op], left, right, known)
        case pst.BinaryOp(op="contains", left=left, right=right):
            return _assume_contained(left, right, holds, known)
        case pst.HasAttr():
            return _assume_present(expression, holds, known)
        case pst.Like():
            return _assume_alike(expression, holds, known)
        case pst.GetAttr() if (path := path_of(expression)) is not None:
            return known.with_truth(path, holds)
    return known


def _combined(expression: pst.BinaryOp, known: Knowledge) -> Outcome:
    """`and` looks at its right side only where the left holds, `or` only where it does not."""
    is_and = expression.op == "and"
    left = outcome(expression.left, known)
    if not (left.may_hold if is_and else left.may_fail):
        return left
    beyond = assume(expression.left, is_and, known)
    right = NEITHER if beyond is None else outcome(expression.right, beyond)
    if is_and:
        return Outcome(right.may_hold, left.may_fail or right.may_fail)
    return Outcome(left.may_hold or right.may_hold, right.may_fail)


def _branched(expression: pst.IfThenElse, known: Knowledge) -> Outcome:
    condition = outcome(expression.cond, known)
    found = NEITHER
    for may, holds, branch in (
        (condition.may_hold, True, expression.then_expr),
        (condition.may_fail, False, expression.else_expr),
    ):
        within = assume(expression.cond, holds, known) if may else None
        if within is not None:
            found = found.joined(outcome(branch, within))
    return found


def _read(expression: pst.GetAttr, known: Knowledge) -> Outcome:
    path = path_of(expression)
    if path is None or path[0] != "context":
        return EITHER
    if not known.readable(path):
        return NEITHER
    value = known.truth(path)
    return EITHER if value is None else (ALWAYS if value else NEVER)


# --- principal, action and resource ---

_Test = tuple[str, Callable[[Uid], bool]]


def _of_all(test: _Test, known: Knowledge) -> Outcome:
    variable, passes = test
    results = {passes(entity) for entity in known.candidates(variable)}
    return Outcome(True in results, False in results)


def _entity_test(expression: pst.Expr, known: Knowledge) -> _Test | None:
    """Return a test on `principal`, `action` or `resource` that `expression` is, or None."""
    match expression:
        case (
            pst.BinaryOp(op="eq", left=pst.Var(name=name), right=pst.EntityLit(value=other))
            | pst.BinaryOp(op="eq", left=pst.EntityLit(value=other), right=pst.Var(name=name))
        ):
            return name, lambda entity: entity == other
        case pst.BinaryOp(op="not_eq", left=left, right=right):
            equal = _entity_test(pst.BinaryOp("eq", left, right), known)
            return None if equal is None else (equal[0], lambda entity: not equal[1](entity))
        case pst.BinaryOp(op="in", left=pst.Var(name=name), right=right):
            return _within(name, right, known)
        case pst.Is(base=pst.Var(name=name), entity_type=kind, in_expr=group):
            if group is None:
                return name, lambda entity: entity.type == kind
            within = _within(name, group, known)
            return None if within is None else (name, lambda entity: entity.type == kind and within[1](entity))
    return None


def _within(name: str, right: pst.Expr, known: Knowledge) -> _Test | None:
    elements = right.elements if isinstance(right, pst.Set) else (right,)
    others = [element.value for element in elements if isinstance(element, pst.EntityLit)]
    if len(others) != len(elements):
        return None
    return name, lambda entity: any(known.hierarchy.within(entity, other) for other in others)


# --- equality ---


def _equal(left: pst.Expr, right: pst.Expr, known: Knowledge) -> Outcome:
    for one, other in ((left, right), (right, left)):
        if isinstance(one, pst.BoolLit):
            found = outcome(other, known)
            return found if one.value else found.turned()
    numbers = _number(left, known), _number(right, known)
    if numbers[0] is not None and numbers[1] is not None:
        return _equal_numbers(numbers[0], numbers[1])
    texts = _text(left, known), _text(right, known)
    if texts[0] is not None and texts[1] is not None:
        return _equal_texts(texts[0], texts[1])
    return EITHER


def _equal_numbers(left: Interval, right: Interval) -> Outcome:
    if left.empty or right.empty:
        return NEITHER
    if left.meet(right).empty:
        return NEVER
    return ALWAYS if left == right and left.low == left.high else EITHER


def _equal_texts(left: Choices, right: Choices) -> Outcome:
    if left.empty or right.empty:
        return NEITHER
    if left.meet(right).empty:
        return NEVER
    return ALWAYS if left.only is not None and left.only == right.only else EITHER


def _assume_equal(left: pst.Expr, right: pst.Expr, equal: bool, known: Knowledge) -> Knowledge | None:
    found: Knowledge | None = known
    for one, other in ((left, right), (right, left)):
        if isinstance(one, pst.BoolLit):
            return assume(other, one.value is equal, known)
        path = path_of(one)
        if path is None or found is None:
            continue
        number, text = _number(other, known), _text(other, known)
        if known.number(path) is not None and number is not None:
            found = _number_equal(found, path, number, equal)
        elif known.text(path) is not None and text is not None:
            found = _text_equal(found, path, text, equal)
    return found


def _number_equal(known: Knowledge, path: tuple[str, ...], value: Interval, equal: bool) -> Knowledge | None:
    if equal:
        return known.with_number(path, value)
    if value.low != value.high:
        return known
    return known.with_number(path, (known.number(path) or Interval()).without(value.low))


def _text_equal(known: Knowledge, path: tuple[str, ...], value: Choices, equal: bool) -> Knowledge | None:
    if equal:
        return known.with_text(path, value)
    if value.only is None:
        return known
    return known.with_text(path, Choices(excluded=frozenset({value.only})))


def _text(expression: pst.Expr, known: Knowledge) -> Choices | None:
    """Return which strings `expression` may be, or None where it is not known to be a string."""
    if isinstance(expression, pst.StringLit):
        return Choices(frozenset({expression.value}))
    path = path_of(expression)
    return None if path is None else known.text(path)


# --- order ---


def _ordered(op: str, left: pst.Expr, right: pst.Expr, known: Knowledge) -> Outcome:
    one, other = _number(left, known), _number(right, known)
    if one is None or other is None:
        return EITHER
    if one.empty or other.empty:
        return NEITHER
    if op in ("greater", "greater_eq"):
        op, one, other = _SWAPPED[op], other, one
    if op == "less":
        return Outcome(one.low < other.high, one.high >= other.low)
    return Outcome(one.low <= other.high, one.high > other.low)


def _assume_ordered(op: str, left: pst.Expr, right: pst.Expr, known: Knowledge) -> Knowledge | None:
    found: Knowledge | None = known
    for side, one, other in ((op, left, right), (_SWAPPED[op], right, left)):
        path, bound = path_of(one), _number(other, known)
        if path is None or bound is None or found is None or known.number(path) is None:
            continue
        strict = side in ("less", "greater")
        if side in ("less", "less_eq"):
            found = found.with_number(path, Interval(high=bound.high - strict))
        else:
            found = found.with_number(path, Interval(low=bound.low + strict))
    return found


def _number(expression: pst.Expr, known: Knowledge) -> Interval | None:
    """Return where an integer expression lies, or None where it is not known to be an integer."""
    match expression:
        case pst.LongLit(value=value):
            return Interval(value, value)
        case pst.UnaryOp(op="neg", arg=arg):
            inner = _number(arg, known)
            return None if inner is None else Interval(0, 0).subtract(inner)
        case pst.BinaryOp(op="add" | "sub" | "mul" as op, left=left, right=right):
            one, other = _number(left, known), _number(right, known)
            return None if one is None or other is None else _computed(op, one, other)
        case pst.IfThenElse(then_expr=then, else_expr=otherwise):
            one, other = _number(then, known), _number(otherwise, known)
            return None if one is None or other is None else one.hull(other)
        case pst.GetAttr() if (path := path_of(expression)) is not None:
            return known.number(path)
    return None


def _computed(op: str, one: Interval, other: Interval) -> Interval:
    match op:
        case "add":
            return one.add(other)
        case "sub":
            return one.subtract(other)
    return one.multiply(other)


# --- sets, presence and patterns ---


def _contained(left: pst.Expr, right: pst.Expr, known: Knowledge) -> Outcome:
    """`["a", "b"].contains(context.input.x)` and `context.input.xs.contains("a")`."""
    elements, sought = text_elements(left), _text(right, known)
    if sought is None:
        return EITHER
    if sought.empty:
        return NEITHER
    if elements is not None:
        may_hold = not sought.meet(Choices(elements)).empty
        return Outcome(may_hold, not sought.without(elements).empty)
    path = path_of(left)
    member = None if path is None else member_at(path, known.environment)
    if member is None or not isinstance(member.shape, Many) or not isinstance(member.shape.element, Text):
        return EITHER
    return NEVER if sought.meet(Choices(member.shape.element.choices)).empty else EITHER


def _assume_contained(left: pst.Expr, right: pst.Expr, holds: bool, known: Knowledge) -> Knowledge | None:
    elements, path = text_elements(left), path_of(right)
    if elements is None or path is None or known.text(path) is None:
        return known
    return known.with_text(path, Choices(elements) if holds else Choices(excluded=elements))


def _present(expression: pst.HasAttr, known: Knowledge) -> Outcome:
    """`a has b.c` holds where `a has b` does and then `a.b has c`."""
    path = path_of(expression.base)
    if path is None or path[0] != "context":
        return EITHER
    if not known.readable(path):
        return NEITHER
    answers = []
    for name in expression.attrs:
        path = (*path, name)
        answers.append(known.has(path))
    if False in answers:
        return NEVER
    return EITHER if None in answers else ALWAYS


def _assume_present(expression: pst.HasAttr, holds: bool, known: Knowledge) -> Knowledge | None:
    path = path_of(expression.base)
    if path is None or path[0] != "context":
        return known
    if not holds:
        return known.with_presence((*path, *expression.attrs), False) if len(expression.attrs) == 1 else known
    found: Knowledge | None = known
    for name in expression.attrs:
        path = (*path, name)
        found = None if found is None else found.with_presence(path, True)
    return found


def _alike(expression: pst.Like, known: Knowledge) -> Outcome:
    text = _text(expression.base, known)
    if text is None or text.allowed is None:
        return EITHER
    matches = {pattern_matches(expression, value) for value in text.allowed - text.excluded}
    return Outcome(True in matches, False in matches)


def _assume_alike(expression: pst.Like, holds: bool, known: Knowledge) -> Knowledge | None:
    path, text = path_of(expression.base), _text(expression.base, known)
    if path is None or text is None or text.allowed is None:
        return known
    left = frozenset(value for value in text.allowed if pattern_matches(expression, value) is holds)
    return known.with_text(path, Choices(left))


def pattern_matches(expression: pst.Like, value: str) -> bool:
    """Tell what Cedar's `like` says of one string: `*` stands for any characters, none included."""
    pieces = _pieces(expression)
    if len(pieces) == 1:
        return value == pieces[0]
    first, *middle, last = pieces
    if not value.startswith(first) or not value.endswith(last) or len(value) < len(first) + len(last):
        return False
    # Taking each piece where it first occurs leaves the most room for the rest.
    position, end = len(first), len(value) - len(last)
    for piece in middle:
        found = value.find(piece, position, end)
        if found < 0:
            return False
        position = found + len(piece)
    return True


def _pieces(expression: pst.Like) -> list[str]:
    """Return the text between wildcards: one piece more than there are wildcards."""
    pieces = [""]
    for part in expression.pattern:
        if isinstance(part, pst.Wildcard):
            pieces.append("")
        else:
            pieces[-1] += part.value
    return pieces
