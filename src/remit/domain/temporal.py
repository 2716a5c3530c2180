"""Facts about what happened within a window, as a workspace declares them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from remit.domain.canonical import canonical, sha256_hex
from remit.domain.ids import ToolName


class TemporalLevel(StrEnum):
    """Whose calls a temporal fact counts together."""

    RUN = "run"
    AGENT = "agent"
    USER = "user"
    TOOL = "tool"
    WORKSPACE = "workspace"


@dataclass(frozen=True)  # without slots, so that the key can be kept
class Temporal:
    """A count of calls, or a sum over a field of theirs, within a window; policies read `context.call.temporal.NAME`.

    Attributes:
        sum: the field that is added up; empty: calls are counted.
        tools: which count, sorted; empty: all.
        denied: what is denied or held counts as well.
    """

    name: str
    per: TemporalLevel
    window_s: int
    sum: str = ""
    tools: tuple[ToolName, ...] = ()
    denied: bool = False

    @cached_property
    def key(self) -> str:
        """Name and meaning: a fact that is declared anew under an old name begins afresh."""
        meaning = [self.per.value, self.window_s, self.sum, list(self.tools), self.denied]
        return f"{self.name}/{sha256_hex(canonical(meaning))[:8]}"
