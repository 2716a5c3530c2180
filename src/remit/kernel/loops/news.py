"""Whether a step brought anything new, given what the run has asked and heard so far."""

from collections.abc import Set
from dataclasses import dataclass
from enum import IntEnum
from zlib import crc32

from remit.kernel.loops.sketch import CallSketch, ResultSketch

NEW_PERMILLE = 100
"""A text of which less than a tenth is new says nothing new."""
SUBSTANTIAL = 16
"""A result of fewer tokens is an acknowledgement: the same for twenty different items, it is no sign of a loop."""


class Asked(IntEnum):
    """How a call relates to the calls before it."""

    NEW = 0
    NEXT = 1
    """The same, further on in a list."""
    AGAIN = 2
    """The same, or the same in other words."""


class News(IntEnum):
    """What a step added to what was known."""

    FRESH = 0
    SECOND = 1
    """A known call with its known answer, once more. To look twice neither proves nor disproves a loop."""
    STALE = 2


@dataclass(frozen=True, slots=True)
class CallMarks:
    """A call as 32-bit hashes that fit in a history."""

    subject: int
    position: int
    wording: int
    answer: int
    """The call together with its answer."""

    @classmethod
    def of(cls, call: CallSketch, result: ResultSketch, *, pollable: bool) -> "CallMarks":
        """Hash a call and its answer. The answer of a pollable tool counts to the last digit of its amounts."""
        answer = result.detail if pollable else result.masked
        return cls(
            subject=crc32(call.subject),
            position=crc32(call.subject + call.position),
            wording=cls.wording_of(call),
            answer=crc32(call.masked + answer),
        )

    @staticmethod
    def wording_of(call: CallSketch) -> int:
        """The hash by which a call in these very words is remembered."""
        return crc32(call.masked)

    def all(self) -> tuple[int, int, int, int]:
        """The four hashes."""
        return (self.subject, self.position, self.wording, self.answer)


def relation(call: CallSketch, marks: CallMarks, asked: Set[int]) -> Asked:
    """How a call relates to what was `asked`: by its subject first, then by its words, then by its position."""
    if marks.subject not in asked:
        return Asked.NEW
    unknown_words = sum(word not in asked for word in call.prose)
    if unknown_words * 1000 >= NEW_PERMILLE * max(1, len(call.prose)):
        return Asked.NEW
    return Asked.NEXT if marks.position not in asked else Asked.AGAIN


def new_permille(call: CallSketch, result: ResultSketch, heard: Set[int]) -> int:
    """The share of a result that was not `heard` before, per mille, leaving out words it merely echoes from the call."""
    if not result.sample:
        return 0
    news = sum(mark not in heard and mark not in call.echo for mark in result.sample)
    return news * 1000 // len(result.sample)


def judge(asks: Asked, new: int, result: ResultSketch, looks: int, *, answer_known: bool, result_known: bool) -> News:
    """What a step added.

    `new` is the new share of its result per mille, `looks` how often this call (in these words) was made before.
    """
    if asks is Asked.NEW:
        # A new question is progress even if the answer is short; only a long answer known word for word is none.
        substantial = len(result.sample) >= SUBSTANTIAL
        return News.STALE if substantial and new == 0 and result_known else News.FRESH
    if asks is Asked.NEXT:
        return News.FRESH if new else News.STALE
    if new >= NEW_PERMILLE:
        return News.FRESH
    if looks == 1:
        # Read before and after an update: few words of the record differ, and they were said elsewhere.
        return News.SECOND if answer_known else News.FRESH
    return News.STALE
