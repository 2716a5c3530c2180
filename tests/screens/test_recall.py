"""Recall and false alarms on made texts: sentences, spellings and look-alikes that the measuring stick has not."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from stdnum import luhn
from stdnum.iso7064 import mod_97_10

from remit.screens import MarkKind, find

ARABIC, PERSIAN = "٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹"
COUNT = 120
SENTENCES = (
    "Customer wrote: {} and nothing else.",
    '{{"note": "{}", "ok": true}}',
    "| {} | open |",
    "يرجى التواصل بخصوص {} قبل يوم الخميس",
    "القيمة المسجلة: {}، شكرا",
    "a\n{}\nb",
    "({})",
)


def digits(r: random.Random, count: int) -> str:
    return "".join(r.choice("0123456789") for _ in range(count))


def checked(number: str) -> str:
    return number + luhn.calc_check_digit(number)


def card(r: random.Random) -> str:
    kind = r.choice(("4", "51", "55", "2221", "37", "6011", "35"))
    number = checked(kind + digits(r, (14 if kind == "37" else 15) - len(kind)))
    sep = r.choice(("", " ", "-"))
    cuts = (4, 10, 15) if kind == "37" else (4, 8, 12, 16)
    return sep.join(number[a:b] for a, b in zip((0, *cuts), cuts, strict=False))


def account(r: random.Random) -> str:
    country, size = r.choice((("AE", 19), ("SA", 20), ("KW", 26), ("DE", 18), ("OM", 19)))
    body = "CBKU" + digits(r, 22) if country == "KW" else digits(r, size)
    number = country + mod_97_10.calc_check_digits(body + country) + body
    return r.choice((number, number.lower(), " ".join(number[n : n + 4] for n in range(0, len(number), 4))))


def emirates(r: random.Random) -> str:
    number = checked(f"784{r.randint(1940, 2024)}{digits(r, 7)}")
    sep = r.choice(("", "-", " ", "/"))
    return sep.join((number[:3], number[3:7], number[7:14], number[14]))


def saudi(r: random.Random) -> str:
    return checked(r.choice(("10", "11", "21", "24", "25")) + digits(r, 7))


def phone(r: random.Random) -> str:
    emirati = f"5{r.choice('02456')}{digits(r, 7)}"
    return r.choice(
        (
            f"+971{emirati}",
            f"+971 {emirati[:2]} {emirati[2:5]} {emirati[5:]}",
            f"+971-{emirati[:2]}-{emirati[2:]}",
            f"00971{emirati}",
            f"0{emirati[:2]} {emirati[2:5]} {emirati[5:]}",
            f"0{emirati}",
            f"+9665{r.choice('0359')}{digits(r, 7)}",
            f"+968 9{r.choice('2359')}{digits(r, 6)}",
            f"+4479{r.choice('0156789')}0{digits(r, 6)}",
            f"+91 98{digits(r, 3)} {digits(r, 5)}",
        )
    )


def email(r: random.Random) -> str:
    name = r.choice(("omar", "n.al-harbi", "x_1", "A")) + digits(r, 2)
    return f"{name}@{r.choice(('mail.', ''))}example.{r.choice(('com', 'ae', 'co.uk'))}"


MADE: dict[MarkKind, Callable[[random.Random], str]] = {
    MarkKind.CARD: card,
    MarkKind.IBAN: account,
    MarkKind.EMIRATES_ID: emirates,
    MarkKind.SAUDI_ID: saudi,
    MarkKind.PHONE: phone,
    MarkKind.EMAIL: email,
}


def dressed(r: random.Random, kind: MarkKind, value: str) -> str:
    """The value as it may look: other digits, invisible characters around and within."""
    if kind not in (MarkKind.EMAIL, MarkKind.IBAN) and r.random() < 0.4:
        value = value.translate(str.maketrans("0123456789", r.choice((ARABIC, PERSIAN))))
    if r.random() < 0.2:
        value = f"\u2066{value}\u2069"
    if r.random() < 0.2:
        at = r.randrange(2, len(value) - 2)
        value = value[:at] + r.choice("\u200b\u200e\u2060\ufeff") + value[at:]
    return value


@pytest.mark.parametrize("kind", MADE)
def test_what_is_there_is_found_as_what_it_is(kind: MarkKind) -> None:
    r = random.Random(kind)
    missed = []
    for _ in range(COUNT):
        text = r.choice(SENTENCES).format(dressed(r, kind, MADE[kind](r)))
        if kind not in {mark.kind for mark in find(text)}:
            missed.append(text)
    assert missed == []


def alike(r: random.Random) -> str:
    day = f"{r.randint(1, 28):02d}"
    return r.choice(
        (
            f"INV-{digits(r, 10)} of 2026-11-{day}",
            f"فاتورة رقم {digits(r, 10)} بمبلغ {digits(r, 5)} درهم",
            f'{{"ts": 17{digits(r, 8)}, "ms": 17{digits(r, 11)}}}',
            f"batch {digits(r, 12)}, lot {digits(r, 8)}",
            f"tracking no. {digits(r, 13)}",
            f"{r.randrange(256)}.{r.randrange(256)}.{r.randrange(256)}.{r.randrange(256)}",
            f"{digits(r, 2)},{digits(r, 3)},{digits(r, 3)}.{digits(r, 2)}",
            f"rev {r.getrandbits(160):040x}",
            f"{r.getrandbits(32):08x}-{r.getrandbits(16):04x}-4{r.getrandbits(12):03x}-a{r.getrandbits(12):03x}-{r.getrandbits(48):012x}",
            f"{day}/11/2026 {r.randrange(24):02d}:30 row {digits(r, 6)} of {digits(r, 6)}",
            f"total {digits(r, 9)} items at {digits(r, 3)}.{digits(r, 2)}",
            f"الطلب {digits(r, 10)} والشحنة {digits(r, 12)}",
            f"https://shop.example.com/p/{digits(r, 8)}?page={digits(r, 2)}",
        )
    )


def test_what_looks_like_it_is_nearly_always_left_alone() -> None:
    r = random.Random("alike")
    texts = [alike(r) for _ in range(3_000)]
    alarms = [text for text in texts if find(text)]
    assert len(alarms) <= 15, alarms
