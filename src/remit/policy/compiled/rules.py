"""The compiled policies of one slice, and their evaluation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from remit.policy.compiled.expressions import Evaluate
from remit.policy.compiled.operators import Entities
from remit.policy.compiled.values import EvaluationError, Ref, Value


class Rule(NamedTuple):
    """A policy by id; `holds` is None where it has no condition."""

    id: str
    holds: Evaluate | None


def matched(
    rules: Iterable[Rule],
    principal: Ref,
    action: Ref,
    resource: Ref,
    context: dict[str, Value],
    known: Entities,
    errors: list[str],
) -> list[str]:
    """Return the ids of the rules whose condition holds, in order; add to `errors` what has no value, as `id:code`."""
    found = []
    for id, holds in rules:
        if holds is None:
            found.append(id)
            continue
        try:
            if holds(principal, action, resource, context, known):
                found.append(id)
        except EvaluationError as error:
            errors.append(f"{id}:{error.code}")
    return found
