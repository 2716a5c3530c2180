"""Whether a step brought anything new, given what the run has asked and heard so far."""

from collections.abc import Set
from dataclasses import dataclass
from enum import IntEnum
from zlib import crc32

from remit.kernel.loops.sketch import CallSketch, ResultSketch

NEW_PERMILLE = 100
"""A text of which less than a tenth is new says nothing new."""
SUBSTANTIAL = 16
"""A result of fewer tokens is an acknowledgement: the same for twenty items, it is no sign of a loop."""


class Asked(IntEnum):
    """How a call relates to the calls before it."""

    NEW = 0
    REWORDED = 1
    """The same subject in words of which many are new."""
    NEXT = 2
    """The same, further on in a list."""
    AGAIN = 3
    """The same, in known words."""


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
        """Hash a call and its answer; that of a pollable tool counts to the last digit of its amounts."""
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
    """How a call relates to what was `asked`: by its subject first, then its words, then its position."""
    if marks.subject not in asked:
        return Asked.NEW
    unknown_words = sum(word not in asked for word in call.prose)
    if unknown_words * 1000 >= NEW_PERMILLE * max(1, len(call.prose)):
        return Asked.REWORDED
    return Asked.NEXT if marks.position not in asked else Asked.AGAIN


def new_permille(call: CallSketch, result: ResultSketch, heard: Set[int]) -> int:
    """The share of a result not `heard` before, per mille; echoed words of the call are not new."""
    if not result.sample:
        return 0
    news = sum(mark not in heard and mark not in call.echo for mark in result.sample)
    return news * 1000 // len(result.sample)


def judge(asks: Asked, new: int, result: ResultSketch, looks: int, *, answer_known: bool, result_known: bool) -> News:
    """What a step added.

    `new` is the new share of its result per mille, `looks` how often this call, in these words, was made
    before, `answer_known` whether it was answered like this, `result_known` whether any recent call was.
    """
    if asks is Asked.NEW:
        # A new question is progress even if its answer is short; a long answer known in full is none.
        return News.STALE if result_known and new == 0 and _is_substantial(result) else News.FRESH
    if asks is Asked.REWORDED:
        return News.STALE if new == 0 and _is_substantial(result) else News.FRESH
    if asks is Asked.NEXT:
        return News.STALE if new == 0 and result_known else News.FRESH
    if new >= NEW_PERMILLE:
        return News.FRESH
    if looks == 1:
        # Read before and after an update: few words of the record differ, and they were said elsewhere.
        return News.SECOND if answer_known else News.FRESH
    return News.STALE


def _is_substantial(result: ResultSketch) -> bool:
    return len(result.sample) >= SUBSTANTIAL
