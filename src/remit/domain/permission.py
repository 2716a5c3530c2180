"""What an agent may do with a tool or a model before anybody tries: the conditions that remain, and words for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from remit.domain.messages import Language
from remit.domain.policy_reading import Stance


class May(StrEnum):
    """What rules say of every call there can be."""

    ALWAYS = "always"
    IF = "if"
    HELD = "held"
    NEVER = "never"


class Bar(StrEnum):
    """Why never."""

    NOT_GRANTED = "not_granted"
    NOT_ACTIVE = "not_active"
    STOPPED = "stopped"
    NO_PERMIT = "no_permit"
    FORBIDDEN = "forbidden"


@dataclass(frozen=True, slots=True)
class Condition:
    """One policy that may have a say in a call.

    Attributes:
        needs: the parts of its condition in Cedar that depend on the call; it matches where all of them hold, and
            always where there are none.
        file, line: where it stands; a grant's permit has its own name for a file, and line 0.
        approvers: the group that a hold asks.
        reason: its `@reason`.
    """

    policy: str
    stance: Stance
    needs: tuple[str, ...]
    file: str = ""
    line: int = 0
    approvers: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Permission:
    """Whether an agent may use a tool or a model.

    It is permitted where one of the permits matches and no forbid does, and where a hold matches a person must approve.

    Attributes:
        bar: what is in the way; None unless `may` is NEVER.
        conditions: permits, forbids and holds that can still match, in this order.
        calls_per_run: how often in one run, where the remit says that.
    """

    agent: str
    target: str
    may: May
    bar: Bar | None
    conditions: tuple[Condition, ...]
    calls_per_run: int | None = None


_WORDS: Mapping[Language, Mapping[str, str]] = MappingProxyType(
    {
        "en": {
            "always": "{agent} may use {target}",
            "if": "{agent} may use {target}",
            "held": "{agent} may use {target} once somebody of {approvers} approves",
            "never": "{agent} may not use {target}: {bar}",
            "permit": "if {needs}",
            "forbid": "never if {needs}",
            "hold": "only once somebody of {approvers} approves if {needs}",
            "calls": "at most {calls} times in a run",
            "and": " and ",
            "or": ", or ",
            "not_granted": "its remit does not list it",
            "not_active": "the agent is not active",
            "stopped": "it is stopped",
            "no_permit": "no policy can permit it",
            "forbidden": "a policy always forbids it",
        },
        "ar": {
            "always": "يجوز للوكيل {agent} استخدام {target}",
            "if": "يجوز للوكيل {agent} استخدام {target}",
            "held": "يجوز للوكيل {agent} استخدام {target} بعد موافقة أحد من {approvers}",
            "never": "لا يجوز للوكيل {agent} استخدام {target}: {bar}",
            "permit": "إذا {needs}",
            "forbid": "ويُمنع إذا {needs}",
            "hold": "ولا يجوز إلا بعد موافقة أحد من {approvers} إذا {needs}",
            "calls": "بحد أقصى {calls} مرات في التشغيل الواحد",
            "and": " و ",
            "or": "، أو ",
            "not_granted": "صلاحياته لا تشمله",
            "not_active": "الوكيل غير نشط",
            "stopped": "هو موقوف",
            "no_permit": "لا توجد سياسة يمكن أن تسمح به",
            "forbidden": "تمنعه سياسة دائماً",
        },
    }
)


def say_permission(found: Permission, language: Language = "en") -> str:
    """Put a permission into words: `buyer may use erp.pay if context.input.amount <= 5000; never if ...`."""
    words = _WORDS[language]
    approvers = ", ".join(sorted({each.approvers for each in found.conditions if each.approvers and not each.needs}))
    bar = words[found.bar.value] if found.bar is not None else ""
    head = words[found.may.value].format(agent=found.agent, target=found.target, approvers=approvers, bar=bar)
    if found.may is May.NEVER:
        return head
    permits = [each.needs for each in found.conditions if each.stance is Stance.PERMIT]
    said = [head]
    if all(permits):
        ways = words["or"].join(words["and"].join(needs) for needs in permits)
        said[0] += f" {words['permit'].format(needs=ways)}"
    for each in found.conditions:
        if each.stance is not Stance.PERMIT and each.needs:
            needs = words["and"].join(each.needs)
            said.append(words[each.stance.value].format(needs=needs, approvers=each.approvers))
    if found.calls_per_run is not None:
        said.append(words["calls"].format(calls=found.calls_per_run))
    return "; ".join(said)
