"""YAML text to nodes: YAML 1.2, core schema, and no more of it than a configuration needs.

Anchors, aliases, merge keys, tags and complex keys are refused: each is a way for a file to mean something
else than a reviewer reads in it, and aliases are how a few bytes become gigabytes.
https://yaml.org/spec/1.2.2/, section 10.3.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from remit.domain.problem import Problem
from remit.workspace.node import WHOLE_FILE, Node, Place
from remit.workspace.text_checks import decoded, misleading_character, text_problems, without_misleading

MAX_DEPTH = 32
"""Deepest nesting of lists and mappings in a document."""
MAX_INTEGER = 2**53
"""Largest whole number that every JSON reader represents exactly (RFC 8785, section 3.2.2.3)."""

_NULL = re.compile(r"null|Null|NULL|~|")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_OCTAL_LOOK = re.compile(r"[-+]?0[0-9]+")


class _Stop(Exception):
    """The rest of the file makes no sense after this problem."""


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not been read yet."""

    place: Place
    is_mapping: bool
    items: list[Node] = field(default_factory=list)
    keys: dict[str, Place] = field(default_factory=dict)
    values: dict[str, Node] = field(default_factory=dict)
    key: str | None = None
    expects_key: bool = True


@dataclass(frozen=True, slots=True)
class YamlFile:
    """What a file holds. Where there are problems, `documents` are the parts that could still be read."""

    documents: tuple[Node, ...]
    problems: tuple[Problem, ...]
    complete: bool = True
    """Whether reading reached the end of the file."""


def read_yaml(file: str, data: bytes) -> YamlFile:
    """Read every document of a file. Never raises for what `data` holds."""
    text, problem = decoded(file, data)
    if problem is not None:
        return YamlFile((), (problem,), complete=False)
    builder = _Builder(file)
    builder.problems.extend(text_problems(file, text))
    complete = False
    try:
        for event in YAML(typ="safe", pure=True).parse(without_misleading(text)):
            builder.take(event)
        complete = True
    except _Stop:
        pass
    except MarkedYAMLError as error:
        builder.problems.append(_malformed(file, error))
    except (YAMLError, ValueError, IndexError, AttributeError, TypeError, AssertionError):
        # The scanner lets a few of Python's own errors through, such as for an escape beyond U+10FFFF.
        remedy = "Look for an escape that is no character; an editor with YAML support shows the place"
        builder.problem(WHOLE_FILE, "the file is not YAML", remedy)
    return YamlFile(tuple(builder.documents), tuple(builder.problems), complete)


def _malformed(file: str, error: MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    place = Place(mark.line + 1, mark.column + 1) if mark else WHOLE_FILE
    said = _one_line(error.problem or error.context or "it can not be read")
    remedy = "Indent with spaces, close every quote and bracket, and quote text that holds `: ` or ` #`"
    return Problem(file, *place, "", f"the file is not YAML: {said}", remedy)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:200].rstrip(".")


class _Builder:
    """Puts nodes together from events, with a stack of its own: no input can exhaust Python's."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.documents: list[Node] = []
        self.problems: list[Problem] = []
        self._open: list[_Open] = []

    def problem(self, place: Place, message: str, remedy: str) -> None:
        self.problems.append(Problem(self.file, *place, "", message, remedy))

    def take(self, event: Event) -> None:
        """Take the next event in; raises _Stop where the rest of the file is not worth reading."""
        place = Place(event.start_mark.line + 1, event.start_mark.column + 1)
        if isinstance(event, DocumentStartEvent):
            self._check_directives(event, place)
        elif isinstance(event, AliasEvent):
            self.problem(place, f"`*{event.anchor}` refers to another part", "Write the value out")
            self._add(Node(None, place))
        elif isinstance(event, MappingEndEvent | SequenceEndEvent):
            self._add(_closed(self._open.pop()))
        elif isinstance(event, NodeEvent):
            self._check_plain(event, place)
            self._begin(event, place)

    def _check_directives(self, event: DocumentStartEvent, place: Place) -> None:
        if event.version not in (None, (1, 2)) or event.tags:
            self.problem(place, "the document has a directive", "Remove %YAML and %TAG: files are YAML 1.2")
            raise _Stop

    def _check_plain(self, event: NodeEvent, place: Place) -> None:
        if event.anchor is not None:
            self.problem(place, f"`&{event.anchor}` names a part of the file", "Remove it")
        tag = getattr(event, "tag", None)
        if tag is not None:
            remedy = "Remove it; put text that looks like a number in quotes"
            self.problem(place, f"the tag `{tag}` is not known", remedy)

    def _begin(self, event: NodeEvent, place: Place) -> None:
        if isinstance(event, ScalarEvent):
            self._scalar(event, place)
            return
        if self._open and self._open[-1].is_mapping and self._open[-1].expects_key:
            self.problem(place, "a key is a list or a mapping", "Put text with braces in quotes")
            raise _Stop
        if len(self._open) == MAX_DEPTH:
            self.problem(place, f"nested more than {MAX_DEPTH} levels deep", "Flatten the value")
            raise _Stop
        self._open.append(_Open(place, isinstance(event, MappingStartEvent)))
        assert isinstance(event, MappingStartEvent | SequenceStartEvent)

    def _scalar(self, event: ScalarEvent, place: Place) -> None:
        text: str = event.value
        hidden = misleading_character(text)
        if hidden is not None:
            remedy = "Remove the character; write others as they are instead of as \\u escapes"
            self.problem(place, f"the text holds {hidden}, which is not shown as it is stored", remedy)
            text = "".join(char for char in text if not "\ud800" <= char <= "\udfff")
        is_plain = event.style in (None, "") and event.tag is None
        within = self._open[-1] if self._open else None
        if within is not None and within.is_mapping and within.expects_key:
            self._take_key(within, text, is_plain, place)
        else:
            self._add(self._resolved(text, place) if is_plain else Node(text, place, text))

    def _take_key(self, within: _Open, text: str, is_plain: bool, place: Place) -> None:
        within.key = None
        if is_plain and text == "<<":
            self.problem(place, "`<<` merges another mapping in", "Write its keys out")
        elif is_plain and (not text or not isinstance(_value(text), str)):
            self.problem(place, f"the key `{text}` is not text", "Put it in quotes, or check the indentation")
        elif text in within.keys:
            first = within.keys[text]
            remedy = f"Keep one of the two; the first is in line {first.line}"
            self.problem(place, f"the key `{text}` appears twice", remedy)
        else:
            within.keys[text] = place
            within.key = text
        within.expects_key = False

    def _resolved(self, text: str, place: Place) -> Node:
        value = _value(text)
        if _NOT_FINITE.fullmatch(text) or (isinstance(value, float) and not math.isfinite(value)):
            self.problem(place, f"`{text[:40]}` is not a finite number", "Write a number")
        elif isinstance(value, int) and abs(value) > MAX_INTEGER:
            message = f"`{text[:40]}` is more than whole numbers hold (2^53)"
            self.problem(place, message, "Put an identifier in quotes; write a smaller amount")
        elif _OCTAL_LOOK.fullmatch(text):
            message = f"`{text[:40]}` begins with 0, which some read as octal"
            self.problem(place, message, "Put an identifier in quotes, or leave the 0 out")
        return Node(value, place, text)

    def _add(self, node: Node) -> None:
        if not self._open:
            self.documents.append(node)
            return
        within = self._open[-1]
        if not within.is_mapping:
            within.items.append(node)
        elif within.expects_key:
            self.problem(node.place, "a key refers to another part of the file", "Write the key out")
            raise _Stop
        else:
            # A key that was refused takes its value with it: no mistake follows from another.
            if within.key is not None:
                within.values[within.key] = node
            within.expects_key = True


def _closed(part: _Open) -> Node:
    if part.is_mapping:
        return Node(part.values, part.place, keys=part.keys)
    return Node(tuple(part.items), part.place)


def _value(text: str) -> bool | int | float | str | None:
    """Resolve a plain scalar by the core schema."""
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text):
        return True
    if _FALSE.fullmatch(text):
        return False
    if _INTEGER.fullmatch(text):
        return _integer(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def _integer(text: str) -> int:
    """Return the number; what is too long to matter comes back as one that is out of range."""
    if len(text) > 64:
        return 2 * MAX_INTEGER
    base = {"0o": 8, "0x": 16}.get(text[:2], 10)
    return int(text[2:], base) if base != 10 else int(text)
