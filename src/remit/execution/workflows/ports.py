"""What carrying out workflows asks of the world: tool servers and models, which the gateways know how to reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from remit.domain.ids import ActionId, WorkspaceName
from remit.domain.release import Configuration, Tool
from remit.domain.upstream import ToolServer
from remit.execution.metering import Usage


class CallFailed(Exception):
    """A call that brought no result.

    Attributes:
        code: why, as `timed_out`.
        sent: whether the other side may have begun to carry it out: then nobody knows what came of it.
    """

    def __init__(self, code: str, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.code = code
        self.sent = sent


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """What a tool answered: `raw` is its bytes as they go on record, `output` what steps behind it see."""

    output: Any
    raw: bytes = field(repr=False)
    is_error: bool = False


class ToolCalls(Protocol):
    """The tool servers of releases."""

    async def definition(self, workspace: WorkspaceName, server: ToolServer, tool: Tool) -> str:
        """Return the digest of what the server says of the tool now. Raises CallFailed."""
        ...

    async def call(
        self,
        workspace: WorkspaceName,
        server: ToolServer,
        tool: Tool,
        arguments: Mapping[str, Any],
        action: ActionId,
        timeout_s: float | None,
    ) -> ToolAnswer:
        """Call a tool and tell its server the action's id, so that it can know the same call again.

        Raises CallFailed.
        """
        ...

    def output_of(self, raw: bytes) -> ToolAnswer:
        """Return an answer as it was when it was put on record."""
        ...


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
