"""Telephone numbers: international ones of every country, and national ones as the Gulf writes them.

Which numbers a country has is asked of the phonenumbers library, one candidate at a time: its own search of a whole
text takes thirty times as long as ours of plain text, and 2 ms for a kilobyte of numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneNumber, is_possible_number, is_valid_number

from remit.screens.identifiers import digits
from remit.screens.mark import MarkKind
from remit.screens.span import Span, before
from remit.screens.words import TELEPHONE, is_thing

_FREE = r"(?<![A-Za-z0-9_.+/@#%$&-])"
_ENDS = r"(?![A-Za-z0-9_@%]|[.,/:-][0-9])"
_ABROAD = re.compile(
    r"(?<![A-Za-z0-9_@#%$&])(\(?\+[ ]?|(?<![.+/-])00[ -]?)(\(?[0-9](?:[ ().\-/]{0,3}[0-9]){6,16}+)(?![0-9A-Za-z_@])"
)
_MOBILE = re.compile(
    _FREE + r"\(?05[0-9]\)?(?:[ .-]?[0-9]{3}[ .-]?[0-9]{2}[ .-]?[0-9]{2}|[ .-]?[0-9]{4}[ .-]?[0-9]{3}"
    r"|[0-9][ .-][0-9]{3}[ .-][0-9]{3}|[0-9][ .-][0-9]{2}[ .-][0-9]{2}[ .-][0-9]{2})" + _ENDS
)
_LANDLINE = re.compile(_FREE + r"\(?0[1-9][0-9]?\)?[ .-]{1,2}[0-9]{3}[ .-]?[0-9]{4}" + _ENDS)
_AMERICAN = re.compile(_FREE + r"(?:1[ .-])?(?:\([2-9][0-9]{2}\)[ .-]?|[2-9][0-9]{2}[.-])[0-9]{3}[.-][0-9]{4}" + _ENDS)
_ANY = re.compile(_FREE + r"\(?[0-9](?:[ ()./-]{0,2}[0-9]){6,14}+" + _ENDS)

_EMIRATES, _SAUDI, _AMERICA = 971, 966, 1
_GULF = (_EMIRATES, _SAUDI, 974, 965, 973, 968)
_FEWEST, _MOST = 8, 15
"""Digits of a number with those of its country (ITU-T E.164, section 6)."""
_TRIES = 4
_DIGIT_ENDS = re.compile(r"(?<=[0-9])(?![0-9])")
_TRUNK = re.compile(r"\(0\)")


def phones_in(text: str, begin: int, end: int) -> Iterator[Span]:
    """Yield the telephone numbers between two places; spans may overlap."""
    for found in _ABROAD.finditer(text, begin, end):
        until = _end_abroad(found[2], sure="+" in found[1])
        if until:
            yield Span(found.start(), found.start(2) + until, MarkKind.PHONE)
    for pattern, countries in (
        (_MOBILE, (_EMIRATES, _SAUDI)),
        (_LANDLINE, (_EMIRATES, _SAUDI)),
        (_AMERICAN, (_AMERICA,)),
    ):
        for found in pattern.finditer(text, begin, end):
            if _is_of(digits(found[0]), countries) and not is_thing(before(text, found.start())):
                yield Span(*found.span(), MarkKind.PHONE)
    for found in _ANY.finditer(text, begin, end):
        if TELEPHONE.said(before(text, found.start())):
            number = digits(found[0])
            if _is_of(number, _GULF) or _country_of(number) is not None:
                yield Span(*found.span(), MarkKind.PHONE)


def _end_abroad(written: str, *, sure: bool) -> int:
    """Return where a number with its country's code ends, the longest of those that its country has; 0: it is none.

    Behind a plus sign a number that might be one is taken for one: what looks so is hidden rather than shown.
    """
    ends = [edge.start() for edge in _DIGIT_ENDS.finditer(written)]
    fitting = [at for at in ends if _FEWEST <= len(digits(written[:at])) <= _MOST][-_TRIES:]
    likely = 0
    for at in reversed(fitting):
        number = _abroad(digits(_TRUNK.sub("", written[:at])))
        if number is None:
            return 0
        if is_valid_number(number):
            return at
        if sure and not likely and is_possible_number(number):
            likely = at
    return likely


def _abroad(number: str) -> PhoneNumber | None:
    """Split the digits of a number into its country's code and the rest."""
    for length in (1, 2, 3):
        code = int(number[:length] or 0)
        if code in COUNTRY_CODE_TO_REGION_CODE:
            return PhoneNumber(country_code=code, national_number=int(number[length:].lstrip("0") or 0))
    return None


def _country_of(number: str) -> PhoneNumber | None:
    """Return the number where its country's code is written without a plus sign."""
    found = _abroad(number.removeprefix("00")) if _FEWEST + 2 <= len(number) <= _MOST else None
    return found if found is not None and is_valid_number(found) else None


def _is_of(number: str, countries: tuple[int, ...]) -> bool:
    """Tell whether one of the countries has this number, as it is dialled within it."""
    national = int(number.removeprefix("1") if countries == (_AMERICA,) and len(number) > _AMERICAN_DIGITS else number)
    return any(is_valid_number(PhoneNumber(country_code=code, national_number=national)) for code in countries)


_AMERICAN_DIGITS = 10
