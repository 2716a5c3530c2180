"""Follows an answer in an endpoint's dialect and gives it to a client in another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from remit.gateways.llm.face import Face, Seen, UpstreamBroken
from remit.gateways.llm.translation.answers import Writer
from remit.gateways.llm.translation.hearing import Hearing
from remit.gateways.llm.translation.talk import Asks, AsksWith, Ends, Said, Step, Used
from remit.gateways.llm.turned import Turned
from remit.gateways.llm.veil import Veil

_UNREADABLE = (AttributeError, TypeError, KeyError, ValueError, IndexError)
"""What reading a document raises that is none of its dialect; orjson's own error is a ValueError."""


class Translating:
    """A Follower of a stream, and the reader of an answer in one piece."""

    def __init__(self, face: Face, hearing: Hearing, writer: Writer, veil: Veil | None) -> None:
        self.seen = Seen()
        self.broken: UpstreamBroken | None = None
        self._face = face
        self._hearing = hearing
        self._writer = writer
        self._veil = veil
        self._begun = False

    def feed(self, piece: bytes) -> bytes:
        """See Follower."""
        found: list[bytes] = []
        try:
            found += [self._written(step) for step in self._watched(self._hearing.pieces(piece))]
        except UpstreamBroken as error:
            self.broken = error
        except _UNREADABLE:
            self.broken = UpstreamBroken("answered an event that is none of its dialect")
        self.seen.is_whole = self._hearing.is_over and self.broken is None
        return b"".join(found)

    def end(self) -> bytes:
        """See Follower."""
        found = b"".join(map(self._written, self._watched(self._hearing.last())))
        if not self._hearing.is_over:
            raise UpstreamBroken("hung up before the answer had ended")
        self.seen.is_whole = True
        return (b"" if self._begun else self._writer.begin()) + found + self._writer.last()

    def cut(self, turned: Turned) -> bytes:
        """See Follower: in the client's own words."""
        return self._face.cut(turned)

    def whole(self, raw: bytes) -> bytes:
        """Return an answer in one piece, translated. Raises UpstreamBroken."""
        try:
            steps = list(self._watched(self._hearing.whole(orjson.loads(raw))))
            answer: dict[str, Any] = self._writer.whole(steps)
        except _UNREADABLE:
            raise UpstreamBroken("answered what is none of its dialect") from None
        self.seen.is_whole = True
        return orjson.dumps(answer)

    def _written(self, step: Step) -> bytes:
        begun, self._begun = self._begun, True
        return (b"" if begun else self._writer.begin()) + self._writer.step(step)

    def _watched(self, steps: Iterator[Step]) -> Iterator[Step]:
        """See every step, and pass it on with its words as the client may see them."""
        seen = self.seen
        for step in steps:
            match step:
                case Said():
                    seen.say(step.text)
                    if self._veil is not None:
                        shown = self._veil.piece("", step.text)
                        if shown:
                            yield Said(shown)
                        continue
                case Asks():
                    seen.ask((0, step.place), step.name)
                case AsksWith():
                    seen.ask((0, step.place), "", step.text)
                case Ends():
                    seen.finish = step.why
                case Used():
                    details = {"cached_tokens": step.cached}
                    seen.usage = {"prompt_tokens": step.read, "completion_tokens": step.written}
                    seen.usage["prompt_tokens_details"] = details
            if not isinstance(step, Used):  # what was held back of the words comes before anything else
                rest = "" if self._veil is None else self._veil.rest("")
                if rest:
                    yield Said(rest)
            yield step
