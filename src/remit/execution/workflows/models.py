"""What steps ask models through: the model gateway knows how to reach them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from remit.domain.ids import ActionId
from remit.domain.release import Configuration
from remit.execution.metering import Usage


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """What a model answered: a chat completion as its bytes go on record, and what it used where it says so."""

    document: Mapping[str, Any]
    usage: Usage | None
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """A chat completion that is ready to be asked for.

    Attributes:
        input_tokens: the most that the prompt can come to.
        max_output_tokens: the most that is written.
        told: what is put on record of it, without what records may not hold.
        asked: what its calls know it by.
    """

    model: str
    input_tokens: int
    max_output_tokens: int
    told: Mapping[str, Any]
    asked: Any = field(repr=False)


class ModelCalls(Protocol):
    """The models of releases, asked as the model gateway asks them."""

    def ready(self, configuration: Configuration, model: str, body: Mapping[str, Any]) -> ModelRequest:
        """Measure and mask a chat completion. Raises CallFailed where it can not be asked for."""
        ...

    async def ask(
        self, configuration: Configuration, request: ModelRequest, action: ActionId, timeout_s: float | None
    ) -> ModelAnswer:
        """Ask a model. Raises CallFailed."""
        ...

    def output_of(self, raw: bytes) -> ModelAnswer:
        """Return an answer as it was when it was put on record."""
        ...
