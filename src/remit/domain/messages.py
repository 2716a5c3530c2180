"""The one catalogue that turns findings into words, in English and Arabic.

A code without words in either fails a test.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal

from remit.domain.facts import LOOP_CHECK
from remit.domain.finding import Code, Finding, Param
from remit.domain.money import micros_to_usd

Language = Literal["en", "ar"]

_ENGLISH: Mapping[Code, str] = MappingProxyType(
    {
        Code.STANDING_OK: "agent and run are in good standing",
        Code.RUN_UNKNOWN: "run {run} was never started",
        Code.RUN_ENDED: "run {run} has ended",
        Code.AGENT_UNKNOWN: "the release knows no agent {agent}, or the run is another agent's",
        Code.AGENT_NOT_ACTIVE: "agent {agent} is {status}, not active",
        Code.RELEASE_WITHDRAWN: "release {release} has been withdrawn; start a new run",
        Code.CLOCK_WENT_BACK: "the clock is {seconds} s behind what is already on record; set it right",
        Code.STOP_OK: "nothing is stopped",
        Code.STOPPED: "the {scope} was {stop} by {by}: {reason}",
        Code.GRANT_OK: "granted, and the arguments fit the schema",
        Code.TOOL_UNKNOWN: "there is no tool {tool}",
        Code.TOOL_NOT_GRANTED: "{tool} is not in the remit of {agent}",
        Code.MODEL_NOT_GRANTED: "model {model} is not in the remit of {agent}",
        Code.ARGUMENTS_INVALID: "argument {field} of {tool} does not fit the schema ({rule})",
        Code.ARGUMENT_UNKNOWN: "{tool} takes no argument {field}; it takes {takes}",
        Code.TOOL_CHANGED: "{server} describes {tool} otherwise than it was accepted; somebody must look at it",
        Code.TOOL_NOT_ACCEPTED: "nobody has accepted yet what {server} says of {tool}",
        Code.NOT_DELEGATED: "{agent} may not hand work to {to}: its remit does not list it under `agents`",
        Code.NOT_GRANTED_ABOVE: "{target} is not in the remit of {agent}, which has handed this work on",
        Code.DERIVED_FAILED: "the derived field {field} can not be computed ({problem})",
        Code.POLICY_OK: "permitted by {policies}",
        Code.POLICY_FORBIDDEN: "policy {policy} forbids it{reason}",
        Code.POLICY_NO_PERMIT: "no policy permits it",
        Code.POLICY_HOLD: "policy {policy} asks for a person of {approvers}{reason}",
        Code.POLICY_ERROR: "policy {policy} could not be evaluated, so it counts as a denial",
        Code.POLICY_NOT_ASKED: "the policies were not asked: the call is not one they could judge",
        Code.POLICY_DUTY: "the duty on {field} can not be carried out on this call",
        Code.LIMITS_OK: "within all limits",
        Code.STEPS_REACHED: "the run has taken {reached} of {limit} steps",
        Code.TOOL_CALLS_REACHED: "the run has made {reached} of {limit} tool calls",
        Code.MODEL_CALLS_REACHED: "the run has made {reached} of {limit} model calls",
        Code.GRANT_CALLS_REACHED: "the run has called {tool} {reached} of {limit} times",
        Code.RATE_REACHED: "more than {limit} calls in {seconds} s",
        Code.WALL_TIME_REACHED: "the run has lasted {reached} of {limit} s",
        Code.DEPTH_REACHED: "delegated {reached} deep, at most {limit}",
        Code.CONCURRENCY_REACHED: "{reached} actions in flight, at most {limit}",
        Code.DENIALS_REACHED: "the run was denied {reached} times, at most {limit}; nothing more is admitted in it",
        Code.BUDGET_OK: "within all budgets",
        Code.BUDGET_EXCEEDED: "budget {budget} has {left} left of {limit} for this {window}; {asked} was asked",
        Code.BUDGET_SOFT_EXCEEDED: "soft budget {budget} goes beyond {limit} for this {window}",
        Code.BUDGET_WARNING: "budget {budget} has passed {share} % of {limit} for this {window}",
        Code.BUDGET_UNPRICED: "no price is known for {target}, and a money budget applies",
        Code.LOOP_OK: "no loop",
        Code.LOOP_REPETITION: "the same call for the {times}th time",
        Code.LOOP_SAME_RESULT: "the run goes round in circles: the same call with the same result",
        Code.LOOP_NEAR_DUPLICATE: "the run goes round in circles: nearly the same calls with nearly the same results",
        Code.LOOP_NO_NEW_INFORMATION: "the run goes round in circles: the last results brought nothing new",
        Code.LOOP_ERROR_STREAK: "the run fails again and again",
        Code.LOOP_CYCLE: "the run repeats the same cycle of calls",
        Code.OVERSIGHT_OK: "no person needs to decide",
        Code.OVERSIGHT_REQUIRED: "a person of {approvers} must decide",
        Code.OVERSIGHT_PENDING: "approval {approval} still waits for {approvers}",
        Code.OVERSIGHT_APPROVED: "approved by a person ({approval})",
        Code.OVERSIGHT_REJECTED: "rejected by a person ({approval})",
        Code.OVERSIGHT_EXPIRED: "approval {approval} expired before it was used",
        Code.OVERSIGHT_EDITED: "a person has put other arguments in the place of these ({approval})",
        Code.OVERSIGHT_VOID: "approval {approval} does not admit this call, or not any more",
    }
)

_ARABIC: Mapping[Code, str] = MappingProxyType(
    {
        Code.STANDING_OK: "الوكيل والتشغيل في وضع سليم",
        Code.RUN_UNKNOWN: "لم يبدأ التشغيل {run} قط",
        Code.RUN_ENDED: "انتهى التشغيل {run}",
        Code.AGENT_UNKNOWN: "لا يعرف الإصدار وكيلاً باسم {agent}، أو أن التشغيل يخص وكيلاً آخر",
        Code.AGENT_NOT_ACTIVE: "حالة الوكيل {agent} هي {status} وليس نشطاً",
        Code.RELEASE_WITHDRAWN: "سُحب الإصدار {release}؛ ابدأ تشغيلاً جديداً",
        Code.CLOCK_WENT_BACK: "الساعة متأخرة {seconds} ثانية عما هو مسجّل؛ اضبطها",
        Code.STOP_OK: "لا يوجد إيقاف",
        Code.STOPPED: "{stop} {scope} بواسطة {by}: {reason}",
        Code.GRANT_OK: "ممنوح، والوسائط مطابقة للمخطط",
        Code.TOOL_UNKNOWN: "لا توجد أداة باسم {tool}",
        Code.TOOL_NOT_GRANTED: "الأداة {tool} ليست ضمن صلاحية {agent}",
        Code.MODEL_NOT_GRANTED: "النموذج {model} ليس ضمن صلاحية {agent}",
        Code.ARGUMENTS_INVALID: "الوسيط {field} للأداة {tool} يخالف المخطط ({rule})",
        Code.ARGUMENT_UNKNOWN: "لا تقبل الأداة {tool} الوسيط {field}؛ تقبل {takes}",
        Code.TOOL_CHANGED: "تغيّر وصف {server} للأداة {tool} منذ قبوله؛ يجب أن يراجع أحد التغيير",
        Code.TOOL_NOT_ACCEPTED: "لم يقبل أحد بعد ما يقوله {server} عن الأداة {tool}",
        Code.NOT_DELEGATED: "لا يجوز للوكيل {agent} تفويض العمل إلى {to}: لا تذكره صلاحياته تحت `agents`",
        Code.NOT_GRANTED_ABOVE: "{target} ليس ضمن صلاحيات {agent} الذي فوّض هذا العمل",
        Code.DERIVED_FAILED: "تعذر حساب الحقل المشتق {field} ({problem})",
        Code.POLICY_OK: "تسمح به {policies}",
        Code.POLICY_FORBIDDEN: "تمنعه السياسة {policy}{reason}",
        Code.POLICY_NO_PERMIT: "لا توجد سياسة تسمح به",
        Code.POLICY_HOLD: "تطلب السياسة {policy} قرار شخص من {approvers}{reason}",
        Code.POLICY_ERROR: "تعذر تقييم السياسة {policy}، فعُدّ ذلك رفضاً",
        Code.POLICY_NOT_ASKED: "لم تُسأل السياسات: لا يمكنها الحكم على هذا الاستدعاء",
        Code.POLICY_DUTY: "لا يمكن تنفيذ الواجب على {field} في هذا الاستدعاء",
        Code.LIMITS_OK: "ضمن جميع الحدود",
        Code.STEPS_REACHED: "نفّذ التشغيل {reached} من {limit} خطوة",
        Code.TOOL_CALLS_REACHED: "أجرى التشغيل {reached} من {limit} استدعاء أداة",
        Code.MODEL_CALLS_REACHED: "أجرى التشغيل {reached} من {limit} استدعاء نموذج",
        Code.GRANT_CALLS_REACHED: "استدعى التشغيل {tool} عدد {reached} من {limit} مرة",
        Code.RATE_REACHED: "أكثر من {limit} استدعاء خلال {seconds} ثانية",
        Code.WALL_TIME_REACHED: "استغرق التشغيل {reached} من {limit} ثانية",
        Code.DEPTH_REACHED: "عمق التفويض {reached}، والحد الأقصى {limit}",
        Code.CONCURRENCY_REACHED: "{reached} إجراء قيد التنفيذ، والحد الأقصى {limit}",
        Code.DENIALS_REACHED: "رُفضت أفعال هذا التشغيل {reached} مرة، والحد الأقصى {limit}؛ ولن يُقبل فيه شيء بعد الآن",
        Code.BUDGET_OK: "ضمن جميع الميزانيات",
        Code.BUDGET_EXCEEDED: "بقي في الميزانية {budget} مقدار {left} من {limit} للفترة ({window})؛ والمطلوب {asked}",
        Code.BUDGET_SOFT_EXCEEDED: "تتجاوز الميزانية المرنة {budget} الحد {limit} لهذه الفترة ({window})",
        Code.BUDGET_WARNING: "تجاوزت الميزانية {budget} نسبة {share} % من {limit} لهذه الفترة ({window})",
        Code.BUDGET_UNPRICED: "لا يُعرف سعر {target}، وتنطبق ميزانية مالية",
        Code.LOOP_OK: "لا يوجد تكرار",
        Code.LOOP_REPETITION: "الاستدعاء نفسه للمرة {times}",
        Code.LOOP_SAME_RESULT: "يدور التشغيل في حلقة: الاستدعاء نفسه بالنتيجة نفسها",
        Code.LOOP_NEAR_DUPLICATE: "يدور التشغيل في حلقة: استدعاءات شبه متطابقة بنتائج شبه متطابقة",
        Code.LOOP_NO_NEW_INFORMATION: "يدور التشغيل في حلقة: لم تأتِ النتائج الأخيرة بجديد",
        Code.LOOP_ERROR_STREAK: "يفشل التشغيل مرة بعد مرة",
        Code.LOOP_CYCLE: "يكرر التشغيل دورة الاستدعاءات نفسها",
        Code.OVERSIGHT_OK: "لا حاجة إلى قرار شخص",
        Code.OVERSIGHT_REQUIRED: "يجب أن يقرر شخص من {approvers}",
        Code.OVERSIGHT_PENDING: "لا تزال الموافقة {approval} بانتظار {approvers}",
        Code.OVERSIGHT_APPROVED: "وافق عليه شخص ({approval})",
        Code.OVERSIGHT_REJECTED: "رفضه شخص ({approval})",
        Code.OVERSIGHT_EXPIRED: "انتهت صلاحية الموافقة {approval} قبل استخدامها",
        Code.OVERSIGHT_EDITED: "استبدل شخص هذه الوسائط بغيرها ({approval})",
        Code.OVERSIGHT_VOID: "الموافقة {approval} لا تسمح بهذا الاستدعاء، أو لم تعد تسمح به",
    }
)

_CATALOGUE: Mapping[Language, Mapping[Code, str]] = MappingProxyType({"en": _ENGLISH, "ar": _ARABIC})
_FOLLOWS = (Code.POLICY_NOT_ASKED, Code.POLICY_NO_PERMIT, Code.OVERSIGHT_REQUIRED)
"""Findings that mostly follow from others; they are said where nothing else is."""

_STOP_WORDS: Mapping[Language, Mapping[str, str]] = MappingProxyType(
    {
        "en": {
            "freeze": "frozen",
            "termination": "terminated",
            LOOP_CHECK: "the loop check",
            "parent": "run above it",
        },
        "ar": {
            "freeze": "جُمّد",
            "termination": "أُنهي",
            LOOP_CHECK: "فاحص التكرار",
            "run": "التشغيل",
            "parent": "التشغيل الأعلى منه",
            "agent": "الوكيل",
            "team": "الفريق",
            "user": "المستخدم",
            "workspace": "مساحة العمل",
            "tool": "الأداة",
            "model": "النموذج",
        },
    }
)
_AMOUNTS = ("asked", "left", "limit", "used")


def telling(reasons: Sequence[Finding]) -> Sequence[Finding]:
    """Return the reasons worth telling a person: without those that only follow from others."""
    said = {finding.param("reason") for finding in reasons if finding.code is Code.STOPPED}
    return [f for f in reasons if f.code not in _FOLLOWS and f.code.value not in said] or reasons


def say(finding: Finding, language: Language = "en") -> str:
    """Put one finding into words."""
    if not finding.params:
        return _CATALOGUE[language][finding.code]
    params = dict(finding.params)
    unit = params.get("unit")
    if unit is not None:
        params.update({name: _amount(params[name], str(unit)) for name in _AMOUNTS if name in params})
    if "reason" in params and finding.code in (Code.POLICY_FORBIDDEN, Code.POLICY_HOLD):
        params["reason"] = f": {params['reason']}" if params["reason"] else ""
    if finding.code is Code.STOPPED:
        params.update(_stop_words(params, language))
    if finding.code is Code.ARGUMENT_UNKNOWN:
        params.setdefault("takes", "-")
    if "approvers" in params and not params["approvers"]:
        params["approvers"] = "-"
    return _CATALOGUE[language][finding.code].format_map(params)


def _stop_words(params: Mapping[str, Param], language: Language) -> dict[str, Param]:
    """Say who stopped it and why; a loop check's reason is a code of this catalogue."""
    scope, stop, by, reason = (str(params[name]) for name in ("scope", "stop", "by", "reason"))
    words = _STOP_WORDS[language]
    is_code = reason in Code.__members__.values()
    told = _CATALOGUE[language][Code(reason)] if is_code else reason
    return {
        "scope": words.get(scope, scope),
        "stop": words.get(stop, stop),
        "by": words.get(by, by),
        "reason": told or "-",
    }


def _amount(value: Param, unit: str) -> str:
    return micros_to_usd(int(value)) if unit == "micro_usd" else f"{value} {unit}"
