"""What came of a tool call, as an agent in a process of its own tells it: one line of JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from remit.domain.messages import say, telling
from remit.sdk.errors import Held, NotAdmitted, RemitError


@dataclass(frozen=True, slots=True)
class Told:
    """One tool call.

    Attributes:
        verdict: `allowed`, `held` or `denied`.
        reasons: in words, where it was not allowed.
        approval: what a person answers, where it was held.
        digest: of the arguments, which the answer must name.
    """

    tool: str
    arguments: Mapping[str, Any]
    verdict: str
    reasons: tuple[str, ...] = ()
    approval: str = ""
    digest: str = ""

    @classmethod
    def of(cls, tool: str, arguments: Mapping[str, Any], error: RemitError | None) -> Self:
        """Return what is told of a call that was admitted, or refused with an error."""
        reasons = tuple(map(say, telling(error.reasons))) if isinstance(error, NotAdmitted) else ()
        if isinstance(error, Held):
            return cls(tool, arguments, "held", reasons, error.approval, error.digest)
        return cls(tool, arguments, "allowed" if error is None else "denied", reasons)

    @classmethod
    def read(cls, fields: Mapping[str, Any]) -> Self:
        """Undo `as_json`."""
        return cls(**{**fields, "reasons": tuple(fields["reasons"])})

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return json.loads(json.dumps(asdict(self)))  # type: ignore[no-any-return]
