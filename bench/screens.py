"""What screening a text costs, and how well identifiers are told from what looks like them."""

from __future__ import annotations

import importlib.util
import random
import re
import string
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType

from bench.measure import Table, mean_cpu_us
from remit.screens import StreamMask, find

CHUNK = 5
"""Characters of one chunk of a stream: what a model's tokens have."""

_WORDS = "the supplier has sent a new price for the order and we would renew this contract before it ends".split()
_ARABIC = "المورد أرسل سعرا جديدا للطلب ونود تجديد العقد قبل نهاية هذا الشهر مع الشكر".split()


def _drawn(r: random.Random, size: int) -> str:
    return "".join(r.choice(string.ascii_letters + string.digits) for _ in range(size))


def texts(size: int) -> Mapping[str, str]:
    """Texts of about `size` characters: what is common, what is dense, and what somebody hostile would send."""
    r = random.Random(7)

    def filled(part: Callable[[], str]) -> str:
        parts: list[str] = []
        while sum(map(len, parts)) < size:
            parts.append(part())
        return "".join(parts)

    def contact() -> str:
        return (
            f"{r.randrange(900)},Sara {_drawn(r, 5)},sara{r.randrange(999)}@example.ae,+97150{r.randrange(10**7):07d}\n"
        )

    def line() -> str:
        day = f"2026-11-{r.randrange(28) + 1:02d}"
        return f'{{"id": {r.randrange(10**6)}, "total": {r.random() * 900:.2f}, "day": "{day}"}}\n'

    return {
        "prose, English": filled(lambda: r.choice(_WORDS) + r.choice((" ", " ", " ", ", ", ". "))),
        "prose, Arabic": filled(lambda: r.choice(_ARABIC) + " "),
        "lines of JSON": filled(line),
        "base64": _drawn(r, size),
        "contacts, each with an address and a number": filled(contact),
        "hostile: digits and blanks": "1 " * (size // 2),
        "hostile: + and digits": "+1 23 456 " * (size // 10),
        "hostile: half of cards": "4242 4242 4242 " * (size // 15),
        "hostile: half of account numbers": "GB29 NWBK 6016 " * (size // 15),
        "hostile: passwords of nothing": "password:" * (size // 9),
        "hostile: keys that begin": "-----BEGIN " * (size // 11),
        "hostile: addresses that begin": "a@a.a.a.a.a.a.a.a.a.a." * (size // 22),
    }


def table(*, quick: bool = False) -> Table:
    """CPU of finding and of masking a stream, for each KB of text."""
    size = 2_000 if quick else 40_000
    rows = []
    for name, text in texts(size).items():
        kilo = len(text) / 1_000
        times = 1 if quick else 3
        floor = mean_cpu_us(lambda text=text: re.findall(r"\w+", text), times) / kilo  # type: ignore[misc]
        found = mean_cpu_us(lambda text=text: find(text), times) / kilo  # type: ignore[misc]
        streamed = mean_cpu_us(lambda text=text: _streamed(text), 1) / kilo  # type: ignore[misc]
        rows.append((name, floor, found, found / floor, streamed, len(find(text))))
    return Table(
        "Screens",
        ("text", "floor", "find", "ratio", f"stream, {CHUNK} at a time", "marks"),
        tuple(rows),
        f"Microseconds of CPU for 1,000 characters, in texts of {size:,}; the floor splits them into words.",
    )


def _streamed(text: str) -> str:
    stream = StreamMask(frozenset())
    out = [stream.feed(text[at : at + CHUNK]) for at in range(0, len(text), CHUNK)]
    return "".join((*out, stream.finish()))


_KINDS = {"PHONE_GCC": "PHONE", "EMAIL_ADDRESS": "EMAIL", "CREDIT_CARD": "CARD"}
"""What the measuring stick calls some kinds."""


def identifiers(shared: Path, *, quick: bool = False) -> Table:
    """Recall by kind and surface, and false alarms, with the measuring stick and seeds that it was not made for."""
    stick = _stick(shared)
    rows = [row for seed in ((11,) if quick else (11, 12, 13, 14)) for row in _told(stick, seed)]
    return Table(
        "Identifiers",
        ("seed", "what", "cases", "found, per mille", "as the right kind, per mille"),
        tuple(rows),
        "Recall on texts in English and Arabic, a third of them in Arabic digits or with invisible characters; the last"
        " row of a seed is what looks alike and is none, where every find is a false alarm.",
    )


def _told(stick: ModuleType, seed: int) -> Iterator[tuple[int, str, int, int, int | None]]:
    rows, alike = stick.make(seed=seed)
    for kind in sorted({kind for _, kind, _ in rows}):
        cases = [text for text, of, _ in rows if of == kind]
        right = [_KINDS.get(kind, kind) in {mark.kind.value for mark in find(text)} for text in cases]
        yield seed, kind, len(cases), _permille([bool(find(text)) for text in cases]), _permille(right)
    yield seed, "look-alikes", len(alike), _permille([bool(find(text)) for text in alike]), None


def _permille(hits: list[bool]) -> int:
    return 1000 * sum(hits) // len(hits)


def _stick(shared: Path) -> ModuleType:
    folder = shared / "bench/identifiers"
    sys.path.insert(0, str(folder))
    try:
        spec = importlib.util.spec_from_file_location("identifiers_stick", folder / "run.py")
        if spec is None or spec.loader is None:
            raise FileNotFoundError(folder / "run.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    finally:
        sys.path.remove(str(folder))
