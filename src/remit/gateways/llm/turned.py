"""A call that brings no answer, and why: in closed words here, in the client's own dialect at the rim."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from remit.asgi.answers import Refusal
from remit.domain.action import ActionState
from remit.domain.admission import Admission
from remit.domain.finding import Check, Code, Finding, Verdict
from remit.domain.messages import Language, say


class Why(Enum):
    """Kinds of refusals, each with the status of its answer."""

    INVALID = 400
    UNAUTHENTICATED = 401
    DENIED = 403
    UNKNOWN = 404
    HELD = 409
    TOO_LARGE = 413
    SPENT = 429
    INTERNAL = 500
    UPSTREAM = 502
    OVERLOADED = 503
    TIMED_OUT = 504


@dataclass
class Turned(Exception):
    """Why a call brings no answer, or no more of one.

    Attributes:
        code: for programs, as `budget.exceeded` or `upstream.timed_out`.
        text: for people; holds no secret and nothing an upstream said unasked.
        told: more for programs: ids of action, run and approval.
        status: of the answer, where it is not that of the kind.
        may_retry: whether the same request may bring an answer in a moment; else clients are told not to try.
    """

    why: Why
    code: str
    text: str
    told: Mapping[str, str] = field(default_factory=dict)
    status: int = 0
    may_retry: bool = False
    retry_after_s: int = 0

    def __post_init__(self) -> None:
        """Take the status of its kind."""
        super().__init__(self.text)
        self.status = self.status or self.why.value

    def of(self, **ids: str) -> Turned:
        """Return the same with ids of what it is about."""
        told = {**self.told, **ids}
        return Turned(self.why, self.code, self.text, told, self.status, self.may_retry, self.retry_after_s)


def invalid(code: str, text: str, field: str = "") -> Turned:
    """Say what is wrong with a request; nothing was admitted."""
    return Turned(Why.INVALID, code, text, {"field": field} if field else {})


_BY_STATUS = {why.value: why for why in Why} | {
    408: Why.TIMED_OUT,
    410: Why.DENIED,
    415: Why.INVALID,
    422: Why.INVALID,
    431: Why.TOO_LARGE,
}


def turned_by(refusal: Refusal) -> Turned:
    """Put a refusal of the shared routes into these words."""
    why = _BY_STATUS.get(refusal.status, Why.INTERNAL)
    text = f"{refusal.detail}: {refusal.remedy}" if refusal.remedy else refusal.detail
    told = {"field": refusal.field} if refusal.field else {}
    may_retry = refusal.status == 503
    return Turned(why, refusal.code, text, told, refusal.status, may_retry, refusal.retry_after_s)


def not_admitted(admission: Admission, language: Language) -> Turned:
    """Say why an action may not be, or not yet."""
    verdict = Verdict.HOLD if admission.state is ActionState.HELD else Verdict.DENY
    found = [finding for finding in admission.decision.findings if finding.verdict is verdict]
    told = {"action": admission.action, "run": admission.run}
    code = found[0].code.value if found else "denied"
    text = "; ".join(say(finding, language) for finding in found)
    if verdict is Verdict.HOLD:
        approval = admission.approval or ""
        text = f"waiting for approval {approval}: {text}. Send the same request again once it is given"
        return Turned(Why.HELD, code, text, {**told, "approval": approval})
    return Turned(_denied_by(found), code, text, told)


def stopped_by(finding: Finding, language: Language) -> Turned:
    """Say why no more of an answer comes."""
    return Turned(_denied_by([finding]), finding.code.value, say(finding, language))


def _denied_by(found: list[Finding]) -> Why:
    checks = {finding.code.check for finding in found}
    if checks == {Check.BUDGET} or any(finding.code is Code.RATE_REACHED for finding in found):
        return Why.SPENT
    return Why.DENIED
