"""What the public price list says of a model. Nothing is fetched: the list comes with the installation.

A model counts as priced only where the list has a price of tokens in both directions. Of many it knows what an hour of
audio, a page or a request costs, and of embeddings what is read: taken as they are, the rest would count as nothing.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from threading import Event
from typing import TYPE_CHECKING

from remit.domain.ids import ModelName
from remit.domain.money import Micros, usd_to_micros

if TYPE_CHECKING:
    from genai_prices.types import PriceCalculation, TieredPrices

TOKENS = "_mtok"
"""How the list's prices of a million tokens end; those that are written begin with `output`."""
PER_REQUEST = "requests_kcount"
MILLION, THOUSAND = 1_000_000, 1_000


class PublicPrice:
    """The price of one model in the public list."""

    def __init__(self, provider: str, model: str, rates: dict[str, Decimal | TieredPrices]) -> None:
        self._provider = provider
        self._model = model
        self._rates = rates

    def at_most(self, read: int, written: int) -> Micros:
        """Return what so many tokens cost at most, in micro-USD: each at the dearest rate of its direction.

        Which of the tokens will be written to a cache, or are audio, is not known before the call.
        """
        dearest = [Decimal(0), Decimal(0)]
        for name, price in self._rates.items():
            if name.endswith(TOKENS):
                direction = name.startswith("output")
                dearest[direction] = max(dearest[direction], _rate(price, read))
        request = _rate(self._rates.get(PER_REQUEST), 0) / THOUSAND
        return usd_to_micros((dearest[0] * read + dearest[1] * written) / MILLION + request)

    def of(self, read: int, written: int, **parts: int) -> Micros:
        """Return what a usage costs, in micro-USD.

        `parts` says how many of those tokens have a price of their own: cache_write_tokens, cache_write_1h_tokens,
        cache_read_tokens, input_audio_tokens, output_audio_tokens. Parts that the list can not put together cost what
        `at_most` says.
        """
        import genai_prices

        told = {name: tokens for name, tokens in parts.items() if tokens}
        try:
            usage = genai_prices.Usage(input_tokens=read, output_tokens=written, **told)
            found = genai_prices.calc_price(usage, self._model, provider_id=self._provider)
        except ValueError:
            return self.at_most(read, written)
        return usd_to_micros(found.total_price)


def make_ready() -> None:
    """Load the list, which takes a third of a second, so that whoever asks later does not wait for it."""
    _found("openai", "gpt-4o")
    READY.set()


READY = Event()
"""Set once the list is loaded."""


def public_price(model: ModelName) -> PublicPrice | None:
    """Return the public price of a model named `provider/model`; None where its tokens have none."""
    provider, _, name = model.partition("/")
    found = _found(provider, name)
    if found is None:
        return None
    rates = {key: price for key, price in vars(found.model_price).items() if price is not None}
    if "input_mtok" not in rates or "output_mtok" not in rates:
        return None
    return PublicPrice(provider, name, rates)


@lru_cache(maxsize=1_024)
def public_context(model: ModelName) -> int:
    """Return how many tokens a model named `provider/model` takes in by the public list; 0 where it does not say."""
    provider, _, name = model.partition("/")
    found = _found(provider, name)
    return 0 if found is None else found.model.context_window or 0


def _found(provider: str, name: str) -> PriceCalculation | None:
    import genai_prices  # 0.3 s and 1.6 MB of prices, for agents that call models only

    try:
        return genai_prices.calc_price(genai_prices.Usage(), name, provider_id=provider)
    except LookupError:
        return None


def _rate(price: Decimal | TieredPrices | None, read: int) -> Decimal:
    """Return the dearest rate that up to `read` tokens can meet: some models cost more beyond a number of them."""
    if price is None:
        return Decimal(0)
    if isinstance(price, Decimal):
        return price
    return max([price.base, *(tier.price for tier in price.tiers if tier.start < read)])
