"""What a model call may cost at most, and what it did cost.

Prices come from the operator's table, else from the public list that `genai-prices` carries; nothing is fetched. A
model in neither has no price, which is not a price of nothing. Tokens only: what a provider asks for searches and tools
of its own is in neither.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from remit.domain.action import Cost
from remit.domain.ids import ModelName
from remit.domain.money import Micros
from remit.domain.release import Configuration
from remit.workspace.model_prices import READY, make_ready, public_price

MICROS_DIVISOR = 1_000_000
"""Prices are per million tokens."""


MAX_TOKENS = 100_000_000
"""Most tokens of one call in one direction: at any price, the cost of more would leave 64 bits."""
LEAST = (("input_tokens", 0), ("max_output_tokens", 1))
"""What a model call must say it may use, and the least it may say: every answer has a token, and none is free."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens a model call used.

    Attributes:
        input_tokens: all that was read, from a cache or not, and written to one.
        output_tokens: all that was written, reasoning included.
        cache_write_tokens: those of the input that were written to a cache.
        cache_write_1h_tokens: those of them that are kept for an hour rather than minutes.
        cache_read_tokens: those of the input that came from a cache.
        input_audio_tokens, output_audio_tokens: those that were sound.
    """

    input_tokens: int
    output_tokens: int
    cache_write_tokens: int = 0
    cache_write_1h_tokens: int = 0
    cache_read_tokens: int = 0
    input_audio_tokens: int = 0
    output_audio_tokens: int = 0

    def __post_init__(self) -> None:
        """Raise NoUsage for parts that are no number of tokens, or more than the whole they are part of."""
        for count in (
            *(self.input_tokens, self.output_tokens, self.cache_write_tokens, self.cache_write_1h_tokens),
            *(self.cache_read_tokens, self.input_audio_tokens, self.output_audio_tokens),
        ):
            if type(count) is not int or not 0 <= count <= MAX_TOKENS:
                raise NoUsage(f"a number of tokens is not from 0 to {MAX_TOKENS:,}")
        if (
            self.cache_write_tokens + self.cache_read_tokens > self.input_tokens
            or self.cache_write_1h_tokens > self.cache_write_tokens
            or self.input_audio_tokens > self.input_tokens
            or self.output_audio_tokens > self.output_tokens
        ):
            raise NoUsage("a part of the tokens is more than all of them")


PARTS = tuple(field.name for field in fields(Usage))[2:]
"""Tokens among those read or written that may have a price of their own."""


class NoUsage(ValueError):
    """A model's response does not say what it used: the whole reservation is taken as spent."""


async def prices_at_hand() -> None:
    """Wait until the public list is loaded, in a thread: the first call of a model would hold up all others."""
    if not READY.is_set():
        await asyncio.to_thread(make_ready)


def worst_case(configuration: Configuration, provider: str, model: str, usage: Usage) -> Cost:
    """Return what a call of so many tokens costs at most; `micros` is None where no price is known.

    Each token counts at the dearest rate that the public list has for its direction: a token that is written to a cache
    costs more than one that is only read, and who pays what is known only from the response.
    """
    micros = _own_price(configuration, provider, model, usage)
    listed = None if micros is not None else public_price(ModelName(f"{provider}/{model}"))
    if listed is not None:
        micros = listed.at_most(usage.input_tokens, usage.output_tokens)
    return Cost(micros, usage.input_tokens + usage.output_tokens, 1)


def actual(configuration: Configuration, provider: str, model: str, usage: Usage) -> Cost:
    """Return what a usage did cost, in micro-USD rounded up; `micros` is None where no price is known."""
    micros = _own_price(configuration, provider, model, usage)
    listed = None if micros is not None else public_price(ModelName(f"{provider}/{model}"))
    if listed is not None:
        parts = {name: getattr(usage, name) for name in PARTS}
        micros = listed.of(usage.input_tokens, usage.output_tokens, **parts)
    return Cost(micros, usage.input_tokens + usage.output_tokens, 1)


def _own_price(configuration: Configuration, provider: str, model: str, usage: Usage) -> Micros | None:
    """Return the price by the operator's table, which has one rate for all that is read: cached or not, it counts."""
    name = ModelName(f"{provider}/{model}")
    own = configuration.price_of(name)
    if own is None:
        return None
    micros = own.input_micros_per_million * usage.input_tokens + own.output_micros_per_million * usage.output_tokens
    return Micros(-(-micros // MICROS_DIVISOR))


def usage_of(response: object) -> Usage:
    """Read the usage from a response in OpenAI's or Anthropic's form, an object or a dict. Raises NoUsage.

    Anthropic's `input_tokens` leaves out what was written to a cache and read from one: it is added. OpenAI's numbers
    hold everything, in both of its forms.
    """
    usage = _field(response, "usage")
    if _field(usage, "prompt_tokens") is not None:
        return _openai_usage(usage, "prompt", "completion")
    if _field(usage, "input_tokens") is None:
        raise NoUsage(
            "the response has no usage with input_tokens and output_tokens (or prompt_tokens and completion_tokens)"
        )
    if any(_field(usage, name) is not None for name in _ANTHROPIC):
        return _anthropic_usage(usage)
    return _openai_usage(usage, "input", "output")


_ANTHROPIC = ("cache_creation_input_tokens", "cache_read_input_tokens", "cache_creation")


def _anthropic_usage(usage: object) -> Usage:
    kept = _field(usage, "cache_creation")
    kept_1h, kept_5m = (_count(kept, f"ephemeral_{time}_input_tokens", 0) for time in ("1h", "5m"))
    written = _count(usage, "cache_creation_input_tokens", kept_1h + kept_5m)
    read = _count(usage, "cache_read_input_tokens", 0)
    total = _count(usage, "input_tokens") + written + read
    return Usage(total, _count(usage, "output_tokens"), written, kept_1h, read)


def _openai_usage(usage: object, asked: str, said: str) -> Usage:
    of_input, of_output = _field(usage, f"{asked}_tokens_details"), _field(usage, f"{said}_tokens_details")
    return Usage(
        input_tokens=_count(usage, f"{asked}_tokens"),
        output_tokens=_count(usage, f"{said}_tokens"),
        cache_read_tokens=_count(of_input, "cached_tokens", 0),
        input_audio_tokens=_count(of_input, "audio_tokens", 0),
        output_audio_tokens=_count(of_output, "audio_tokens", 0),
    )


def _count(value: object, name: str, otherwise: int | None = None) -> int:
    """Return a number of tokens, `otherwise` where it is not there. Raises NoUsage for what is no such number."""
    found = _field(value, name)
    if found is None and otherwise is not None:
        return otherwise
    if type(found) is not int or not 0 <= found <= MAX_TOKENS:
        raise NoUsage(f"the response's {name} is no number of tokens")
    return found


def _field(value: Any, name: str) -> object:
    if value is None:
        return None
    if type(value) is dict or isinstance(value, Mapping):  # nearly always the first, which is ten times as quick
        return value.get(name)
    return getattr(value, name, None)
