"""Which actions a change allows, denies or holds that were not before: an example of each, and words for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from remit.domain.messages import Language
from remit.domain.release import AgentStatus
from remit.domain.title import FSI, PDI

MOST_NAMED = 3
"""Agents that a sentence names."""


@dataclass(frozen=True, slots=True)
class Consequence:
    """Actions that are decided otherwise by policies and grants.

    Attributes:
        agents: whose actions; the example is the first one's.
        target: a tool, or a model as `provider/name`.
        before, after: `allow`, `deny` or `hold`.
        cause: the policy that speaks against the action now, or did before; else what does, such as `not granted`.
        example: the attributes that the policies read, as a request has them that comes out otherwise.
        action: a recorded action that does; empty where none was found and the example is made up.
        recorded: how many of the recorded actions that were looked at do.
    """

    agents: tuple[str, ...]
    target: str
    before: str
    after: str
    cause: str
    example: Mapping[str, str] = field(default_factory=dict)
    action: str = ""
    recorded: int = 0


NO_AGENT, NO_TOOL, NOT_GRANTED = "no such agent", "no such tool", "not granted"
UNFIT, NO_PERMIT = "its arguments do not fit", "no permit"
NOT_ACTIVE: Mapping[str, str] = MappingProxyType(
    {status.value: f"the agent is {status.value}" for status in AgentStatus if status is not AgentStatus.ACTIVE}
)
"""What speaks against an action beside policies."""

_CAUSES: Mapping[str, str] = MappingProxyType(
    {
        NO_AGENT: "لا وكيل بهذا الاسم",
        NO_TOOL: "لا أداة بهذا الاسم",
        NOT_GRANTED: "غير ممنوح",
        UNFIT: "وسائطه لا توافق المخطط",
        NO_PERMIT: "لا سياسة تسمح به",
        **{said: f"حالة الوكيل {FSI}{status}{PDI}" for status, said in NOT_ACTIVE.items()},
    }
)
_BECOMES: Mapping[Language, Mapping[str, str]] = MappingProxyType(
    {
        "en": {"allow": "allowed", "deny": "denied", "hold": "held"},
        "ar": {"allow": "مسموح", "deny": "مرفوض", "hold": "معلّق"},
    }
)
_ENGLISH: Mapping[str, str] = MappingProxyType(
    {
        "comma": ", ",
        "more": " and {count} more",
        "said": "{agents}, {target}: {after} instead of {before}",
        "cause": " ({cause})",
        "so_far": " (so far {cause})",
        "example": ", such as with ",
        "recorded": "; {count} recorded, such as {action}",
    }
)
_ARABIC: Mapping[str, str] = MappingProxyType(
    {
        "comma": "، ",
        "more": " و{count} غيرهم",
        "said": "{agents}، {target}: {after} بدلاً من {before}",
        "cause": " ({cause})",
        "so_far": " (حتى الآن {cause})",
        "example": "، مثلاً مع ",
        "recorded": "؛ سُجّل منها {count}، مثل {action}",
    }
)


def say_consequence(found: Consequence, language: Language = "en") -> str:
    """Put into words what becomes of some actions: `buyer, erp.pay: held instead of allowed (big), such as ...`."""
    words, becomes = (_ENGLISH if language == "en" else _ARABIC), _BECOMES[language]

    def kept(value: str) -> str:
        """Keep a name or value in its own direction within Arabic (UAX 9, section 2.5)."""
        return value if language == "en" else f"{FSI}{value}{PDI}"

    agents = words["comma"].join(kept(name) for name in found.agents[:MOST_NAMED])
    if len(found.agents) > MOST_NAMED:
        agents += words["more"].format(count=len(found.agents) - MOST_NAMED)
    after, before = becomes[found.after], becomes[found.before]
    said = words["said"].format(agents=agents, target=kept(found.target), after=after, before=before)
    if found.cause:
        cause = found.cause if language == "en" else _CAUSES.get(found.cause, kept(found.cause))
        said += words["so_far" if found.after == "allow" else "cause"].format(cause=cause)
    if found.example:
        example = (kept(f"{path} = {value}") for path, value in found.example.items())
        said += words["example"] + words["comma"].join(example)
    if found.recorded:
        said += words["recorded"].format(count=found.recorded, action=kept(found.action))
    return said
