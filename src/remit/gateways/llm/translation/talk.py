"""The plain form of a request and of an answer, which every dialect is read into and written from.

It has words for text, pictures sent along, tools with their results, and the usual settings. What a request holds
beyond that is refused, never dropped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from remit.gateways.llm.turned import invalid


@dataclass(frozen=True, slots=True)
class Words:
    """Text."""

    text: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that is sent along, in base64."""

    kind: str
    data: str


@dataclass(frozen=True, slots=True)
class Use:
    """A tool that the model has asked for."""

    id: str
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Came:
    """What came of a tool. `failed`: it was an error."""

    id: str
    text: str
    failed: bool = False


Part = Words | Picture | Use | Came


@dataclass(frozen=True, slots=True)
class Turn:
    """What the user (tools included) or the assistant has said in one go."""

    is_user: bool
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Offered:
    """A tool that the model may ask for."""

    name: str
    description: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Talk:
    """A request.

    Attributes:
        choice: `auto`, `none`, `any` (one must be used), or `tool:NAME`.
        parallel: whether several tools may be asked for at once; None where it is left open.
    """

    system: str
    turns: tuple[Turn, ...]
    tools: tuple[Offered, ...] = ()
    choice: str = "auto"
    parallel: bool | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    user: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """More words of an answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Asks:
    """The beginning of a tool call. `place` numbers them within the answer."""

    place: int
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class AsksWith:
    """More of a tool call's arguments, as JSON text."""

    place: int
    text: str


@dataclass(frozen=True, slots=True)
class Ends:
    """The end of an answer: `stop`, `length`, `tools` or `filtered`."""

    why: str


@dataclass(frozen=True, slots=True)
class Used:
    """What was used. `read` is all of the input, cached or not."""

    read: int
    written: int
    cached: int = 0


Step = Said | Asks | AsksWith | Ends | Used


def no_word(what: str, where: str) -> NoReturn:
    """Refuse what can not be said in another dialect."""
    text = f"{what} can not be translated for the endpoint of this model, which speaks another interface: leave it out"
    raise invalid("translation.no_word", text, where)


def only(value: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    """Refuse members that nobody here has a word for. Nulls count as left out."""
    for name, each in value.items():
        if name not in known and each is not None:
            no_word(name[:80], f"{where}.{name[:80]}" if where else name[:80])


def merged(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """Join what one side has said in several messages: other dialects want the sides to take turns."""
    found: list[Turn] = []
    for turn in turns:
        if found and found[-1].is_user is turn.is_user:
            found[-1] = Turn(turn.is_user, (*found[-1].parts, *turn.parts))
        else:
            found.append(turn)
    return tuple(found)


@dataclass(slots=True)
class Numbers:
    """Numbers things as they come: 0, 1, 2 for whatever keys there are."""

    found: dict[Any, int] = field(default_factory=dict)

    def of(self, key: Any) -> int:
        """Return the number of a key."""
        return self.found.setdefault(key, len(self.found))
