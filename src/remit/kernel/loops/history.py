"""What loop detection remembers of a run: its last steps and, bounded, what has been asked and heard.

The value is frozen and small (at most `MAX_BYTES` once packed), so that it can live in the run's row and be
replayed.
"""

import struct
from dataclasses import dataclass
from itertools import accumulate
from typing import Self

from remit.kernel.loops.news import Asked, CallMarks, News, judge, new_permille, relation
from remit.kernel.loops.sketch import CallSketch, ResultSketch

WINDOW_STEPS = 24
"""How many steps are kept. A cycle of up to eleven calls is seen to come round twice."""
MAX_BYTES = 8_192
"""No packed history is longer."""

_VERSION = 1
_HEARD = 768
"""Hashes of result tokens remembered: twelve full samples. The oldest go first."""
_ASKED = 384
_MAX_COUNT = 65_535

_HEADER = struct.Struct("<BBHHH")
"""Version, steps, heard, asked, still polls. Eight bytes, so that the ring behind it stays aligned."""
_RING = struct.Struct(f"<{WINDOW_STEPS}Q")
"""Digests of exact calls, oldest first, zeros in front: read by `repeats` without the rest."""

_ASKED_SHIFT = 2
_ERROR = 0x10
_POLLABLE = 0x20


@dataclass(frozen=True, slots=True)
class LoopHistory:
    """The steps of a run as loop detection sees them.

    Five columns of equal length, at most `WINDOW_STEPS`, oldest first; then what the run has heard and asked.
    """

    exact: tuple[int, ...]
    """Digests of the exact calls."""
    calls: tuple[int, ...]
    """Digests of the masked calls."""
    results: tuple[int, ...]
    """Digests of the masked results."""
    seen_permille: tuple[int, ...]
    """How much of each result had been heard before."""
    notes: tuple[int, ...]
    """News, relation, error and pollable in one byte: see `news`, `asks`, `is_error`, `is_poll`."""
    heard: tuple[int, ...]
    """Hashes of result tokens, oldest first."""
    asked: tuple[int, ...]
    """Hashes of subjects, positions, wordings, answers and words of calls, oldest first."""
    still_polls: int
    """Polls in a row whose answer was known, up to 65,535."""

    def __len__(self) -> int:
        return len(self.calls)

    @classmethod
    def empty(cls) -> Self:
        """The history of a run that has done nothing yet."""
        return cls((), (), (), (), (), (), (), 0)

    def news(self, step: int) -> News:
        """What the step at this index added."""
        return News(self.notes[step] & 3)

    def asks(self, step: int) -> Asked:
        """How the call at this index related to those before it."""
        return Asked(self.notes[step] >> _ASKED_SHIFT & 3)

    def is_error(self, step: int) -> bool:
        """Whether the step at this index failed."""
        return bool(self.notes[step] & _ERROR)

    def is_poll(self, step: int) -> bool:
        """Whether the tool of the step at this index is pollable."""
        return bool(self.notes[step] & _POLLABLE)

    def observed(self, call: CallSketch, result: ResultSketch, *, error: bool, pollable: bool) -> "LoopHistory":
        """This history with one more step, judged against everything before it."""
        heard, asked = frozenset(self.heard), frozenset(self.asked)
        marks = CallMarks.of(call, result, pollable=pollable)
        asks = relation(call, marks, asked)
        new = new_permille(call, result, heard)
        known = marks.answer in asked
        news = self._judged(call, result, asks, new, known=known, pollable=pollable, heard=heard, asked=asked)
        still_polls = self.still_polls
        if pollable:
            still_polls = min(still_polls + 1, _MAX_COUNT) if known else 0
        return LoopHistory(
            exact=_last(self.exact, _number(call.exact)),
            calls=_last(self.calls, _number(call.masked)),
            results=_last(self.results, _number(result.masked)),
            seen_permille=_last(self.seen_permille, 1000 - new),
            notes=_last(self.notes, news | asks << _ASKED_SHIFT | _ERROR * error | _POLLABLE * pollable),
            heard=_remembered(self.heard, (*result.sample, *result.progress), heard, _HEARD),
            asked=_remembered(self.asked, (*marks.all(), *call.prose), asked, _ASKED),
            still_polls=still_polls,
        )

    def _judged(
        self,
        call: CallSketch,
        result: ResultSketch,
        asks: Asked,
        new: int,
        *,
        known: bool,
        pollable: bool,
        heard: frozenset[int],
        asked: frozenset[int],
    ) -> News:
        if pollable or not heard.issuperset(result.progress):
            # A poll counts in `still_polls` alone: waiting between polls is no sign of a loop either.
            return News.FRESH
        # A wording that has left the window was looked at once at least.
        looks = self.calls.count(_number(call.masked)) or int(CallMarks.wording_of(call) in asked)
        result_known = _number(result.masked) in self.results
        return judge(asks, new, result, looks, answer_known=known, result_known=result_known)

    def to_bytes(self) -> bytes:
        """Pack the history in at most `MAX_BYTES`, little-endian; the ring of exact calls comes first."""
        steps = len(self.calls)
        padding = (0,) * (WINDOW_STEPS - steps)
        head = _HEADER.pack(_VERSION, steps, len(self.heard), len(self.asked), self.still_polls)
        body = _body(steps, len(self.heard), len(self.asked)).pack(
            *self.calls, *self.results, *self.heard, *self.asked, *self.seen_permille, *self.notes
        )
        return head + _RING.pack(*padding, *self.exact) + body

    @classmethod
    def from_bytes(cls, packed: bytes) -> Self:
        """Unpack what `to_bytes` packed; no bytes are an empty history.

        Raises ValueError when the bytes are of another version or not a whole history.
        """
        if not packed:
            return cls.empty()
        if packed[0] != _VERSION:
            raise ValueError(f"loop history has version {packed[0]}, this release reads version {_VERSION}")
        if len(packed) < _HEADER.size + _RING.size:
            raise ValueError(f"loop history is cut short: {len(packed)} bytes")
        _, steps, heard, asked, still_polls = _HEADER.unpack_from(packed)
        body = _body(steps, heard, asked)
        expected = _HEADER.size + _RING.size + body.size
        if steps > WINDOW_STEPS or len(packed) != expected:
            raise ValueError(f"loop history of {steps} steps has {len(packed)} bytes, expected {expected}")
        values = body.unpack_from(packed, _HEADER.size + _RING.size)
        ends = [steps, steps, heard, asked, steps, steps]
        starts = [0, *accumulate(ends)]
        columns = [values[start : start + length] for start, length in zip(starts, ends, strict=False)]
        calls, results, heard_marks, asked_marks, seen_permille, notes = columns
        exact = _RING.unpack_from(packed, _HEADER.size)[WINDOW_STEPS - steps :]
        return cls(exact, calls, results, seen_permille, notes, heard_marks, asked_marks, still_polls)


def repeats(history: bytes, call_digest: bytes) -> int:
    """How many of the last `WINDOW_STEPS` steps made exactly this call (`CallSketch.exact`).

    Reads only the ring in front of the packed history: it is called in the admission transaction.
    """
    if not history:
        return 0
    return _RING.unpack_from(history, _HEADER.size).count(int.from_bytes(call_digest, "little"))


def _number(digest: bytes) -> int:
    return int.from_bytes(digest, "little")


def _last(column: tuple[int, ...], value: int) -> tuple[int, ...]:
    return (*column[-(WINDOW_STEPS - 1) :], value)


def _remembered(memory: tuple[int, ...], marks: tuple[int, ...], known: frozenset[int], limit: int) -> tuple[int, ...]:
    new = [mark for mark in dict.fromkeys(marks) if mark not in known]
    return (*memory, *new)[-limit:] if new else memory


def _body(steps: int, heard: int, asked: int) -> struct.Struct:
    return struct.Struct(f"<{2 * steps}Q{heard + asked}I{steps}H{steps}B")
