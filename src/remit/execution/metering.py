"""What a model call may cost at most, and what it did cost.

Prices come from the operator's table, else from the public list that `genai-prices` carries; nothing is fetched. A
model in neither has no price, which is not a price of nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from remit.domain.action import Cost
from remit.domain.ids import ModelName
from remit.domain.money import Micros, usd_to_micros
from remit.domain.release import Configuration, ModelPrice

MICROS_DIVISOR = 1_000_000
"""Prices are per million tokens."""


MAX_TOKENS = 100_000_000
"""Most tokens of one call in one direction: at any price, the cost of more would leave 64 bits."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens a model call used."""

    input_tokens: int
    output_tokens: int


class NoUsage(ValueError):
    """A model's response does not say what it used: the whole reservation is taken as spent."""


def worst_case(configuration: Configuration, provider: str, model: str, usage: Usage) -> Cost:
    """Return what a call with at most this usage costs; `micros` is None where no price is known."""
    tokens = usage.input_tokens + usage.output_tokens
    return Cost(price(configuration, provider, model, usage), tokens, 1)


def price(configuration: Configuration, provider: str, model: str, usage: Usage) -> Micros | None:
    """Return the price of a usage in micro-USD, rounded up; None where no price is known."""
    own = _own_price(configuration, ModelName(f"{provider}/{model}"))
    if own is not None:
        micros = own.input_micros_per_million * usage.input_tokens + own.output_micros_per_million * usage.output_tokens
        return Micros(-(-micros // MICROS_DIVISOR))
    import genai_prices  # 0.3 s and 1.6 MB of prices, for agents that call models only

    asked = genai_prices.Usage(input_tokens=usage.input_tokens, output_tokens=usage.output_tokens)
    try:
        found = genai_prices.calc_price(asked, model, provider_id=provider)
    except LookupError:
        return None
    return usd_to_micros(found.total_price)


def _own_price(configuration: Configuration, model: ModelName) -> ModelPrice | None:
    return next((price for price in configuration.settings.prices if price.model == model), None)


def input_tokens_at_most(prompt: object) -> int:
    """Return an upper bound of the tokens in a prompt.

    Its bytes, since a token of a byte-level vocabulary is at least one byte.
    """
    from remit.domain.canonical import canonical

    return len(canonical(prompt)) if not isinstance(prompt, str) else len(prompt.encode())


def usage_of(response: object) -> Usage:
    """Read the usage from a response in OpenAI's or Anthropic's form, an object or a dict. Raises NoUsage."""
    usage = _field(response, "usage")
    for names in (("input_tokens", "output_tokens"), ("prompt_tokens", "completion_tokens")):
        counts = [_field(usage, name) for name in names]
        if all(type(count) is int and 0 <= count <= MAX_TOKENS for count in counts):
            return Usage(*counts)  # type: ignore[arg-type]
    raise NoUsage(
        "the response has no usage with input_tokens and output_tokens (or prompt_tokens and completion_tokens)"
    )


def _field(value: Any, name: str) -> object:
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)
