"""Suppliers' price feeds, which price anew whenever they are asked. Not a fault: copper moves all day."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

BASE_FILS = {
    "ELC-250": 41_240,
    "ELC-180": 28_875,
    "CBL-016": 1_265,
    "SWG-630": 912_500,
    "LED-036": 6_430,
    "TRF-100": 1_845_000,
}
"""Unit prices of Najd Electric in fils, around which the feed moves. 100 fils are a dirham."""

PER_MILLE = {"Najd Electric": 1_000, "Al Wathba Switchgear": 1_027, "Jebel Ali Cables": 1_009}
"""Suppliers whose feed is connected, with their prices as parts in a thousand of Najd Electric's."""

DRIFT_FILS = 4
"""How far a quote lies from the price, at most."""


class VendorFeed:
    """Quotes of suppliers. The same seed gives the same series; two quotes in a row never agree, unless prices
    hold still (`drift_fils` 0)."""

    def __init__(self, seed: int, drift_fils: int = DRIFT_FILS) -> None:
        self._random = random.Random(seed)
        self._drift_fils = drift_fils
        self._drift = dict.fromkeys(BASE_FILS, 0)
        self._asked = 0
        self._opened = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)

    def price_fils(self, sku: str) -> int:
        """Return Najd Electric's unit price of this moment. Raises LookupError for what it does not sell."""
        if sku not in BASE_FILS:
            raise LookupError(f"Najd Electric sells no {sku}")
        others = [fils for fils in range(-self._drift_fils, self._drift_fils + 1) if fils not in (0, self._drift[sku])]
        self._drift[sku] = self._random.choice(others) if others else 0
        return BASE_FILS[sku] + self._drift[sku]

    def quote(self, supplier: str, sku: str, quantity: int) -> Mapping[str, object]:
        """Answer as the feed does: a price, and the envelope every such feed wraps around it."""
        if supplier not in PER_MILLE:
            raise LookupError(f"no feed of {supplier} is connected")
        self._asked += 1
        price = self.price_fils(sku) * PER_MILLE[supplier] // 1_000
        return {
            "request_id": f"{self._random.getrandbits(64):016x}",
            "quote_ref": f"NQ-{104_000 + self._asked}",
            "quoted_at": (self._opened + timedelta(seconds=7 * self._asked)).isoformat(),
            "supplier": supplier,
            "sku": sku,
            "quantity": quantity,
            "unit_price_aed": price / 100,
            "total_aed": price * quantity / 100,
        }
