"""The official implementation, asked on the slice that applies: the authority, and the answer where nothing else is."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass

import orjson
from cedarpy import Entities, Schema

from remit.domain.release import Configuration
from remit.policy.compiled.reading import written
from remit.policy.entities import entities_json
from remit.policy.request import Matched, PolicyRequest
from remit.policy.schema import cedar_schema_json
from remit.policy.slice_cache import SliceCache
from remit.policy.statements import Policy
from remit.policy.verdicts import AskedSet, Verdict


@dataclass(frozen=True, slots=True)
class _Parsed:
    """The policies of one slice. A set is None where it holds nothing."""

    every: AskedSet | None
    base: AskedSet | None


class Official:
    """cedarpy with the schema and the entities of one release. Immutable but for its cache; safe to share.

    Base policies (permits and plain forbids) and holds (forbids with `@hold`) are told apart: a hold must not hide
    whether the action is permitted at all. Each policy is evaluated by itself and every forbid that matched is named,
    so one evaluation of the slice says both, unless holds alone denied: then the base set is asked once more.
    """

    def __init__(self, configuration: Configuration, holds: Collection[str], max_slices: int) -> None:
        self._schema = Schema.from_json_str(cedar_schema_json(configuration))
        self._entities = Entities.from_json_str(entities_json(configuration), self._schema)
        self._holds = frozenset(holds)
        self._parsed: SliceCache[Hashable, _Parsed] = SliceCache(max_slices)

    def matched(self, request: PolicyRequest, key: Hashable, policies: Sequence[Policy]) -> Matched:
        """Evaluate a slice. `key` names it: it is parsed once. Raises whatever goes wrong."""
        found = self._parsed.get(key) or self._parsed.keep(key, self._parse(policies))
        asked = _asked(request)
        every = self._verdict(found.every, asked)
        held = () if every.allowed else tuple(filter(self._holds.__contains__, every.determining))
        base = self._verdict(found.base, asked) if held and held == every.determining else every
        return Matched(
            base.determining if base.allowed else (),
            () if base.allowed else tuple(name for name in base.determining if name not in self._holds),
            held,
            tuple(sorted({*base.errors, *every.errors})),
        )

    def _parse(self, policies: Sequence[Policy]) -> _Parsed:
        base = [policy for policy in policies if policy.id not in self._holds]
        return _Parsed(AskedSet.of(policies), AskedSet.of(base))

    def _verdict(self, policies: AskedSet | None, asked: dict[str, object]) -> Verdict:
        return Verdict() if policies is None else policies.verdict(asked, self._entities, self._schema)


def _asked(request: PolicyRequest) -> dict[str, object]:
    """Return the request as the official implementation takes it. An input that does not fit is null: no record."""
    context = {"input": request.input.values, "call": request.call(True)}
    return {
        "principal": {"type": "Agent", "id": request.agent},
        "action": {"type": "Action", "id": request.action},
        "resource": {"type": request.resource_type, "id": request.resource},
        "context": orjson.dumps(context, default=written).decode(),
    }
