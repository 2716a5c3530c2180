"""Where a form reports what is wrong with the value it was given."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field

from remit.domain.problem import Problem, Severity
from remit.workspace.node import Node, Place, key_path


@dataclass(slots=True)
class Report:
    """The problems found so far; owned by one call of read()."""

    problems: list[Problem] = field(default_factory=list)

    def add(self, source: Source, path: str, message: str, remedy: str, *, warning: bool = False) -> None:
        """Report a mistake in a field of a document, at the nearest part of it that exists."""
        place = source.node.place_of(path)
        severity = Severity.WARNING if warning else Severity.ERROR
        self.problems.append(Problem(source.file, *place, path, message, remedy, severity))


@dataclass(frozen=True, slots=True)
class Source:
    """The document something was read from."""

    file: str
    node: Node


@dataclass(frozen=True, slots=True)
class At:
    """A field of a document under reading: its file, its path, and where to report."""

    report: Report
    file: str
    path: str = ""

    def key(self, name: str) -> At:
        """Return the place of a key below this one."""
        return At(self.report, self.file, key_path(self.path, name))

    def item(self, index: int) -> At:
        """Return the place of a list's item."""
        return At(self.report, self.file, f"{self.path}[{index}]")

    def wrong(self, where: Node | Place, message: str, remedy: str) -> None:
        """Report a mistake."""
        place = where.place if isinstance(where, Node) else where
        self.report.problems.append(Problem(self.file, *place, self.path, message, remedy))


def closest(word: str, known: Iterable[str]) -> str | None:
    """Return the one of `known` that `word` was most likely meant to be, or None."""
    folded = {name.casefold(): name for name in known}
    found = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def meant(word: str, known: Iterable[str], otherwise: str) -> str:
    """Return the remedy for an unknown word: the likely one where there is one, else `otherwise`."""
    likely = closest(word, known)
    return f"Perhaps `{likely}` is meant" if likely else otherwise


def listed(words: Iterable[str], last: str = "or") -> str:
    """Join words for a sentence: `a, b or c`."""
    quoted = [f"`{word}`" for word in words]
    return f" {last} ".join([", ".join(quoted[:-1]), quoted[-1]]) if len(quoted) > 1 else "".join(quoted)
