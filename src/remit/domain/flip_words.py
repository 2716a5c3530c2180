"""Flips and gaps in words, in English and Arabic. A gap without words in either fails a test."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from remit.domain.finding import Finding
from remit.domain.flip import FlipExample, FlipKey, Gap
from remit.domain.messages import Language, say

_GAPS: Mapping[Language, Mapping[Gap, str]] = MappingProxyType(
    {
        "en": {
            Gap.ARGUMENTS_ERASED: "their arguments were erased",
            Gap.WRONG_KEY: "their arguments are sealed under another master key",
            Gap.OTHER_KERNEL: "another version of the kernel decided them",
            Gap.AGENT_GONE: "the candidate knows their agent no longer",
            Gap.TOOL_GONE: "the candidate knows their tool no longer",
            Gap.SCHEMA_CHANGED: "their arguments no longer fit the tool's schema",
            Gap.FACT_MISSING: "the candidate reads a temporal fact that was not counted then",
            Gap.UNREADABLE: "their records can not be read by this version",
        },
        "ar": {
            Gap.ARGUMENTS_ERASED: "مُحيت معطياتها",
            Gap.WRONG_KEY: "معطياتها مختومة بمفتاح رئيسي آخر",
            Gap.OTHER_KERNEL: "قررها إصدار آخر من النواة",
            Gap.AGENT_GONE: "لم يعد الإصدار المرشح يعرف وكيلها",
            Gap.TOOL_GONE: "لم يعد الإصدار المرشح يعرف أداتها",
            Gap.SCHEMA_CHANGED: "لم تعد معطياتها توافق مخطط الأداة",
            Gap.FACT_MISSING: "يقرأ الإصدار المرشح حقيقة زمنية لم تكن تُحسب حينها",
            Gap.UNREADABLE: "لا يستطيع هذا الإصدار قراءة سجلاتها",
        },
    }
)
_VERDICTS: Mapping[Language, Mapping[str, str]] = MappingProxyType(
    {
        "en": {"allow": "allowed", "deny": "denied", "hold": "held"},
        "ar": {"allow": "مسموح", "deny": "مرفوض", "hold": "معلّق"},
    }
)
_SAME: Mapping[Language, Mapping[str, str]] = MappingProxyType(
    {
        "en": {"duties": "allowed with other duties", "approvers": "held for other approvers"},
        "ar": {"duties": "مسموح بواجبات أخرى", "approvers": "معلّق لموافقين آخرين"},
    }
)
_QUIET = {"en": "nothing spoke against it", "ar": "لم يعترض عليه شيء"}
_BECOMES = {"en": "{before} becomes {after}", "ar": "{before} يصبح {after}"}


def say_gap(gap: Gap, language: Language = "en") -> str:
    """Put into words why decisions could not be made again."""
    return _GAPS[language][gap]


def say_kind(key: FlipKey, language: Language = "en") -> str:
    """Put into words what becomes of the actions of a group."""
    if key.kind in _SAME[language]:
        return _SAME[language][key.kind]
    before, _, after = key.kind.partition("->")
    return _BECOMES[language].format(before=_VERDICTS[language][before], after=_VERDICTS[language][after])


def say_sides(example: FlipExample, language: Language = "en") -> tuple[str, str]:
    """Put into words what was found then and what would be now."""
    return _said(example.before, language), _said(example.after, language)


def _said(findings: tuple[Finding, ...], language: Language) -> str:
    return "; ".join(dict.fromkeys(say(finding, language) for finding in findings)) or _QUIET[language]
