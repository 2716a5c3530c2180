"""The one catalogue that turns events into words, one line each, in English and Arabic."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from remit.domain.messages import Language
from remit.domain.record import RecordKind

_ENGLISH: Mapping[RecordKind, str] = MappingProxyType(
    {
        RecordKind.RUN_STARTED: "run began: {agent} for {on_behalf_of}",
        RecordKind.DECISION_MADE: "{target}: {verdict}",
        RecordKind.OUTCOME_REPORTED: "{target} came to {status}",
        RecordKind.RUN_ENDED: "run ended after {steps} steps{status}",
        RecordKind.APPROVAL_ANSWERED: "approval {approval} was answered: {answer}; it is {state}",
        RecordKind.APPROVAL_ESCALATED: "approval {approval} went on to others: nobody had answered",
        RecordKind.APPROVAL_EXPIRED: "approval {approval} expired",
        RecordKind.APPROVAL_EDITED: "the arguments of approval {approval} were edited: earlier answers are void",
        RecordKind.QUESTION_ASKED: "the agent was asked about approval {approval}",
        RecordKind.QUESTION_ANSWERED: "the agent answered about approval {approval}",
        RecordKind.DELEGATION_CHANGED: "who answers in whose place has changed",
        RecordKind.STOP_CHANGED: "{scope}{what}: {stop}",
        RecordKind.WORKFLOW_ASKED: "workflow {workflow}: a person has asked for {what}",
        RecordKind.RELEASE_MADE: "release {release} was made",
        RecordKind.RELEASE_PROPOSED: "release {release} was proposed for {channel}",
        RecordKind.RELEASE_ACTIVATED: "{channel} points at release {release}",
        RecordKind.RELEASE_WITHDRAWN: "release {release} was withdrawn",
        RecordKind.TRIAL_CHANGED: "what a candidate release is tried on has changed",
        RecordKind.POLICIES_DIFFERED: "compiled policies differed from the official ones, which decided",
        RecordKind.PAYLOAD_READ: "arguments were read by a person",
        RecordKind.PAYLOADS_ERASED: "payloads were erased",
        RecordKind.LEDGER_KEY_CHANGED: "the ledger signs with another key",
        RecordKind.PERSON_CHANGED: "a person was changed",
        RecordKind.KEY_CHANGED: "a key was changed",
        RecordKind.SIGNED_IN: "a person signed in",
    }
)

_ARABIC: Mapping[RecordKind, str] = MappingProxyType(
    {
        RecordKind.RUN_STARTED: "بدأ التشغيل: {agent} نيابة عن {on_behalf_of}",
        RecordKind.DECISION_MADE: "{target}: {verdict}",
        RecordKind.OUTCOME_REPORTED: "نتيجة {target}: {status}",
        RecordKind.RUN_ENDED: "انتهى التشغيل، عدد الخطوات {steps}{status}",
        RecordKind.APPROVAL_ANSWERED: "أُجيب عن طلب الموافقة {approval}: {answer}؛ حالته {state}",
        RecordKind.APPROVAL_ESCALATED: "صُعّد طلب الموافقة {approval} لعدم الرد",
        RecordKind.APPROVAL_EXPIRED: "انتهت مهلة طلب الموافقة {approval}",
        RecordKind.APPROVAL_EDITED: "عُدّلت معطيات طلب الموافقة {approval}، فبطلت الإجابات السابقة",
        RecordKind.QUESTION_ASKED: "سُئل الوكيل عن طلب الموافقة {approval}",
        RecordKind.QUESTION_ANSWERED: "أجاب الوكيل عن طلب الموافقة {approval}",
        RecordKind.DELEGATION_CHANGED: "تغيّر تفويض من يجيب",
        RecordKind.STOP_CHANGED: "{scope}{what}: {stop}",
        RecordKind.WORKFLOW_ASKED: "مسار العمل {workflow}: طلب شخص {what}",
        RecordKind.RELEASE_MADE: "أُنشئ الإصدار {release}",
        RecordKind.RELEASE_PROPOSED: "اقتُرح الإصدار {release} للقناة {channel}",
        RecordKind.RELEASE_ACTIVATED: "القناة {channel} تشير إلى الإصدار {release}",
        RecordKind.RELEASE_WITHDRAWN: "سُحب الإصدار {release}",
        RecordKind.TRIAL_CHANGED: "تغيّرت تجربة إصدار مرشّح",
        RecordKind.POLICIES_DIFFERED: "اختلفت السياسات المترجمة عن الرسمية، وحُكم بالرسمية",
        RecordKind.PAYLOAD_READ: "اطّلع شخص على المعطيات",
        RecordKind.PAYLOADS_ERASED: "مُحيت البيانات",
        RecordKind.LEDGER_KEY_CHANGED: "تغيّر مفتاح توقيع السجل",
        RecordKind.PERSON_CHANGED: "تغيّرت بيانات شخص",
        RecordKind.KEY_CHANGED: "تغيّر مفتاح",
        RecordKind.SIGNED_IN: "سجّل شخص دخوله",
    }
)

_WORDS: Mapping[Language, Mapping[RecordKind, str]] = MappingProxyType({"en": _ENGLISH, "ar": _ARABIC})

_STATES: Mapping[Language, Mapping[str, str]] = MappingProxyType(
    {
        "en": MappingProxyType({"freeze": "frozen", "termination": "terminated", "lifted": "goes on"}),
        "ar": MappingProxyType(
            {
                "allow": "سُمح",
                "deny": "رُفض",
                "hold": "بانتظار موافقة",
                "ok": "تم",
                "error": "خطأ",
                "unknown": "مجهولة",
                "approved": "وافق",
                "rejected": "رفض",
                "pending": "ينتظر",
                "freeze": "مجمّد",
                "termination": "مُنهى",
                "lifted": "يستمر",
                "start": "البدء",
                "retry": "الإعادة",
                "move": "النقل إلى إصدار آخر",
                "cancel": "الإلغاء",
                "terminate": "الإنهاء",
                "undo": "التراجع",
                "event": "تسليم حدث",
                "pause": "الإيقاف المؤقت",
                "resume": "الاستئناف",
            }
        ),
    }
)


class _Told(dict[str, str]):
    """Fields of an event; one that is not there is left out of the words."""

    def __missing__(self, name: str) -> str:
        return ""


def tell(event: Mapping[str, Any], language: Language = "en") -> str:
    """Put one event into words; a kind that this version does not know is told by its name."""
    try:
        kind = RecordKind(str(event.get("kind", "")))
    except ValueError:
        return str(event.get("kind", "")).replace("_", " ")
    words = _STATES[language]
    told = _Told({name: words.get(str(value), str(value)) for name, value in event.items() if value is not None})
    if kind is RecordKind.RUN_ENDED:
        told["status"] = f" ({told['status']})" if told["status"] else ""
    if kind is RecordKind.STOP_CHANGED:
        stop = event.get("stop")
        told["stop"] = words["lifted"]
        if isinstance(stop, Mapping):
            by = str(stop.get("by") or "")
            told["stop"] = f"{words.get(str(stop.get('kind')), str(stop.get('kind')))}{f' ({by})' if by else ''}"
        told["what"] = f" {event['what']}" if event.get("what") else ""
    return _WORDS[language][kind].format_map(told)
