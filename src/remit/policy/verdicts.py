"""What one set of policies says to a request, in our ids and without the data an error message may quote."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cedarpy import AuthzResult, Decision, Entities, PolicySet, Schema, is_authorized

from remit.policy.compiled.values import EVALUATION, MISSING_ATTRIBUTE, MISSING_ENTITY, OVERFLOW, TYPE
from remit.policy.statements import Policy

# The wording of the official implementation's errors; what follows the policy's id may quote arguments.
_EVALUATION_ERROR = re.compile(r"error while evaluating policy `policy(\d+)`: (.*)", re.DOTALL)
_CODES = (
    (re.compile(r"integer overflow"), OVERFLOW),
    (re.compile(r"type error"), TYPE),
    (re.compile(r"entity `.*` does not exist", re.DOTALL), MISSING_ENTITY),
    (re.compile(r"(record|`.*`) does not have the attribute", re.DOTALL), MISSING_ATTRIBUTE),
)
"""How a message begins. An extension function's message quotes what it was given, which may read like any of them."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a set allows, the policies that determined it, and what could not be evaluated, as `policy:code`."""

    allowed: bool = False
    determining: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AskedSet:
    """Policies parsed together. The official implementation calls them by position."""

    policies: PolicySet
    ids: tuple[str, ...]

    @classmethod
    def of(cls, policies: Sequence[Policy]) -> AskedSet | None:
        """Parse the texts of some policies into one set, or return None where there are none."""
        if not policies:
            return None
        texts = "\n".join(policy.statement.text for policy in policies)
        return cls(PolicySet.from_str(texts), tuple(policy.id for policy in policies))

    def verdict(self, asked: Mapping[str, object], entities: Entities, schema: Schema | None) -> Verdict:
        """Evaluate every policy of the set; the request is checked against the schema first, where there is one."""
        result = is_authorized(dict(asked), self.policies, entities, schema)
        return Verdict(result.allowed, _determining(result, self.ids), _errors(result, self.ids))


def _determining(result: AuthzResult, ids: tuple[str, ...]) -> tuple[str, ...]:
    """Return the determining policies by our ids, sorted; the official ids are `policy` and a position."""
    return tuple(sorted(ids[int(reason.removeprefix("policy"))] for reason in result.diagnostics.reasons))


def _errors(result: AuthzResult, ids: tuple[str, ...]) -> tuple[str, ...]:
    errors = [_error(message, ids) for message in result.diagnostics.errors]
    if result.decision is Decision.NoDecision and not errors:
        errors.append("request:refused")
    return tuple(errors)


def _error(message: str, ids: tuple[str, ...]) -> str:
    """Return the error without the data its message may quote."""
    found = _EVALUATION_ERROR.fullmatch(message)
    if found is None or int(found[1]) >= len(ids):
        return "request:refused"
    code = next((code for words, code in _CODES if words.match(found[2])), EVALUATION)
    return f"{ids[int(found[1])]}:{code}"
