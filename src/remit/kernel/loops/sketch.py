"""Small fingerprints of a call and of its result, the same in every process.

They are computed by the caller, outside the admission transaction. Digests say whether two texts are the same once
masked; samples say how much of a text is new. A sample is a bottom-k sketch (Broder 1997): the k smallest hashes of
the distinct tokens, so that two texts that share tokens share samples.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from zlib import crc32

from remit.kernel.loops.masking import (
    Kind,
    Token,
    clipped,
    is_amount_name,
    is_position_name,
    is_volatile_name,
    plain_name,
    rough_amount,
    scan,
)

SAMPLE = 64
"""How many tokens of a result are kept at most."""
WORDS = 24
"""How many words of a call are kept at most."""

_MAX_ARGUMENT_BYTES = 16_384
_MAX_LEAVES = 256
_NAME_WORDS = 3
"""A text value of at most so many words names something; a longer one is prose."""
_MIN_PROSE_LETTERS = 4
"""Shorter words (articles, pronouns) are in every text and would hide that the rest is new."""


@dataclass(frozen=True, slots=True)
class CallSketch:
    """What a call asks.

    Digests are 8 bytes; hashes are 32-bit. All are zero-cost to compare and hold nothing that can be read back.
    """

    exact: bytes
    """The tool and the very bytes of its arguments."""
    masked: bytes
    """The same for calls that differ only in volatile members, position in a list, word order or amounts."""
    subject: bytes
    """What is asked about: names, codes, numbers and rough amounts, without prose and position."""
    position: bytes
    """Where in a list: page, offset, cursor."""
    prose: tuple[int, ...]
    """Sampled words of the long texts among the arguments."""
    echo: tuple[int, ...]
    """Sampled words of all texts: a result that merely repeats them brings nothing new."""


@dataclass(frozen=True, slots=True)
class ResultSketch:
    """What a result says. Digests are 8 bytes, hashes 32-bit."""

    masked: bytes
    """The same for results that differ only in volatile parts, amounts or the order of what they list."""
    detail: bytes
    """As `masked`, with every amount to the last digit: by this a pollable tool is judged."""
    sample: tuple[int, ...]
    """At most `SAMPLE` hashes of distinct tokens, ascending."""
    progress: tuple[int, ...]
    """Hashes of the progress it reports (`41 percent`, `"processed": 120`), at most 8."""


def call_sketch(tool: str, arguments: bytes) -> CallSketch:
    """Sketch a call from its tool and canonical JSON arguments. Other bytes are read as text; nothing raises."""
    facets = _Facets()
    facets.read(arguments)
    subject = sorted(set(facets.subject))
    alike = sorted({*facets.names, *facets.prose})
    return CallSketch(
        exact=_digest((tool, str(len(arguments))), arguments),
        masked=_digest((tool, *alike)),
        subject=_digest((tool, *subject)),
        position=_digest((tool, *facets.position)),
        prose=_bottom(map(_hash, (word for word in facets.prose if len(word) >= _MIN_PROSE_LETTERS)), WORDS),
        echo=_bottom(map(_hash, facets.echo), WORDS),
    )


def result_sketch(result: bytes | str) -> ResultSketch:
    """Sketch a result. Of a huge one only start and end are read (`masking.MAX_CHARS`)."""
    tokens = scan(clipped(result))
    alike = sorted({_alike(token) for token in tokens})
    masked = _digest(alike)
    amounts = [text for kind, text, _ in tokens if kind in (Kind.AMOUNT, Kind.PROGRESS)]
    progress = {_hash(_progress_mark(token)) for token in tokens if token[0] is Kind.PROGRESS}
    marks = {_mark(token) for token in tokens if token[0] is not Kind.GONE}
    return ResultSketch(
        masked=masked,
        detail=_digest((masked.hex(), *amounts)),
        sample=_bottom(map(_hash, marks), SAMPLE),
        progress=_bottom(progress, 8),
    )


class _Facets:
    """The sides of a call's arguments, gathered leaf by leaf."""

    __slots__ = ("echo", "names", "position", "prose", "subject")

    def __init__(self) -> None:
        self.subject: list[str] = []
        self.names: list[str] = []
        self.position: list[str] = []
        self.prose: list[str] = []
        self.echo: list[str] = []

    def read(self, arguments: bytes) -> None:
        for name, value in _leaves(arguments):
            if is_volatile_name(name):
                continue
            if is_position_name(name):
                self.position.append(f"{name}={value}")
            elif isinstance(value, str):
                self._read_text(name, value)
            elif isinstance(value, float) or (type(value) is int and is_amount_name(name)):
                self._add_amount(name, str(value))
            else:
                self._add(f"{name}={value}")

    def _read_text(self, name: str, value: str) -> None:
        tokens = scan(clipped(value))
        words = [text for kind, text, _ in tokens if kind in (Kind.WORD, Kind.KEY)]
        self.echo += words
        if len(tokens) <= _NAME_WORDS:
            self._add(f"{name}=" + " ".join(sorted(words)))
        else:
            self.prose += words
        for token in tokens:
            self._read_figure(name, token, value)

    def _read_figure(self, name: str, token: Token, value: str) -> None:
        kind, text, context = token
        if kind is Kind.AMOUNT:
            self._add_amount(f"{name} {context}", text)
        elif kind in (Kind.NUMBER, Kind.PROGRESS, Kind.CODE, Kind.OPAQUE):
            self._add(f"{name}={context} {text}")
        elif kind is Kind.GONE and text in ("<id>", "<time>") and len(value) <= _OPAQUE_CHARS:
            # An argument that is an opaque id or a time, under a name that is not volatile, says which record is meant.
            self._add(f"{name}={value}")

    def _add(self, mark: str) -> None:
        self.subject.append(mark)
        self.names.append(mark)

    def _add_amount(self, name: str, text: str) -> None:
        self.subject.append(f"{name}~{rough_amount(text)}")
        self.names.append(f"{name}~")


_OPAQUE_CHARS = 64

_Leaf = str | int | float | bool | None


def _leaves(arguments: bytes) -> Iterator[tuple[str, _Leaf]]:
    if len(arguments) <= _MAX_ARGUMENT_BYTES:
        try:
            yield from _walk(json.loads(arguments))
            return
        except (ValueError, RecursionError):
            pass
    yield "", clipped(arguments)


def _walk(document: object) -> list[tuple[str, _Leaf]]:
    """The first `_MAX_LEAVES` leaves with the names of the members that hold them, outermost first."""
    leaves: list[tuple[str, _Leaf]] = []
    pending: list[tuple[str, object]] = [("", document)]
    while pending and len(leaves) < _MAX_LEAVES:
        name, value = pending.pop()
        if isinstance(value, dict):
            pending += [(plain_name(str(key)), value[key]) for key in sorted(value, reverse=True)]
        elif isinstance(value, list):
            pending += [(name, item) for item in reversed(value)]
        elif value is None or isinstance(value, str | int | float):
            leaves.append((name, value))
    return leaves


def _alike(token: Token) -> str:
    kind, text, context = token
    if kind is Kind.AMOUNT:
        return f"{context} ~"
    if kind is Kind.OPAQUE:
        return "<id>"
    if kind is Kind.PROGRESS:
        return _progress_mark(token)
    return f"{context} {text}" if kind is Kind.NUMBER else text


def _mark(token: Token) -> str:
    kind, text, context = token
    if kind is Kind.AMOUNT:
        return f"{context} ~{rough_amount(text)}"
    if kind is Kind.PROGRESS:
        return _progress_mark(token)
    return f"{context} {text}" if kind is Kind.NUMBER else text


def _progress_mark(token: Token) -> str:
    """Progress counts by whole steps: 0.04 % and 0.05 % off are no progress, 41 % after 40 % is."""
    _, text, context = token
    return f"{context} {text.rstrip('%').partition('.')[0]} done"


def _hash(token: str) -> int:
    return crc32(token.encode("utf-8", "surrogatepass"))


def _bottom(hashes: Iterable[int], limit: int) -> tuple[int, ...]:
    return tuple(sorted(set(hashes))[:limit])


def _digest(parts: Iterable[str], raw: bytes = b"") -> bytes:
    text = "\x00".join(parts).encode("utf-8", "surrogatepass")
    return blake2b(text + b"\x00" + raw, digest_size=8).digest()
