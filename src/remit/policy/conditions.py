"""Reading the typed trees of conditions: the parts of one, and the attributes it names."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from cedarpy import pst

from remit.policy.schema import Environment
from remit.policy.shapes import Member, Record

_CONTEXT = pst.Var("context")
_CALL = pst.GetAttr(_CONTEXT, "call")
Path = tuple[str, ...]
"""An attribute of the request, such as `("context", "input", "amount")`."""


def parts(expression: pst.Expr) -> Iterator[pst.Expr]:
    """Yield an expression and everything it is made of, outermost first."""
    waiting = [expression]
    while waiting:
        part = waiting.pop()
        yield part
        waiting.extend(_children(part))


def _children(expression: pst.Expr) -> tuple[pst.Expr, ...]:
    match expression:
        case pst.UnaryOp(arg=arg):
            return (arg,)
        case pst.BinaryOp(left=left, right=right):
            return (left, right)
        case pst.GetAttr(base=base) | pst.HasAttr(base=base) | pst.Like(base=base):
            return (base,)
        case pst.Is(base=base, in_expr=group):
            return (base,) if group is None else (base, group)
        case pst.IfThenElse(cond=cond, then_expr=then, else_expr=otherwise):
            return (cond, then, otherwise)
        case pst.Set(elements=elements):
            return elements
        case pst.Record(fields=fields):
            return tuple(fields.values())
    return ()


def chain(operator: str, expression: pst.Expr) -> Iterator[pst.Expr]:
    """Yield the operands of `a && b` below `when`, of `a || b` below `unless`: all must be as wanted."""
    if isinstance(expression, pst.BinaryOp) and expression.op == operator:
        yield from chain(operator, expression.left)
        yield from chain(operator, expression.right)
    else:
        yield expression


def reads_beside(expression: pst.Expr, name: str) -> bool:
    """Tell whether an expression reads of the context anything but `context.name`, or the context as a whole."""
    everything = tuple(parts(expression))
    whole = sum(part == _CONTEXT for part in everything)
    read = [part for part in everything if isinstance(part, pst.GetAttr) and part.base == _CONTEXT]
    return whole != sum(part.attr == name for part in read)


def may_read(expression: pst.Expr, names: Collection[str]) -> bool:
    """Tell whether an expression may read one of the facts `names` of `context.call`: false is certain, true is not."""
    everything = tuple(parts(expression))
    owned = [part for part in everything if isinstance(part, pst.GetAttr | pst.HasAttr)]
    named = {name for part in owned for name in (part.attrs if isinstance(part, pst.HasAttr) else (part.attr,))}
    if not named.isdisjoint(names):
        return True
    # What is handed on as a whole may be read anywhere.
    return any(
        sum(part == whole for part in everything) != sum(part.base == whole for part in owned)
        for whole in (_CONTEXT, _CALL)
    )


def path_of(expression: pst.Expr) -> Path | None:
    """Return the path of `context.input.amount` and the like, or None for any other expression."""
    names: list[str] = []
    while isinstance(expression, pst.GetAttr):
        names.append(expression.attr)
        expression = expression.base
    if not isinstance(expression, pst.Var):
        return None
    return (expression.name, *reversed(names))


def member_at(path: Path, environment: Environment) -> Member | None:
    """Return what stands at a path below `context`; None where nothing can, or where it is not below `context`."""
    if path[0] != "context":
        return None
    member = Member(environment.context)
    for name in path[1:]:
        found = members_of(member).get(name)
        if found is None:
            return None
        member = found
    return member


def members_of(member: Member) -> Mapping[str, Member]:
    """Return the attributes of a record; nothing else has any."""
    return member.shape.members if isinstance(member.shape, Record) else {}


def text_elements(expression: pst.Expr) -> frozenset[str] | None:
    """Return the strings of a set of nothing but string literals, or None."""
    if not isinstance(expression, pst.Set):
        return None
    found = [part.value for part in expression.elements if isinstance(part, pst.StringLit)]
    return frozenset(found) if len(found) == len(expression.elements) else None
