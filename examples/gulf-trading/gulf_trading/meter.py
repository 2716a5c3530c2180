"""What agents really did: counted by what they were answered, so the same way with Remit and without."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from remit.domain.money import Micros
from remit.domain.release import Configuration, ModelPrice

MODEL_S, TOOL_S = 6, 2
"""How long a model call and a tool call take in the simulation; about a thousand calls an hour."""

PER_MILLION = 1_000_000


@dataclass(slots=True)
class Counts:
    """Calls carried out, what they cost, and how long they would have taken.

    Attributes:
        calls: by tool, and under `model` those of models.
        micros: in micro-USD.
        seconds: simulated; the scripted model and the local tools answer at once.
    """

    calls: Counter[str] = field(default_factory=Counter)
    micros: int = 0
    seconds: int = 0


@dataclass(slots=True, kw_only=True)
class Meter(Counts):
    """Counts, at the workspace's own prices."""

    prices: Mapping[str, Micros]
    model_price: ModelPrice

    def model_called(self, input_tokens: int, output_tokens: int) -> None:
        """Count a model call, its price rounded up to a micro-USD as Remit rounds it."""
        price = self.model_price
        cost = price.input_micros_per_million * input_tokens + price.output_micros_per_million * output_tokens
        self.calls["model"] += 1
        self.micros += -(-cost // PER_MILLION)
        self.seconds += MODEL_S

    def tool_called(self, tool: str) -> None:
        """Count a tool call."""
        self.calls[tool] += 1
        self.micros += self.prices[tool]
        self.seconds += TOOL_S


def meter_of(configuration: Configuration, model: str) -> Meter:
    """Return a meter at zero. Raises LookupError where the workspace has no price for the model."""
    price = next((price for price in configuration.settings.prices if price.model == model), None)
    if price is None:
        raise LookupError(f"workspace.yaml has no price for {model}: add one under `prices`")
    return Meter(prices={name: tool.cost_per_call for name, tool in configuration.tools.items()}, model_price=price)
