"""Small fingerprints of a call and of its result, the same in every process.

They are computed by the caller, outside the admission transaction, and keyed by the run's salt: whoever reads a stored
history can not try words on it, and once the salt is gone with the run's key nobody can. Digests say whether two texts
are the same once masked; samples say how much is new. A sample is a bottom-k sketch (Broder 1997): the k smallest
hashes of the distinct tokens, so that texts that share tokens share samples.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b, blake2s
from zlib import crc32

import orjson

from remit.kernel.loops.masking import Kind, Token, clipped, is_ticking, rough_amount, scan
from remit.kernel.loops.names import Role, plain_name, role_of_plain

SAMPLE = 64
"""How many tokens of a result are kept at most."""
WORDS = 24
"""How many words of a call are kept at most."""
MAX_PROGRESS = 8
"""How many reports of progress of a result are kept at most."""

_MAX_ARGUMENT_BYTES = 16_384
_MAX_LEAVES = 256
_NAME_WORDS = 3
"""A text value of at most so many words names something; a longer one is prose."""
_MIN_PROSE_LETTERS = 4
"""Shorter words (articles, pronouns) are in every text and would hide that the rest is new."""


@dataclass(frozen=True, slots=True)
class CallSketch:
    """What a call asks. Digests are 8 bytes, hashes 32-bit; the call cannot be read back from them."""

    exact: bytes
    """The tool and the very bytes of its arguments."""
    masked: bytes
    """The same for calls that differ only in volatile members, word order or amounts."""
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
    """The same for results that differ only in volatile parts, opaque ids, amounts or the order of a list."""
    detail: bytes
    """As `masked`, with every amount to the last digit: by this a pollable tool is judged."""
    sample: tuple[int, ...]
    """At most `SAMPLE` hashes of distinct tokens, ascending."""
    progress: tuple[int, ...]
    """At most `MAX_PROGRESS` hashes of the progress it reports (`41 percent`, `"processed": 120`)."""


def call_sketch(tool: str, arguments: bytes, salt: bytes = b"") -> CallSketch:
    """Sketch a call from its tool and canonical JSON arguments. Other bytes are read as text; none raise.

    Only sketches under one salt can be compared: that of the run.
    """
    facets = _Facets(tool, arguments)
    alike = {*facets.names, *facets.position, *facets.prose}
    return CallSketch(
        exact=_digest(salt, (tool,), arguments),
        masked=_digest(salt, (tool, *sorted(alike))),
        subject=_digest(salt, (tool, *sorted(set(facets.subject)))),
        position=_digest(salt, (tool, *facets.position)),
        prose=_bottom((word for word in facets.prose if len(word) >= _MIN_PROSE_LETTERS), WORDS, salt),
        echo=_bottom(facets.echo, WORDS, salt),
    )


def result_sketch(result: bytes | str, salt: bytes = b"") -> ResultSketch:
    """Sketch a result. Of a huge one only start and end are read (`masking.MAX_CHARS`). The salt is the run's."""
    tokens = set(scan(clipped(result)))
    plain = {text for kind, text, _ in tokens if kind in _PLAIN}
    alike, marks, amounts = _figures(token for token in tokens if token[0] not in _PLAIN)
    progress = {_progress_mark(text, context) for kind, text, context in tokens if kind is Kind.PROGRESS}
    masked = _digest(salt, sorted(plain | alike | progress))
    return ResultSketch(
        masked=masked,
        detail=_digest(salt, (masked.hex(), *sorted(amounts))),
        sample=_bottom(plain | marks | progress, SAMPLE, salt),
        progress=_bottom(progress, MAX_PROGRESS, salt),
    )


_PLAIN = frozenset((Kind.WORD, Kind.KEY, Kind.CODE))


def _figures(tokens: Iterable[Token]) -> tuple[set[str], set[str], set[str]]:
    """What the tokens that are not plain words say: for the masked digest, for the sample, for the detail."""
    alike: set[str] = set()
    marks: set[str] = set()
    amounts: set[str] = set()
    for kind, text, context in tokens:
        if kind is Kind.NUMBER:
            number = f"{context} {text}"
            alike.add(number)
            marks.add(number)
        elif kind is Kind.AMOUNT:
            alike.add(f"{context} ~")
            marks.add(f"{context} ~{rough_amount(text)}")
            amounts.add(f"{context} {text}")
        elif kind is Kind.OPAQUE:
            alike.add("<id>")
            marks.add(f"<id> {text}")
        elif kind is Kind.PROGRESS:
            amounts.add(f"{context} {text}")
        else:
            alike.add(text)
    return alike, marks, amounts


class _Facets:
    """The sides of a call's arguments, gathered leaf by leaf."""

    __slots__ = ("echo", "names", "position", "prose", "subject", "tool")

    def __init__(self, tool: str, arguments: bytes) -> None:
        self.tool = plain_name(tool)
        self.subject: list[str] = []
        """What is asked about, with amounts roughly."""
        self.names: list[str] = []
        """The same without the size of amounts."""
        self.position: list[str] = []
        self.prose: list[str] = []
        self.echo: list[str] = []
        for name, value in _leaves(arguments):
            self._read(name, value)

    def _read(self, name: str, value: "_Leaf") -> None:
        role = role_of_plain(name)
        if role is Role.VOLATILE and not self._is_about(name):
            return
        if role is Role.POSITION:
            self.position.append(f"{name}={value}")
        elif isinstance(value, str):
            self._read_text(name, value)
        elif role is not Role.PLACE and (isinstance(value, float) or (type(value) is int and role is Role.AMOUNT)):
            self._add_amount(name, str(value))
        else:
            self._add(f"{name}={value}")

    def _is_about(self, name: str) -> bool:
        """Whether the tool is about what this member names: `approve_request` about its `request_id`."""
        noun = name.removesuffix("id")
        return noun not in ("", name) and noun in self.tool

    def _read_text(self, name: str, value: str) -> None:
        tokens = scan(clipped(value))
        words = [text for kind, text, _ in tokens if kind in (Kind.WORD, Kind.KEY)]
        is_name = len(tokens) <= _NAME_WORDS
        self.echo += words
        if is_name:
            self._add(f"{name}=" + " ".join(sorted(words)))
        else:
            self.prose += words
        for token in tokens:
            self._read_figure(name, token, is_name=is_name)

    def _read_figure(self, name: str, token: Token, *, is_name: bool) -> None:
        kind, text, context = token
        if kind is Kind.AMOUNT:
            self._add_amount(f"{name} {context}", text)
        elif kind not in (Kind.WORD, Kind.KEY, Kind.GONE):
            self._add(f"{name}={context} {text}")
        elif text == "<id>" or (text == "<time>" and is_name and not is_ticking(context)):
            # Unlike in a result, an opaque id among the arguments says which record is meant.
            self._add(f"{name}={context}")

    def _add(self, mark: str) -> None:
        self.subject.append(mark)
        self.names.append(mark)

    def _add_amount(self, name: str, text: str) -> None:
        self.subject.append(f"{name}~{rough_amount(text)}")
        self.names.append(f"{name}~")


_Leaf = str | int | float | bool | None
_LEAVES = (str, int, float)  # as a union it would be made anew for each value


def _leaves(arguments: bytes) -> Iterator[tuple[str, _Leaf]]:
    if len(arguments) <= _MAX_ARGUMENT_BYTES:
        try:
            yield from _walk(orjson.loads(arguments))
            return
        except ValueError:
            pass
    yield "", clipped(arguments)


def _walk(document: object) -> list[tuple[str, _Leaf]]:
    """The first `_MAX_LEAVES` leaves, each with the name of the nearest member that holds it."""
    leaves: list[tuple[str, _Leaf]] = []
    pending: list[tuple[str, object]] = [("", document)]
    while pending and len(leaves) < _MAX_LEAVES:
        name, value = pending.pop()
        if isinstance(value, dict):
            pending += [(_member(name, plain_name(str(key))), value[key]) for key in sorted(value, reverse=True)]
        elif isinstance(value, list):
            pending += [(name, item) for item in reversed(value)]
        elif value is None or isinstance(value, _LEAVES):
            leaves.append((name, value))
    return leaves


def _member(holder: str, name: str) -> str:
    """The name of a member; a bare id belongs to what holds it: `{"trace": {"id": ...}}` is a trace id."""
    return holder + name if name == "id" else name


def _progress_mark(text: str, context: str) -> str:
    """Progress counts by whole steps: 0.04 % and 0.05 % off are no progress, 41 % after 40 % is."""
    return f"{context} {text.rstrip('%').partition('.')[0]} done"


def _bottom(tokens: Iterable[str], limit: int, salt: bytes) -> tuple[int, ...]:
    """Hash at most `limit` tokens under the salt. They are chosen by a cheap hash, so that only these few are keyed."""
    chosen = {crc32(raw): raw for raw in (token.encode("utf-8", "surrogatepass") for token in tokens)}
    if not chosen:
        return ()
    key = blake2s(key=salt[:32], digest_size=4)
    hashes = []
    for mark in sorted(chosen)[:limit]:
        keyed = key.copy()
        keyed.update(chosen[mark])
        hashes.append(int.from_bytes(keyed.digest(), "little"))
    return tuple(sorted(hashes))


def _digest(salt: bytes, parts: Iterable[str], raw: bytes = b"") -> bytes:
    text = "\x00".join(parts).encode("utf-8", "surrogatepass")
    return blake2b(text + b"\x00" + raw, digest_size=8, key=salt[:32]).digest()
