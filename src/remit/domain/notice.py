"""A message that tells somebody an approval waits for them, and its words in English and Arabic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType

from remit.domain.clock import MICROS_PER_SECOND, Instant
from remit.domain.ids import AgentName, ApprovalId, WorkspaceName
from remit.domain.messages import Language
from remit.domain.release import Title


class NoticeReason(StrEnum):
    """Why somebody is told."""

    ASKED = "asked"
    """Their group may answer now."""
    ESCALATED = "escalated"
    """Their group may answer now, since the one before it has not in time."""
    EXPIRING = "expiring"
    """Nobody has answered, and soon nobody can."""


class NoticeState(StrEnum):
    """Where a notice stands. What has failed was tried as often as it is; a dropped one had become needless."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Notice:
    """One message to one address.

    Attributes:
        id: says for which edition of which approval to which address: the same twice is one notice.
        recipient: the person or group it is for.
        address: a reference, such as `env:SLACK_URL`; the address itself is secret and never stored.
        tries: how often sending was begun.
        next_at: when it is sent, or tried again.
        problem: a code for why the last try failed; never words of whoever refused it.
    """

    id: str
    workspace: WorkspaceName
    approval: ApprovalId
    reason: NoticeReason
    recipient: str
    address: str
    state: NoticeState
    tries: int
    next_at: Instant
    created_at: Instant
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent, as plain text."""

    subject: str
    body: str


_WORDS: Mapping[Language, Mapping[NoticeReason, str]] = MappingProxyType(
    {
        "en": {
            NoticeReason.ASKED: "{agent} asks for your approval, until {until}.",
            NoticeReason.ESCALATED: "Nobody answered in time: {agent} now asks for your approval, until {until}.",
            NoticeReason.EXPIRING: "{agent} still waits for an approval, which expires at {until}.",
        },
        "ar": {
            NoticeReason.ASKED: "يطلب {agent} موافقتك قبل {until}.",
            NoticeReason.ESCALATED: "لم يُجب أحد في الوقت المحدد: يطلب {agent} موافقتك الآن قبل {until}.",
            NoticeReason.EXPIRING: "ما زال {agent} بانتظار موافقة تنتهي صلاحيتها في {until}.",
        },
    }
)
_LOOK: Mapping[Language, str] = MappingProxyType({"en": "Look at it and answer: {link}", "ar": "للاطلاع والرد: {link}"})

_INERT = str.maketrans({"<": "‹", ">": "›", "@": "＠", "`": "'", "*": "∗", "[": "［", "]": "］", "|": "∣"})
"""What chat programs read as a link, a mention or a form, and what it is written as instead."""


def message(reason: NoticeReason, title: Title, agent: AgentName, expires_at: Instant, link: str) -> Message:
    """Put a notice into words.

    The only link in it is ours: what stands in the title can call nobody and lead nowhere.
    """
    until = datetime.fromtimestamp(expires_at / MICROS_PER_SECOND, UTC).strftime("%Y-%m-%d %H:%M UTC")
    parts = []
    languages: tuple[tuple[Language, str], ...] = (("en", title.en), ("ar", title.ar))
    for language, said in languages:
        words = _WORDS[language][reason].format(agent=agent, until=until)
        parts.append("\n".join((inert(said), words, _LOOK[language].format(link=link))))
    return Message(f"Remit: {agent} / موافقة", "\n\n".join(parts))


def inert(text: str) -> str:
    """Return a text in which no chat program and no mail reader finds a link, a mention or a form."""
    return text.translate(_INERT).replace("://", ":∕∕").replace("www.", "www․")


def trial(link: str) -> Message:
    """Return the message that tries an address."""
    body = (
        f"This is a test: approvals that wait for you are told here.\n\nهذا اختبار: ستصلك هنا طلبات الموافقة.\n\n{link}"
    )
    return Message("Remit: test / اختبار", body)
