"""What the official implementation and the compiled policies say, in the same words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from cedarpy import Entities

from remit.domain.release import PolicyFile
from remit.policy.compiled.expressions import condition, ref
from remit.policy.compiled.operators import Known
from remit.policy.compiled.reading import entities_of, reference, value_of
from remit.policy.compiled.values import EvaluationError, Ref
from remit.policy.scopes import Hierarchy, Uid, uid
from remit.policy.statements import Policy, parse, split
from remit.policy.verdicts import AskedSet

Said = dict[str, str]
"""`true`, `false` or the code of an error, by policy."""


def policies(conditions: Sequence[str]) -> list[Policy]:
    """A permit of everybody and everything for each condition, called c0, c1 and so on."""
    texts = (
        f'@id("c{place}") permit(principal, action, resource) when {{ {text} }};'
        for place, text in enumerate(conditions)
    )
    parsed = [parse(statement) for statement in split(PolicyFile("policies/x.cedar", "\n".join(texts)))]
    made = [each for each in parsed if isinstance(each, Policy)]
    assert len(made) == len(conditions), parsed
    return made


def official(made: Sequence[Policy], world: Sequence[Mapping[str, object]], request: Mapping[str, object]) -> Said:
    """What cedarpy says of each policy."""
    asked = AskedSet.of(made)
    assert asked is not None
    verdict = asked.verdict(request, Entities.from_json_str(json.dumps(world)), None)
    errors = dict(error.rsplit(":", 1) for error in verdict.errors)
    assert not any(name.startswith("request") for name in errors), verdict
    return {policy.id: errors.get(policy.id, str(policy.id in verdict.determining).lower()) for policy in made}


def ours(made: Sequence[Policy], world: Sequence[Mapping[str, object]], request: Mapping[str, object]) -> Said:
    """What the compiled policies say."""
    known = known_of(world)
    parties = [entity(str(request[name])) for name in ("principal", "action", "resource")]
    context = value_of(json.loads(str(request["context"])))
    assert isinstance(context, dict)
    said: Said = {}
    for policy in made:
        holds = condition(policy.tree.clauses)
        assert holds is not None
        try:
            said[policy.id] = str(holds(parties[0], parties[1], parties[2], context, known)).lower()
        except EvaluationError as error:
            said[policy.id] = error.code
    return said


def entity(text: str) -> Ref:
    """The entity that `Type::"id"` names."""
    kind, _, id = text.rpartition("::")
    return Ref(kind, id.strip('"'))


def known_of(world: Sequence[Mapping[str, object]]) -> dict[Ref, Known]:
    """The entities of a world with everything they are in."""

    def named(json: Mapping[str, str]) -> Uid:
        return uid(json["type"], json["id"])  # a type with its namespace: only compared here

    parents = {named(one["uid"]): [named(parent) for parent in one["parents"]] for one in world}  # type: ignore[arg-type,attr-defined]
    hierarchy = Hierarchy.of(parents)
    above = {ref(one): frozenset(map(ref, found)) for one, found in hierarchy.ancestors.items()}
    return entities_of(world, above.__getitem__)


__all__ = ["Said", "entity", "known_of", "official", "ours", "policies", "reference"]
