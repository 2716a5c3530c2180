"""A prompt file: front matter in YAML between two lines `---`, then messages.

They stand under `## System`, `## User` and `## Assistant`.
A message is everything up to the next such heading, without blank lines at its ends. Headings in code between ``` or
~~~ are text, as are all other headings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from remit.domain.problem import Problem
from remit.domain.prompt_template import PLACEHOLDER, Message, Prompt, Speaker
from remit.workspace.node import Node, Place, key_path
from remit.workspace.report import At, listed, meant

MAX_MESSAGES = 100
FRONT_MATTER = "---"
_HEADINGS: Mapping[str, Speaker] = {f"## {speaker.value.capitalize()}": speaker for speaker in Speaker}
_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]{0,8}([A-Za-z]{1,20})[ \t#:]{0,8}$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_OPENING = re.compile(r"\{\{")
_UNSEEN = re.compile(
    "[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e"
    "\u200b\u2060-\u2065\u206a-\u206f\u3164\ufeff\uffa0\U000e0000-\U000e007f]"
)
"""What nobody sees and a model reads, tags above all. Joiners and direction marks stay: Arabic and emoji need them."""


@dataclass(frozen=True, slots=True)
class Parts:
    """A file in two: `front` is YAML whose lines are those of the file; `body` begins at `first` of its lines."""

    front: str
    body: tuple[str, ...]
    first: int


def parts_of(file: str, text: str) -> Parts | Problem:
    """Split a file, or say why it can not be."""
    lines = text.replace("\r\n", "\n").split("\n")
    if lines[0].rstrip() != FRONT_MATTER:
        remedy = "Begin the file with a line `---`, `kind: Prompt`, `name:`, and another line `---`"
        return Problem(file, 1, 1, "", "a prompt begins with its front matter", remedy)
    for number, line in enumerate(lines[1:], start=1):
        if line.rstrip() == FRONT_MATTER:
            return Parts("\n".join(lines[:number]) + "\n", tuple(lines[number + 1 :]), number + 2)
    return Problem(file, 1, 1, "", "the front matter does not end", "Write a line `---` between it and the messages")


@dataclass(slots=True)
class Body:
    """The messages of a file under reading."""

    parts: Parts
    at: At
    fine: bool = True

    def wrong(self, line: int, column: int, message: str, remedy: str) -> None:
        """Report a mistake at a line of the file."""
        self.fine = False
        self.at.wrong(Place(line, column), message, remedy)

    def messages(self) -> tuple[Message, ...] | None:
        """Read the messages; None where anything is wrong with them."""
        for number, line in enumerate(self.parts.body, start=self.parts.first):
            unseen = _UNSEEN.search(line)
            if unseen is not None:
                said = f"the line holds U+{ord(unseen[0]):04X}, which nobody sees and a model reads"
                self.wrong(number, unseen.start() + 1, said, "Remove the character")
        found = [(speaker, place, _trimmed(lines)) for speaker, place, lines in self._sections()]
        for speaker, place, text in found:
            if not text:
                self.wrong(place, 1, "the message is empty", "Write what it says below the heading, or remove that")
            if speaker is Speaker.SYSTEM and place != found[0][1]:
                self.wrong(place, 1, "the system's message is not the first", "Put all of it into one, at the top")
        if found and not any(speaker is Speaker.USER for speaker, _, _ in found):
            self.wrong(found[0][1], 1, "no message is the user's", "Add `## User` and what is asked")
        if len(found) > MAX_MESSAGES:
            said = f"has {len(found)} messages, more than {MAX_MESSAGES}"
            self.wrong(found[MAX_MESSAGES][1], 1, said, "Shorten the conversation")
        return tuple(Message(speaker, text) for speaker, _, text in found) if self.fine and found else None

    def _sections(self) -> list[tuple[Speaker, int, list[str]]]:
        """Return whose each message is, the line of its heading and its lines."""
        found: list[tuple[Speaker, int, list[str]]] = []
        stray, fence, opened = 0, "", 0
        for number, line in enumerate(self.parts.body, start=self.parts.first):
            speaker = None if fence else _HEADINGS.get(line.rstrip())
            if speaker is not None:
                found.append((speaker, number, []))
                continue
            if not fence:
                self._check_heading(number, line)
            mark = _FENCE.match(line)
            if mark is not None and (not fence or (mark[1].startswith(fence) and not line.strip().strip(fence[0]))):
                fence, opened = ("" if fence else mark[1]), number
            if found:
                found[-1][2].append(line)
            elif line.strip() and not stray:
                stray = number
        if fence:
            self.wrong(opened, 1, "the code that begins here does not end", f"Add a line {fence} behind it")
        if stray:
            remedy = f"Write {listed(_HEADINGS)} on a line of its own above it"
            self.wrong(stray, 1, "the text belongs to nobody", remedy)
        elif not found:
            remedy = "Write `## User` below the front matter, and what is asked below that"
            self.wrong(self.parts.first, 1, "there is no message", remedy)
        return found

    def _check_heading(self, number: int, line: str) -> None:
        """Report what was surely meant as the heading of a message, and would go into one as text."""
        heading = _HEADING.match(line)
        if heading is None:
            return
        likely = meant(heading[2], [speaker.value.capitalize() for speaker in Speaker], "")
        word = likely.split("`")[1] if likely else ""
        if word and (heading[2].casefold() == word.casefold() or len(heading[1]) == 2):
            said = f"`{line.strip()}` is not the heading of a message"
            self.wrong(number, 1, said, f"Write `## {word}`, or word the heading otherwise")

    def check_placeholders(self, names: Mapping[str, object], broken: frozenset[str], front: Node) -> None:
        """Report placeholders of no variable or no form, and variables without a placeholder.

        `broken` are variables that are there and have mistakes of their own.
        """
        used: set[str] = set()
        for number, line in enumerate(self.parts.body, start=self.parts.first):
            for place, name in _placeholders(line):
                used.add(name)
                if not name:
                    remedy = "Write `{{name}}` with a variable's name, or `\\{{` for the characters themselves"
                    self.wrong(number, place, "is no placeholder", remedy)
                elif name not in names and name not in broken:
                    remedy = meant(name, names, f"Add it to `variables`, as `{name}: string`")
                    self.wrong(number, place, f"there is no variable `{name}`", remedy)
        for name in names:
            if name not in used and name.isidentifier():
                path = key_path("variables", name)
                self.fine = False
                where = At(self.at.report, self.at.file, path)
                where.wrong(
                    front.place_of(path), "no message has its placeholder", f"Write `{{{{{name}}}}}` or remove it"
                )


def _placeholders(line: str) -> Iterator[tuple[int, str]]:
    """Yield where each `{{` stands and the variable's name, empty where it is no placeholder."""
    known = {found.start(): found for found in PLACEHOLDER.finditer(line)}
    at = 0
    while (opening := _OPENING.search(line, at)) is not None:
        start = opening.start()
        escaped, found = known.get(start - 1), known.get(start)
        if escaped is not None and escaped[1] is None:
            at = opening.end()
            continue
        yield start + 1, "" if found is None else found[1]
        at = opening.end() if found is None else found.end()


def _trimmed(lines: list[str]) -> str:
    return re.sub(r"\A(?:[ \t]*\n)+", "", "\n".join(lines)).rstrip()


def read_body(front: Node, value: Prompt | None, parts: Parts, at: At) -> Prompt | None:
    """Put the messages into a prompt whose front matter was read; None where anything is wrong."""
    body = Body(parts, at)
    messages = body.messages()
    written = front.value.get("variables") if isinstance(front.value, Mapping) else None
    named = frozenset(written.value) if written is not None and isinstance(written.value, Mapping) else frozenset()
    body.check_placeholders(dict.fromkeys(named, True) if value is None else value.variables, named, front)
    return replace(value, messages=messages) if value is not None and messages is not None and body.fine else None
