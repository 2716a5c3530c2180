"""What a check found, as a code and parameters. Prose comes from the catalogue in messages.py, never from here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Verdict(IntEnum):
    """Worst wins: deny > hold > allow."""

    ALLOW = 0
    HOLD = 1
    DENY = 2

    @property
    def word(self) -> str:
        """The lower-case word used in records and tests."""
        return _WORDS[self]


_WORDS = ("allow", "hold", "deny")


class Check(StrEnum):
    """The checks, in the order they are reported."""

    STANDING = "standing"
    STOP = "stop"
    GRANT = "grant"
    POLICY = "policy"
    LIMITS = "limits"
    BUDGET = "budget"
    LOOP = "loop"
    OVERSIGHT = "oversight"


class Code(StrEnum):
    """Every finding there is. The part before the dot names the check."""

    STANDING_OK = "standing.ok"
    RUN_UNKNOWN = "standing.run_unknown"
    RUN_ENDED = "standing.run_ended"
    AGENT_UNKNOWN = "standing.agent_unknown"
    AGENT_NOT_ACTIVE = "standing.agent_not_active"
    RELEASE_WITHDRAWN = "standing.release_withdrawn"
    CLOCK_WENT_BACK = "standing.clock_went_back"

    STOP_OK = "stop.none"
    STOPPED = "stop.stopped"

    GRANT_OK = "grant.ok"
    TOOL_UNKNOWN = "grant.tool_unknown"
    TOOL_NOT_GRANTED = "grant.tool_not_granted"
    MODEL_NOT_GRANTED = "grant.model_not_granted"
    ARGUMENTS_INVALID = "grant.arguments_invalid"
    ARGUMENT_UNKNOWN = "grant.argument_unknown"
    DERIVED_FAILED = "grant.derived_failed"
    TOOL_CHANGED = "grant.tool_changed"
    TOOL_NOT_ACCEPTED = "grant.tool_not_accepted"
    NOT_DELEGATED = "grant.not_delegated"
    NOT_GRANTED_ABOVE = "grant.not_granted_above"

    POLICY_OK = "policy.permitted"
    POLICY_FORBIDDEN = "policy.forbidden"
    POLICY_NO_PERMIT = "policy.no_permit"
    POLICY_HOLD = "policy.hold"
    POLICY_ERROR = "policy.error"
    POLICY_NOT_ASKED = "policy.not_asked"
    POLICY_DUTY = "policy.duty"

    LIMITS_OK = "limits.ok"
    STEPS_REACHED = "limits.steps"
    TOOL_CALLS_REACHED = "limits.tool_calls"
    MODEL_CALLS_REACHED = "limits.model_calls"
    GRANT_CALLS_REACHED = "limits.calls_per_run"
    RATE_REACHED = "limits.rate"
    WALL_TIME_REACHED = "limits.wall_time"
    DEPTH_REACHED = "limits.depth"
    CONCURRENCY_REACHED = "limits.concurrency"
    DENIALS_REACHED = "limits.denials"

    BUDGET_OK = "budget.ok"
    BUDGET_EXCEEDED = "budget.exceeded"
    BUDGET_SOFT_EXCEEDED = "budget.soft_exceeded"
    BUDGET_WARNING = "budget.warning"
    BUDGET_UNPRICED = "budget.unpriced"

    LOOP_OK = "loop.none"
    LOOP_REPETITION = "loop.exact_repetition"
    LOOP_SAME_RESULT = "loop.same_call_same_result"
    LOOP_NEAR_DUPLICATE = "loop.near_duplicate"
    LOOP_NO_NEW_INFORMATION = "loop.no_new_information"
    LOOP_ERROR_STREAK = "loop.error_streak"
    LOOP_CYCLE = "loop.cycle"

    OVERSIGHT_OK = "oversight.none"
    OVERSIGHT_REQUIRED = "oversight.required"
    OVERSIGHT_PENDING = "oversight.pending"
    OVERSIGHT_APPROVED = "oversight.approved"
    OVERSIGHT_REJECTED = "oversight.rejected"
    OVERSIGHT_EXPIRED = "oversight.expired"
    OVERSIGHT_EDITED = "oversight.edited"
    OVERSIGHT_VOID = "oversight.void"

    @property
    def check(self) -> Check:
        """The check that reports it."""
        return Check(self.value.partition(".")[0])


Param = int | str

ABOVE = "parent"
"""What the finding of a stop calls a run above the one that is held."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's word on one action.

    `params` are integers and strings, sorted by name, so that records stay canonical.
    """

    code: Code
    verdict: Verdict
    params: tuple[tuple[str, Param], ...] = ()

    def as_json(self) -> dict[str, object]:
        """Return the form that stands in records."""
        return {"code": self.code, "verdict": self.verdict.word, "params": dict(self.params)}

    @classmethod
    def of(cls, code: Code, verdict: Verdict, **params: Param) -> Finding:
        """Build a finding with its parameters sorted by name."""
        return cls(code, verdict, tuple(sorted(params.items())))

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Finding:
        """Read the form that stands in records."""
        params = data["params"]
        assert isinstance(params, Mapping)
        return cls(Code(str(data["code"])), Verdict[str(data["verdict"]).upper()], tuple(sorted(params.items())))

    def param(self, name: str) -> Param | None:
        """Return one parameter, or None."""
        return dict(self.params).get(name)
