"""What may this agent do? The policies of its slices, with what is certain ahead of a call taken out of them.

A condition is followed over all calls at once, as for `can_match`. What reads no context has its value already: its
compiled function is asked. What is left are the clauses that depend on the call.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cedarpy import pst

from remit.domain.ids import AgentName, ToolName
from remit.domain.permission import Bar, Condition, May, Permission
from remit.domain.policy_reading import Stance
from remit.domain.release import Agent, AgentStatus, Configuration
from remit.policy.authorizer import Authorizer
from remit.policy.compiled.expressions import NotCompiled, compiled, ref
from remit.policy.compiled.values import EvaluationError
from remit.policy.conditions import chain, parts
from remit.policy.entities import hierarchy
from remit.policy.knowledge import Knowledge
from remit.policy.schema import MODEL_CALL, environments
from remit.policy.scopes import uid
from remit.policy.spelling import spelled
from remit.policy.statements import Policy
from remit.policy.truth import assume, outcome

_CONTEXT = pst.Var("context")
_TRUE, _FALSE = pst.BoolLit(True), pst.BoolLit(False)
_NEGATED = {
    "less": "greater_eq",
    "less_eq": "greater",
    "greater": "less_eq",
    "greater_eq": "less",
    "eq": "not_eq",
    "not_eq": "eq",
}


@dataclass(frozen=True, slots=True)
class _Left:
    """What is left of a policy, and what is known of the calls for which it matches."""

    policy: Policy
    needs: tuple[pst.Expr, ...]
    known: Knowledge


class Permissions:
    """Says of a release which agent may use what. Its parts are worked out once; safe to share between threads."""

    def __init__(self, authorizer: Authorizer, configuration: Configuration) -> None:
        self._authorizer = authorizer
        self._configuration = configuration
        self._environments = environments(configuration)
        self._hierarchy = hierarchy(configuration)

    def of_agent(self, agent: Agent) -> Iterator[Permission]:
        """Yield what an agent may do with each tool of its remit, then with each model."""
        for grant in agent.remit.grants:
            if grant.tool in self._configuration.tools:
                yield self.of(agent, grant.tool)
        for model in agent.remit.models:
            yield self.of(agent, model)

    def of(self, agent: Agent, target: str) -> Permission:
        """Return whether an agent may use a tool, or a model given as `provider/name`."""
        is_tool = ToolName(target) in self._configuration.tools
        grant = next((each for each in agent.remit.grants if each.tool == target), None)
        calls = None if grant is None else grant.calls_per_run
        if is_tool and grant is None:
            return Permission(agent.name, target, May.NEVER, Bar.NOT_GRANTED, ())
        action, kind = (target, "Tool") if is_tool else (MODEL_CALL, "Model")
        conditions = tuple(self._conditions(agent.name, action, kind, target))
        may, bar = _summed(conditions)
        if agent.status is not AgentStatus.ACTIVE:
            may, bar = May.NEVER, Bar.NOT_ACTIVE
        return Permission(agent.name, target, may, bar, conditions, calls)

    def _conditions(self, agent: AgentName, action: str, kind: str, target: str) -> Iterator[Condition]:
        environment = self._environments.get(action)
        if environment is None:
            return
        known = Knowledge(
            environment, self._hierarchy, frozenset({uid("Agent", agent)}), frozenset({uid(kind, target)})
        )
        names = sorted(self._authorizer.slice_of(agent, action, kind, target))
        slice_ = [policy for name in names if (policy := self._authorizer.policy(name)) is not None]
        permits = [
            left for policy in slice_ if _stance(policy) is Stance.PERMIT and (left := self._left(policy, known))
        ]
        yield from map(_condition, permits)
        # Whatever no permit lets through needs no forbid and no hold; behind a single permit its clauses are known.
        base = permits[0].known if len(permits) == 1 else known
        for stance in (Stance.FORBID, Stance.HOLD):
            for policy in slice_:
                if _stance(policy) is not stance or not any(self._left(policy, permit.known) for permit in permits):
                    continue
                left = self._left(policy, base)
                if left is not None:
                    yield _condition(left)

    def _left(self, policy: Policy, known: Knowledge) -> _Left | None:
        """Return what is left of a policy for the calls of `known`; None where it can not match."""
        needs: list[pst.Expr] = []
        within: Knowledge | None = known
        for clause in policy.tree.clauses:
            wanted = isinstance(clause, pst.When)
            for part in chain("and" if wanted else "or", clause.expr):
                assert within is not None
                left = self._simplified(part, within)
                if isinstance(left, pst.BoolLit):
                    if left.value is not wanted:
                        return None
                else:
                    needs.append(left if wanted else _negated(left))
                within = assume(part, wanted, within)
                if within is None:
                    return None
        return _Left(policy, tuple(needs), within or known)

    def _simplified(self, part: pst.Expr, known: Knowledge) -> pst.Expr:
        """Return an expression of the same value wherever it has one, without what is certain."""
        if (settled := self._settled(part, known)) is not None:
            return _TRUE if settled else _FALSE
        match part:
            case pst.UnaryOp(op="not", arg=arg):
                inner = self._simplified(arg, known)
                if isinstance(inner, pst.UnaryOp) and inner.op == "not":
                    return inner.arg
                return pst.BoolLit(not inner.value) if isinstance(inner, pst.BoolLit) else pst.UnaryOp("not", inner)
            case pst.BinaryOp(op="and" | "or" as op, left=left, right=right):
                return self._joined(op, left, right, known)
            case pst.IfThenElse(cond=test, then_expr=then, else_expr=otherwise):
                condition = self._simplified(test, known)
                if isinstance(condition, pst.BoolLit):
                    return self._simplified(then if condition.value else otherwise, known)
        return part

    def _joined(self, op: str, left: pst.Expr, right: pst.Expr, known: Knowledge) -> pst.Expr:
        is_and = op == "and"
        first = self._simplified(left, known)
        if isinstance(first, pst.BoolLit) and first.value is not is_and:
            return first
        beyond = assume(left, is_and, known)
        second = right if beyond is None else self._simplified(right, beyond)
        if isinstance(first, pst.BoolLit):
            return second
        if second == (_TRUE if is_and else _FALSE):
            return first
        return pst.BinaryOp("and" if is_and else "or", first, second)

    def _settled(self, part: pst.Expr, known: Knowledge) -> bool | None:
        """Return the value that an expression has for every call; None where that is not certain."""
        every = tuple(parts(part))
        if _CONTEXT not in every and len(known.principals) == len(known.resources) == 1:
            (agent,), (resource,) = known.principals, known.resources
            action = uid("Action", known.environment.action)
            try:
                value = compiled(part)(ref(agent), ref(action), ref(resource), {}, self._authorizer.known)
            except (EvaluationError, NotCompiled):
                return None
            return value if isinstance(value, bool) else None
        if any(isinstance(each, pst.BinaryOp | pst.UnaryOp) and each.op in _MAY_FAIL for each in every):
            return None  # it may have no value at all, which denies
        found = outcome(part, known)
        return None if found.may_hold is found.may_fail else found.may_hold


_MAY_FAIL = {"add", "sub", "mul", "neg", "datetime", "decimal", "duration", "ip", "offset", "duration_since"}


def _stance(policy: Policy) -> Stance:
    if policy.tree.effect == "permit":
        return Stance.PERMIT
    return Stance.FORBID if policy.annotation("hold") is None else Stance.HOLD


def _negated(part: pst.Expr) -> pst.Expr:
    if isinstance(part, pst.BinaryOp) and part.op in _NEGATED:
        return pst.BinaryOp(_NEGATED[part.op], part.left, part.right)  # type: ignore[arg-type]
    if isinstance(part, pst.UnaryOp) and part.op == "not":
        return part.arg
    return pst.UnaryOp("not", part)


def _condition(left: _Left) -> Condition:
    policy = left.policy
    return Condition(
        policy.id,
        _stance(policy),
        tuple(spelled(part) for part in left.needs),
        policy.statement.file,
        policy.statement.line,
        policy.annotation("hold") or "",
        policy.annotation("reason") or "",
    )


def _summed(conditions: tuple[Condition, ...]) -> tuple[May, Bar | None]:
    permits = [each for each in conditions if each.stance is Stance.PERMIT]
    others = [each for each in conditions if each.stance is not Stance.PERMIT]
    if not permits:
        return May.NEVER, Bar.NO_PERMIT
    if any(each.stance is Stance.FORBID and not each.needs for each in others):
        return May.NEVER, Bar.FORBIDDEN
    if any(not each.needs for each in others):
        return May.HELD, None
    return (May.IF if others or all(each.needs for each in permits) else May.ALWAYS), None
