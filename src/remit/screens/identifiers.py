"""Numbers that stand for somebody or for somebody's money: cards, accounts, identity cards, passports, licences."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stdnum import iban, luhn

from remit.screens.mark import MarkKind
from remit.screens.span import Span, before
from remit.screens.words import EMIRATES, IDENTITY, LICENCE, PASSPORT, is_thing

_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2}(?:[ -]?[A-Za-z0-9]){11,30}+")
_IBAN_GROUP = re.compile(r"(?<=[A-Za-z0-9])(?![A-Za-z0-9])")
_EMIRATES = re.compile(
    r"(?<![A-Za-z0-9])784([ ./-]{0,2})(?:19[0-9]|20[0-3])[0-9]([ ./-]{0,2})[0-9]{7}([ ./-]{0,2})[0-9](?![A-Za-z0-9])"
)
_CARD = re.compile(
    r"(?<![0-9A-Za-z_.+])(?=([0-9]{4}([ .-]{0,2})[0-9]{4}\2[0-9]{4}\2[0-9]{4}(?:\2[0-9]{3})?"
    r"|[0-9]{4}([ .-]{1,2})[0-9]{6}\3[0-9]{4,5}|[0-9]{13,19})(?![0-9A-Za-z_]|[.,][0-9]))"
)
_ISSUERS = re.compile(
    r"4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})"  # Visa
    r"|(?:5[1-5]|2[2-7])[0-9]{14}"  # Mastercard
    r"|3[47][0-9]{13}"  # American Express
    r"|3(?:0[0-5]|[689][0-9])[0-9]{11}"  # Diners Club
    r"|(?:35|6[0-9])[0-9]{14}(?:[0-9]{3})?"  # JCB; Discover, UnionPay, RuPay, Maestro
    r"|(?:50|5[6-8])[0-9]{14}|9682[0-9]{12}"  # Maestro; mada
)
_SAUDI = re.compile(r"(?<![A-Za-z0-9.+])[12][0-9]{9}(?![A-Za-z0-9_]|[.,-][0-9])")
_CLOCK = re.compile(r"1[4-9][0-9]{8}")
"""Seconds since 1970 from 2014 to 2033. No citizen's number begins so yet, and no resident's ever."""
_PASSPORT = re.compile(r"(?<![A-Za-z0-9])(?:[A-Za-z]{1,2}[0-9]{6,8}|[0-9]{9})(?![A-Za-z0-9])")
_LICENCE = re.compile(r"(?<![A-Za-z0-9])(?:(?:CN|DED|CR|BR|IN)-?)?[0-9]{5,10}(?![A-Za-z0-9])")
_SHORT_CARD = 13


def identifiers_in(text: str, begin: int, end: int) -> Iterator[Span]:
    """Yield what is found between two places, the surest first; spans may overlap."""
    yield from _ibans(text, begin, end)
    yield from _emirates(text, begin, end)
    yield from _cards(text, begin, end)
    yield from said_in(text, begin, end)
    yield from _saudis(text, begin, end)


def said_in(text: str, begin: int, end: int) -> Iterator[Span]:
    """Yield the numbers that only the words before them tell: passports and trade licences have no checksum."""
    for pattern, words, kind in (
        (_PASSPORT, PASSPORT, MarkKind.PASSPORT),
        (_LICENCE, LICENCE, MarkKind.TRADE_LICENCE),
    ):
        for found in pattern.finditer(text, begin, end):
            if words.said(before(text, found.start())):
                yield Span(*found.span(), kind)


def _ibans(text: str, begin: int, end: int) -> Iterator[Span]:
    """Yield account numbers. Where groups are set apart, the longest run of groups that is one is meant."""
    for found in _IBAN.finditer(text, begin, end):
        ends = [edge.start() for edge in _IBAN_GROUP.finditer(text, found.start(), found.end())]
        if found.end() == end or not text[found.end()].isalnum():
            ends.append(found.end())
        for at in reversed(ends):
            if iban.is_valid(text[found.start() : at], check_country=False):
                yield Span(found.start(), at, MarkKind.IBAN)
                break


def _emirates(text: str, begin: int, end: int) -> Iterator[Span]:
    """Yield Emirates IDs: 784, year of birth, seven digits and one more after Luhn.

    Cards are in use whose last digit is another, so one that is written in its four groups needs no checksum.
    """
    for found in _EMIRATES.finditer(text, begin, end):
        grouped = found[1] and found[2] and found[3]
        if grouped or luhn.is_valid(digits(found[0])) or EMIRATES.said(before(text, found.start())):
            yield Span(*found.span(), MarkKind.EMIRATES_ID)


def _cards(text: str, begin: int, end: int) -> Iterator[Span]:
    """Yield payment cards: a known issuer's length, and Luhn (ISO/IEC 7812-1). Thirteen digits are as often none."""
    for found in _CARD.finditer(text, begin, end):
        number = digits(found[1])
        if _ISSUERS.fullmatch(number) is None or not luhn.is_valid(number):
            continue
        if len(number) > _SHORT_CARD or not _is_thing(text, found.start(1)):
            yield Span(*found.span(1), MarkKind.CARD)


def _saudis(text: str, begin: int, end: int) -> Iterator[Span]:
    """Yield numbers of Saudi citizens (1...) and residents (2...): ten digits after Luhn.

    One of ten numbers passes, so what is said to be something else, or may be a clock's, is passed over.
    """
    for found in _SAUDI.finditer(text, begin, end):
        at, number = found.start(), found[0]
        if not luhn.is_valid(number):
            continue
        if not IDENTITY.said(before(text, at)) and (
            _CLOCK.fullmatch(number) or text[max(0, at - 1) : at] in ("-", "_", "/", "#") or _is_thing(text, at)
        ):
            continue
        yield Span(*found.span(), MarkKind.SAUDI_ID)


def _is_thing(text: str, at: int) -> bool:
    """Tell whether the words before a number say that it counts or names a thing."""
    return is_thing(before(text, at))


def digits(text: str) -> str:
    """Return the digits of a text."""
    return "".join(filter(str.isdigit, text))
