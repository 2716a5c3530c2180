"""What a client is told of a call that did not run, or not yet: in words for a model, in codes for its program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from remit.domain.admission import Admission
from remit.domain.facts import Stop
from remit.domain.finding import Code, Finding, Verdict
from remit.domain.ids import ApprovalId
from remit.domain.messages import Language, say, telling

Told = tuple[str, dict[str, Any]]

_DENIED = {"en": "{name} was denied: {why}.", "ar": "رُفض {name}: {why}."}
_HELD = {
    "en": "{name} did not run yet: it is waiting for approval {approval} by {approvers}. Call it again with exactly the"
    " same arguments after it is approved.",
    "ar": "لم يُنفَّذ {name} بعد: بانتظار الموافقة {approval} من {approvers}."
    " أعد الاستدعاء بالوسائط نفسها تماماً بعد الموافقة.",
}
_REJECTED = {
    "en": "{name} was rejected by a person ({approval}) and will not run. {approvers} may be asked why.",
    "ar": "رفض شخص {name} ({approval}) ولن يُنفَّذ. يمكن سؤال {approvers} عن السبب.",
}
_EXPIRED = {
    "en": "{name} did not run: approval {approval} expired before it was used. Call it again to ask {approvers} anew.",
    "ar": "لم يُنفَّذ {name}: انتهت مهلة الموافقة {approval} قبل استخدامها. أعد الاستدعاء لطلبها من {approvers} من جديد.",
}
_FAILED = {
    "en": "{name} brought no result ({code}): {why}.",
    "ar": "لم يأتِ {name} بنتيجة ({code}): {why}.",
}
_CUT = {
    "en": "{name} was stopped while it ran: {why}.",
    "ar": "أُوقف {name} أثناء تنفيذه: {why}.",
}
_EFFECT = {
    "": {"en": "", "ar": ""},
    "unknown": {
        "en": " It may have taken effect: find out before you call it again.",
        "ar": " ربما حدث أثره: تحقّق قبل إعادة الاستدعاء.",
    },
    "error": {"en": " It took no effect.", "ar": " لم يحدث له أثر."},
}
_CALL = {"en": "call", "ar": "الاستدعاء"}
_NOBODY = {"en": "nobody", "ar": "لا أحد"}


def reasons_in(admission: Admission, language: Language) -> str:
    """Return why an action was not admitted, in words."""
    return "; ".join(say(finding, language) for finding in telling(admission.decision.reasons))


def _as_data(findings: Sequence[Finding], language: Language) -> list[dict[str, Any]]:
    return [{**finding.as_json(), "message": say(finding, language)} for finding in findings]


def denied(name: str, admission: Admission, language: Language) -> Told:
    """Return words and data for an action that was denied."""
    words = _DENIED[language].format(name=name, why=reasons_in(admission, language))
    return words, _document("denied", admission, language)


def held(name: str, admission: Admission, approval: ApprovalId, language: Language) -> Told:
    """Return words and data for an action that waits for people."""
    who = ", ".join(admission.decision.approvers) or _NOBODY[language]
    words = _HELD[language].format(name=name, approval=approval, approvers=who)
    return words, _document("held", admission, language) | {"approval": approval}


def rejected(name: str, admission: Admission, approval: str, who: str, language: Language) -> Told:
    """Return words and data for an action that a person has rejected."""
    words = _REJECTED[language].format(name=name, approval=approval, approvers=who or _NOBODY[language])
    return words, _document("rejected", admission, language) | {"approval": approval}


def expired(name: str, admission: Admission, approval: str, who: str, language: Language) -> Told:
    """Return words and data for an action whose approval came too late."""
    words = _EXPIRED[language].format(name=name, approval=approval, approvers=who or _NOBODY[language])
    return words, _document("expired", admission, language) | {"approval": approval}


def failed(name: str, code: str, why: str, effect: str, language: Language) -> Told:
    """Return words and data for a call that brought no result; `effect` is the outcome on record, or empty."""
    words = _FAILED[language].format(name=name, code=code, why=why) + _EFFECT[effect][language]
    return words, {"outcome": "failed", "code": code, "effect": effect or "none"}


def stopped(stop: Stop, language: Language) -> str:
    """Return who has stopped a call and why, in words."""
    told = {"scope": _CALL[language], "stop": stop.kind.value, "by": stop.by, "reason": stop.reason}
    return say(Finding.of(Code.STOPPED, Verdict.DENY, **told), language)


def cut(name: str, code: str, why: str, effect: str, language: Language) -> Told:
    """Return words and data for a call that was stopped while it ran."""
    words = _CUT[language].format(name=name, why=why) + _EFFECT[effect][language]
    return words, {"outcome": "cut", "code": code, "effect": effect}


def _document(outcome: str, admission: Admission, language: Language) -> dict[str, Any]:
    findings = telling(admission.decision.reasons)
    return {
        "outcome": outcome,
        "action": admission.action,
        "run": admission.run,
        "approvers": list(admission.decision.approvers),
        "findings": _as_data(findings, language),
    }
