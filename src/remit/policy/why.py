"""Why the policies said what they said to one request: every clause of the slice with its value."""

from __future__ import annotations

from collections.abc import Iterator

from cedarpy import pst

from remit.domain.policy_reading import Came, ClauseReading, PolicyReading, Stance
from remit.policy.authorizer import Authorizer
from remit.policy.compiled.expressions import Evaluate, NotCompiled, compiled
from remit.policy.compiled.operators import Entities
from remit.policy.compiled.values import EvaluationError, Ref, SetValue, Value
from remit.policy.conditions import chain, parts, path_of
from remit.policy.request import PolicyRequest
from remit.policy.spelling import spelled
from remit.policy.statements import Policy, find_word

MOST_SHOWN = 200
"""Characters of a value that are shown."""

_Situation = tuple[Ref, Ref, Ref, "dict[str, Value]", Entities]
_RANK = {
    (Stance.FORBID, Came.MATCHED): 1,
    (Stance.HOLD, Came.MATCHED): 2,
    (Stance.PERMIT, Came.MATCHED): 3,
    (Stance.PERMIT, Came.NOT_MATCHED): 4,
}


def readings(authorizer: Authorizer, request: PolicyRequest) -> tuple[PolicyReading, ...]:
    """Return how each policy of the slice read a request, what decided it first.

    After what failed, forbade, held or permitted come the permits that did not match, the nearest first: the one with
    the fewest clauses in its way. Nothing of a request that does not fit its schema is read.
    """
    if request.input.values is None:
        return ()
    context: dict[str, Value] = {"input": request.input.values, "call": request.call(True)}
    situation = (
        Ref("Agent", request.agent),
        Ref("Action", request.action),
        Ref(request.resource_type, request.resource),
        context,
        authorizer.known,
    )
    names = authorizer.slice_of(request.agent, request.action, request.resource_type, request.resource)
    found = [_read(policy, situation) for name in names if (policy := authorizer.policy(name)) is not None]
    return tuple(sorted(found, key=_rank))


def _rank(reading: PolicyReading) -> tuple[int, int, str]:
    rank = 0 if reading.came is Came.FAILED else _RANK.get((reading.stance, reading.came), 5)
    return rank, len(reading.failing), reading.policy


def _read(policy: Policy, situation: _Situation) -> PolicyReading:
    approvers = policy.annotation("hold")
    stance = Stance.PERMIT if policy.tree.effect == "permit" else Stance.FORBID if approvers is None else Stance.HOLD
    clauses = tuple(_clauses(policy, situation))
    came = Came.MATCHED
    for clause in clauses:  # the first that is not as wanted ends the evaluation
        if not clause.holds:
            came = Came.FAILED if clause.value is None else Came.NOT_MATCHED
            break
    statement = policy.statement
    return PolicyReading(
        policy.id, stance, came, statement.file, statement.line, clauses, approvers or "", statement.text
    )


def _clauses(policy: Policy, situation: _Situation) -> Iterator[ClauseReading]:
    reached = True
    for clause in policy.tree.clauses:
        wanted = isinstance(clause, pst.When)
        for part in chain("and" if wanted else "or", clause.expr):
            found = _clause(policy, part, situation, wanted=wanted)
            if found.error and not reached:
                # It was never evaluated: `context has x && context.x > 5` is no mistake where there is no x.
                continue
            reached = reached and found.holds
            yield found


def _clause(policy: Policy, part: pst.Expr, situation: _Situation, *, wanted: bool) -> ClauseReading:
    statement = policy.statement
    read = dict(_reads(part, situation))
    words = [path.rpartition(".")[2] for path in read]
    place = next((found for word in words if (found := find_word(statement, word))), 0)
    line = statement.place(place)[0] if statement.line else 0
    text, shown = spelled(part), tuple(read.items())
    try:
        value = compiled(part)(*situation)
    except EvaluationError as error:
        return ClauseReading(text, wanted, None, shown, error.code, error.name, line)
    except NotCompiled as why:
        return ClauseReading(text, wanted, None, shown, str(why), "", line)
    if not isinstance(value, bool):
        return ClauseReading(text, wanted, None, shown, "type", "", line)
    return ClauseReading(text, wanted, value, shown, line=line)


def _reads(part: pst.Expr, situation: _Situation) -> Iterator[tuple[str, str]]:
    """Yield the longest paths that an expression reads, with what stands there."""
    every = list(parts(part))
    owners = [each.base for each in every if isinstance(each, pst.GetAttr)]
    for each in every:
        path = path_of(each) if isinstance(each, pst.GetAttr) and each not in owners else None
        if path is None:
            continue
        evaluate: Evaluate = compiled(each)
        try:
            yield ".".join(path), _shown(evaluate(*situation))
        except EvaluationError:
            continue


def _shown(value: Value) -> str:
    if isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, SetValue):
        text = f"[{', '.join(_shown(item) for item in value.items[:20])}]"
    elif isinstance(value, Ref):
        text = f'{value.type}::"{value.id}"'
    elif isinstance(value, dict):
        text = "{" + ", ".join(f"{name}: {_shown(part)}" for name, part in list(value.items())[:20]) + "}"
    else:
        text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= MOST_SHOWN else text[:MOST_SHOWN] + "…"
