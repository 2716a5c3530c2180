"""What the gateway needs of an interface that clients speak."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

from remit.domain.upstream import Dialect
from remit.gateways.llm.asked import Asked, Body
from remit.gateways.llm.turned import Turned

UsageForm = Mapping[str, Any]


@dataclass(slots=True)
class Seen:
    """What was seen of an answer so far.

    Attributes:
        text: what the model said, up to MOST_KEPT characters.
        written: bytes of everything it wrote: words, thoughts that are shown, arguments of tools.
        calls: tools it asks for, by their place in the answer, each with its name and arguments as text.
        usage: what the upstream says was used, in the form of its dialect.
        finish: why it ended, in its own word; empty while it has not.
        is_whole: the answer came to its end.
    """

    text: list[str] = field(default_factory=list)
    written: int = 0
    calls: dict[tuple[int, int], ToolCall] = field(default_factory=dict)
    usage: dict[str, Any] = field(default_factory=dict)
    finish: str = ""
    is_whole: bool = False
    kept: int = 0

    def say(self, text: object) -> None:
        """Hear words of the answer."""
        if type(text) is str and text:
            self.written += len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
            if self.kept < MOST_KEPT:
                self.text.append(text)
                self.kept += len(text)
        elif text:
            self.think(text)

    def think(self, text: object) -> None:
        """Hear what the model writes besides its answer, in whichever form."""
        if type(text) is str:
            self.written += len(text.encode("utf-8", "surrogatepass"))
        elif text is not None:
            self.written += len(orjson.dumps(text))

    def ask(self, place: tuple[int, int], name: object = "", arguments: object = "") -> None:
        """Hear of a tool that the model asks for, or of more of its arguments."""
        call = self.calls.get(place)
        if call is None:
            if len(self.calls) >= MOST_CALLS:
                return
            call = self.calls[place] = ToolCall()
        if type(name) is str and name:
            call.name += name[:LONGEST_NAME]
            self.written += len(name)
        if type(arguments) is str and arguments:
            self.written += len(arguments.encode("utf-8", "surrogatepass"))
            if self.kept < MOST_KEPT:
                call.arguments.append(arguments)
                self.kept += len(arguments)


MOST_KEPT = 262_144
MOST_CALLS = 256
LONGEST_NAME = 256


@dataclass(slots=True)
class ToolCall:
    """A tool that a model asks for."""

    name: str = ""
    arguments: list[str] = field(default_factory=list)


class Follower(Protocol):
    """Follows a stream from upstream and says what of it the client is sent.

    `broken` is what is wrong with the stream, once something is: what came before it goes on to the client.
    """

    seen: Seen
    broken: UpstreamBroken | None

    def feed(self, piece: bytes) -> bytes:
        """Take a piece from upstream and return what goes on to the client, maybe nothing."""
        ...

    def end(self) -> bytes:
        """Hear that upstream has ended, or the answer has; return what the client gets once the call is settled.

        Raises UpstreamBroken where the answer has not come to its end.
        """
        ...

    def cut(self, turned: Turned) -> bytes:
        """Return the last events of a stream that is not brought to its end."""
        ...


class UpstreamBroken(Exception):
    """What an upstream answers is not what its dialect says. The text holds nothing of it."""


class Face(Protocol):
    """An interface that clients speak."""

    name: str
    dialect: Dialect
    path: str
    """Of the same interface at an endpoint that speaks it."""

    def read(self, body: Body) -> Asked:
        """Read a request. Raises Turned."""
        ...

    def changes(self, asked: Asked, model: str, provider: str, most_output: int) -> Mapping[str, Any]:
        """Return the members that must be other than the client has sent them, for an endpoint of the same dialect."""
        ...

    def follow(self, asked: Asked) -> Follower:
        """Return who follows a stream of the same dialect."""
        ...

    def whole(self, asked: Asked, raw: bytes, seen: Seen) -> bytes:
        """Look through an answer of the same dialect that came in one piece. Raises UpstreamBroken."""
        ...

    def refusal(self, turned: Turned) -> dict[str, Any]:
        """Put a refusal into this interface's words."""
        ...

    def cut(self, turned: Turned) -> bytes:
        """Return the last events of a translated answer that is cut."""
        ...
