"""The forms a single value may take. Each reads a node, says what is wrong, and describes itself to editors.

One table of fields made of forms is both the reader and the JSON Schema, so that the two can not drift apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, Protocol, TypeVar
from zoneinfo import ZoneInfo

from remit.domain.money import Micros, usd_to_micros
from remit.domain.release import Rate
from remit.domain.text import hidden_character, is_name
from remit.workspace.node import Node
from remit.workspace.report import At, closest, listed

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
C = TypeVar("C", bound=StrEnum)

MAX_TEXT = 4_000
"""Longest free text, in characters."""
MAX_COUNT = 2**53 - 1
"""Largest count that every JSON reader represents exactly (RFC 8785, section 3.2.2.3)."""
MAX_LISTED = 12
"""Most words a remedy lists."""


class Form(Protocol[T_co]):
    """What a value may look like. `read` returns None after reporting at least one problem, and only then."""

    def read(self, node: Node, at: At) -> T_co | None: ...

    def schema(self) -> dict[str, object]: ...


def _mistyped(node: Node, at: At, expected: str, remedy: str) -> None:
    if node.value is None:
        at.wrong(node, "has no value", remedy)
    else:
        at.wrong(node, f"must be {expected}, not {node.word}", remedy)


@dataclass(frozen=True, slots=True)
class Text:
    """Free text, in any script."""

    example: str = "some text"
    longest: int = MAX_TEXT
    may_be_empty: bool = False

    def read(self, node: Node, at: At) -> str | None:
        """Read text; a number or `true` is not taken for one."""
        remedy = f"Write text, for example `{self.example}`; put digits in quotes"
        if not isinstance(node.value, str):
            _mistyped(node, at, "text", remedy)
            return None
        if not node.value.strip() and not self.may_be_empty:
            at.wrong(node, "is empty", remedy)
            return None
        if len(node.value) > self.longest:
            at.wrong(node, f"is longer than {self.longest} characters", "Shorten it")
            return None
        return node.value

    def schema(self) -> dict[str, object]:
        """Describe it."""
        return {"type": "string", "minLength": 0 if self.may_be_empty else 1, "maxLength": self.longest}


@dataclass(frozen=True, slots=True)
class Name(Generic[T]):
    """The name of a resource: ASCII, so that names that look alike are alike. `prefix` is such as `user:`."""

    of: Callable[[str], T]
    example: str
    prefix: str = ""

    def read(self, node: Node, at: At) -> T | None:
        """Read a name."""
        begin = f"Begin with `{self.prefix}` and use" if self.prefix else "Use"
        remedy = f"{begin} letters, digits, `.`, `_` and `-`, for example `{self.example}`"
        if not isinstance(node.value, str):
            _mistyped(node, at, "a name", remedy)
            return None
        hidden = hidden_character(node.value)
        if hidden is not None:
            at.wrong(node, f"the name holds the invisible character {hidden}", "Type the name anew")
            return None
        if not node.value.startswith(self.prefix) or not is_name(node.value.removeprefix(self.prefix)):
            at.wrong(node, f"`{node.value[:80]}` can not be a name here", remedy)
            return None
        return self.of(node.value)

    def schema(self) -> dict[str, object]:
        """Describe it."""
        pattern = f"^{self.prefix}[a-zA-Z0-9]([a-zA-Z0-9._-]{{0,126}}[a-zA-Z0-9])?$"
        return {"type": "string", "pattern": pattern, "examples": [self.example]}


@dataclass(frozen=True, slots=True)
class Matching(Generic[T]):
    """Text of one fixed shape."""

    of: Callable[[str], T]
    pattern: str
    what: str
    example: str

    def read(self, node: Node, at: At) -> T | None:
        """Read it."""
        remedy = f"Write for example `{self.example}`"
        if not isinstance(node.value, str):
            _mistyped(node, at, self.what, remedy)
            return None
        if re.fullmatch(self.pattern, node.value) is None:
            at.wrong(node, f"`{node.value[:80]}` is not {self.what}", remedy)
            return None
        return self.of(node.value)

    def schema(self) -> dict[str, object]:
        """Describe it."""
        return {"type": "string", "pattern": f"^(?:{self.pattern})$", "examples": [self.example]}


@dataclass(frozen=True, slots=True)
class Reference:
    """Where the server finds something secret: in its environment, or in a file on its machine.

    What was written instead is never repeated: it may be the secret.
    """

    _PATTERN = r"env:(?!REMIT_)[A-Za-z_][A-Za-z0-9_]{0,127}|file:/[A-Za-z0-9._/-]{1,300}"

    def read(self, node: Node, at: At) -> str | None:
        """Read a reference. Remit's own settings are none: they hold secrets of another kind."""
        remedy = "Write `env:` and a variable's name, or `file:` and a path from the root, and put the address there"
        if not isinstance(node.value, str):
            _mistyped(node, at, "a reference", remedy)
            return None
        if re.fullmatch(self._PATTERN, node.value) is None:
            at.wrong(node, "is no reference to an address, which itself is secret and does not stand here", remedy)
            return None
        return node.value

    def schema(self) -> dict[str, object]:
        """Describe it."""
        return {"type": "string", "pattern": f"^(?:{self._PATTERN})$", "examples": ["env:SLACK_URL"]}


@dataclass(frozen=True, slots=True)
class TextOrReference:
    """A plain text, or where something secret is found. What looks like a reference must be one."""

    def read(self, node: Node, at: At) -> str | None:
        """Read either."""
        if isinstance(node.value, str) and node.value.startswith(("env:", "file:")):
            return Reference().read(node, at)
        return Text("production", 2_000, may_be_empty=True).read(node, at)

    def schema(self) -> dict[str, object]:
        """Describe it."""
        return {"type": "string", "maxLength": 2_000, "examples": ["env:ERP_TOKEN"]}


@dataclass(frozen=True, slots=True)
class Choice(Generic[C]):
    """One of a closed set of words."""

    of: type[C]
    words: tuple[str, ...] = ()
    """Those of them that may be written here; empty means all."""

    def read(self, node: Node, at: At) -> C | None:
        """Read one of the words."""
        known = self._known()
        remedy = f"Write {listed(known)}"
        if not isinstance(node.value, str):
            _mistyped(node, at, "one word", remedy)
            return None
        if node.value not in known:
            at.wrong(node, f"`{node.value[:80]}` is not known here", self._instead(node.value))
            return None
        return self.of(node.value)

    def schema(self) -> dict[str, object]:
        """Describe it."""
        return {"enum": list(self._known())}

    def _instead(self, word: str) -> str:
        known = self._known()
        likely = closest(word, known)
        if likely is None or len(known) <= 2:
            return f"Write {listed(known)}"
        rest = f"; known are {listed(known, 'and')}" if len(known) <= MAX_LISTED else ""
        return f"Perhaps `{likely}` is meant{rest}"

    def _known(self) -> tuple[str, ...]:
        return self.words or tuple(word.value for word in self.of)


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number in a range."""

    least: int = 1
    most: int = MAX_COUNT

    def read(self, node: Node, at: At) -> int | None:
        """Read a whole number."""
        upper = f" to {self.most}" if self.most != MAX_COUNT else " or more"
        remedy = f"Write a whole number, {self.least}{upper}"
        if not isinstance(node.value, int) or isinstance(node.value, bool):
            _mistyped(node, at, "a whole number", remedy)
            return None
        if not self.least <= node.value <= self.most:
            at.wrong(node, f"{node.value} is out of range", remedy)
            return None
        return node.value

    def schema(self) -> dict[str, object]:
        """Describe it."""
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


@dataclass(frozen=True, slots=True)
class Limit:
    """A whole number, or the word `unlimited`. An empty value is a mistake: it must not lift a limit."""

    number: Whole = Whole()

    def read(self, node: Node, at: At) -> Limited | None:
        """Read a number or `unlimited`."""
        if node.value == "unlimited":
            return Limited(None)
        number = self.number.read(node, at)
        return None if number is None else Limited(number)

    def schema(self) -> dict[str, object]:
        """Describe it."""
        return {"anyOf": [self.number.schema(), {"const": "unlimited"}]}


@dataclass(frozen=True, slots=True)
class Limited:
    """A limit as written; None is `unlimited`."""

    most: int | None


@dataclass(frozen=True, slots=True)
class YesNo:
    """true or false; YAML 1.2 knows no other words for them."""

    def read(self, node: Node, at: At) -> bool | None:
        """Read true or false."""
        if not isinstance(node.value, bool):
            _mistyped(node, at, "`true` or `false`", "Write `true` or `false`")
            return None
        return node.value

    def schema(self) -> dict[str, object]:
        """Describe it."""
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Dollars:
    """An amount in US dollars, as micro-USD; read from its text, so that 0.1 is 0.1."""

    positive: bool = False

    def read(self, node: Node, at: At) -> Micros | None:
        """Read an amount."""
        remedy = "Write an amount in US dollars without a currency sign, for example `2.50`"
        if not isinstance(node.value, int | float) or isinstance(node.value, bool):
            _mistyped(node, at, "an amount in US dollars", remedy)
            return None
        try:
            micros = usd_to_micros(node.text if isinstance(node.value, float) else node.value)
        except ValueError:
            at.wrong(node, f"{node.text[:40]} is out of range", remedy)
            return None
        if self.positive and micros == 0:
            at.wrong(node, "an amount of 0 would refuse everything", remedy)
            return None
        return micros

    def schema(self) -> dict[str, object]:
        """Describe it."""
        return {"type": "number", "exclusiveMinimum" if self.positive else "minimum": 0}


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time such as `30m` or `1h30m`, in seconds. A bare number is refused: it says no unit."""

    _PATTERN = r"(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,9})s)?"

    def read(self, node: Node, at: At) -> int | None:
        """Read a length of time of at least a second."""
        remedy = "Write days, hours, minutes and seconds, for example `30m`, `1h30m` or `7d`"
        if not isinstance(node.value, str):
            _mistyped(node, at, "a length of time", remedy)
            return None
        found = re.fullmatch(self._PATTERN, node.value)
        if found is None:
            at.wrong(node, f"`{node.value[:80]}` is not a length of time", remedy)
            return None
        days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
        total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
        if total == 0:
            at.wrong(node, "a length of time of nothing", remedy)
            return None
        return total

    def schema(self) -> dict[str, object]:
        """Describe it."""
        return {"type": "string", "pattern": f"^(?=.){self._PATTERN}$", "examples": ["30m", "1h30m"]}


@dataclass(frozen=True, slots=True)
class DurationLimit:
    """A length of time, or the word `unlimited`."""

    def read(self, node: Node, at: At) -> Limited | None:
        """Read a length of time or `unlimited`."""
        if node.value == "unlimited":
            return Limited(None)
        seconds = Duration().read(node, at)
        return None if seconds is None else Limited(seconds)

    def schema(self) -> dict[str, object]:
        """Describe it."""
        return {"anyOf": [Duration().schema(), {"const": "unlimited"}]}


@dataclass(frozen=True, slots=True)
class RateText:
    """Calls in a time, such as `60/minute`."""

    _SECONDS = (("second", 1), ("minute", 60), ("hour", 3600), ("day", 86_400))

    def read(self, node: Node, at: At) -> Rate | None:
        """Read a rate."""
        remedy = "Write calls per second, minute, hour or day, for example `60/minute`"
        if not isinstance(node.value, str):
            _mistyped(node, at, "a rate", remedy)
            return None
        found = re.fullmatch(r"(\d{1,9})/(second|minute|hour|day)", node.value)
        if found is None or int(found[1]) == 0:
            at.wrong(node, f"`{node.value[:80]}` is not a rate", remedy)
            return None
        return Rate(int(found[1]), dict(self._SECONDS)[found[2]])

    def schema(self) -> dict[str, object]:
        """Describe it."""
        return {
            "type": "string",
            "pattern": "^[0-9]{1,9}/(second|minute|hour|day)$",
            "examples": ["60/minute"],
        }


@dataclass(frozen=True, slots=True)
class TimeZoneName:
    """An IANA time zone."""

    def read(self, node: Node, at: At) -> str | None:
        """Read a zone that this installation knows."""
        remedy = "Write a name of the IANA time zone database, for example `Asia/Dubai` or `UTC`"
        if not isinstance(node.value, str):
            _mistyped(node, at, "a time zone", remedy)
            return None
        try:
            ZoneInfo(node.value)
        except (ValueError, OSError, LookupError):
            at.wrong(node, f"`{node.value[:80]}` is not a time zone", remedy)
            return None
        return node.value

    def schema(self) -> dict[str, object]:
        """Describe it."""
        return {"type": "string", "examples": ["Asia/Dubai", "UTC"]}
