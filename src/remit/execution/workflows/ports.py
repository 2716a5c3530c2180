"""What carrying out workflows asks of the world: tool servers, which the gateways know how to reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from remit.domain.ids import ActionId, WorkspaceName
from remit.domain.release import Tool
from remit.domain.upstream import ToolServer


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
