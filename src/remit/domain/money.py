"""Money is whole micro-US-dollars. No floats: 0.1 + 0.2 must be 0.3 in a ledger."""

from __future__ import annotations

from decimal import ROUND_CEILING, Context, Decimal, InvalidOperation
from typing import NewType

Micros = NewType("Micros", int)
"""Micro-USD: 1,000,000 is one US dollar."""

MICROS_PER_USD = 1_000_000
MAX_MICROS = 2**53 - 1
"""Largest amount that every JSON reader represents exactly (RFC 8785, section 3.2.2.3)."""


_MICRO = Decimal("0.000001")
_EXACT = Context(prec=40, rounding=ROUND_CEILING)


def usd_to_micros(amount: Decimal | int | str) -> Micros:
    """Turn dollars into micro-USD, rounding a fraction of a micro up, so that a reservation is never short.

    Raises ValueError for what is no finite, non-negative number or exceeds MAX_MICROS.
    """
    try:
        dollars = Decimal(amount)
    except InvalidOperation:
        raise ValueError(f"{amount!r} is no amount in US dollars; write for example 0.25") from None
    if not dollars.is_finite() or dollars < 0:
        raise ValueError(f"{amount!r} is no amount in US dollars: it must be finite and not negative")
    # Not by multiplying, which rounds to the context's precision first.
    micros = int(dollars.quantize(_MICRO, context=_EXACT).scaleb(6)) if dollars <= MAX_MICROS else MAX_MICROS + 1
    if micros > MAX_MICROS:
        raise ValueError(f"{amount!r} US dollars is more than Remit can count ({MAX_MICROS} micro-USD)")
    return Micros(micros)


def micros_to_usd(micros: int) -> str:
    """Format micro-USD for people: `$1.25`, and as many digits as a fraction of a cent needs."""
    sign, micros = ("-" if micros < 0 else ""), abs(micros)
    whole, rest = divmod(micros, MICROS_PER_USD)
    digits = f"{rest:06d}".rstrip("0").ljust(2, "0")
    return f"{sign}${whole:,}.{digits}"
