"""A Cedar file taken apart into its statements, each with its place.

Only the ends of statements are found here, at each `;` outside strings and comments: the official implementation
parses, one statement at a time, since its errors carry no position.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from cedarpy import PolicySet, pst

from remit.domain.problem import Problem
from remit.domain.release import PolicyFile
from remit.domain.text import hidden_character

MAX_CHARACTERS = 20_000
MAX_NESTING = 50
MAX_OPERATORS = 500
"""Limits of one statement. Far beyond them the official parser overflows its stack and takes the process with it."""

# Strings and comments hide what stands in them (Cedar grammar, "STR", "COMMENT"); an open string runs to the end.
_TOKEN = re.compile(
    r'(?P<skipped>//[^\n]*|\s+)|(?P<string>"(?:[^"\\]|\\.)*(?:"|\Z))|(?P<end>;)|(?P<open>[(\[{])|(?P<close>[)\]}])'
    r"|(?P<operator>[.+*/%!-]|&&|\|\||\b(?:if|else|has|like|in|is)\b)|(?P<word>\w+)|(?P<other>.)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Statement:
    """The text of one policy and where it begins. `line` and `column` count from 1; `ordinal` counts in the file."""

    file: str
    line: int
    column: int
    ordinal: int
    text: str

    def place(self, offset: int) -> tuple[int, int]:
        """Return the line and column in the file of a character of `text`."""
        before = self.text[:offset]
        lines = before.count("\n")
        return self.line + lines, len(before) - before.rfind("\n") if lines else self.column + offset

    def problem(self, message: str, remedy: str, *, field: str = "", offset: int = 0) -> Problem:
        """Return a mistake at a character of `text`."""
        line, column = self.place(offset)
        return Problem(self.file, line, column, field, message, remedy)


@dataclass(frozen=True, slots=True)
class Policy:
    """A parsed policy. `id` is its `@id`, or else the file and the place in it, such as `policies/pay.cedar#2`."""

    id: str
    statement: Statement
    tree: pst.Template

    def annotation(self, name: str) -> str | None:
        """Return the text of one annotation, or None."""
        return self.tree.annotations.get(name)


def split(file: PolicyFile) -> tuple[Statement, ...]:
    """Return the statements of a file. Text after the last `;` is a statement too: the parser will refuse it."""
    return tuple(_split(file))


def _split(file: PolicyFile) -> Iterator[Statement]:
    start: int | None = None
    ordinal = line = 1
    counted = 0
    for token in _TOKEN.finditer(file.text):
        if start is None:
            if token.lastgroup == "skipped":
                continue
            start = token.start()
            line += file.text.count("\n", counted, start)
            counted = start
        if token.lastgroup == "end":
            yield _statement(file, start, token.end(), line, ordinal)
            start, ordinal = None, ordinal + 1
    if start is not None:
        yield _statement(file, start, len(file.text), line, ordinal)


def _statement(file: PolicyFile, start: int, end: int, line: int, ordinal: int) -> Statement:
    column = start - file.text.rfind("\n", 0, start)
    return Statement(file.path, line, column, ordinal, file.text[start:end])


def parse(statement: Statement) -> Policy | Problem:
    """Return the policy that `statement` is, or why it is none."""
    if beyond := _beyond_limits(statement):
        return beyond
    try:
        trees = PolicySet.from_str(statement.text).to_pst()
    except ValueError as error:
        return statement.problem(f"this is not a Cedar policy: {error}", "Correct the syntax of this statement")
    if trees.templates:
        return statement.problem(
            "a policy with ?principal or ?resource is a template, which decides nothing by itself",
            "Name the principal and the resource",
        )
    if len(trees.static_policies) != 1:
        return statement.problem("a statement must hold exactly one policy", "End each policy with `;`")
    (tree,) = trees.static_policies.values()
    name = tree.annotations.get("id") or f"{statement.file}#{statement.ordinal}"
    return Policy(name, statement, tree)


def _beyond_limits(statement: Statement) -> Problem | None:
    """Return the first limit that `statement` exceeds as a problem, or None."""
    text = statement.text
    if len(text) > MAX_CHARACTERS:
        return statement.problem(
            f"a policy may have {MAX_CHARACTERS} characters, this has {len(text)}",
            "Split it into several policies",
        )
    if hidden := hidden_character(text.replace("\r\n", "\n")):
        return statement.problem(
            f"the policy contains {hidden}, which nobody can see", "Remove it, or write it as \\u{...}"
        )
    depth = deepest = operators = 0
    for token in _TOKEN.finditer(text):
        depth += (token.lastgroup == "open") - (token.lastgroup == "close")
        deepest = max(deepest, depth)
        operators += token.lastgroup == "operator"
    if deepest > MAX_NESTING or operators > MAX_OPERATORS:
        return statement.problem(
            f"a policy may nest brackets {MAX_NESTING} deep and hold {MAX_OPERATORS} operators",
            "Split it into several policies",
        )
    return None


def find_word(statement: Statement, word: str, after: int = 0) -> int:
    """Return where `word` first stands as a name or a whole string in the text; 0 where it does not."""
    for token in _TOKEN.finditer(statement.text, after):
        if token.lastgroup in ("word", "operator") and token[0] == word:
            return token.start()
        if token.lastgroup == "string" and token[0] == f'"{word}"':
            return token.start()
    return 0
