"""Where a field of a resource was written, for problems found after reading."""

from __future__ import annotations

from collections.abc import Mapping

from remit.workspace.node import WHOLE_FILE
from remit.workspace.report import Source


class Locator:
    """Finds file, line and column of a field of an agent or a tool."""

    def __init__(self, agents: Mapping[str, Source], tools: Mapping[str, Source]) -> None:
        self._sources = {"agent": agents, "tool": tools}

    def where(self, kind: str, name: str, field: str) -> tuple[str, int, int]:
        """Return where `field`, such as `remit.tools[2].when`, stands; the nearest part of it that exists.

        `kind` is `agent` or `tool`. What stands nowhere is placed in workspace.yaml as a whole.
        """
        source = self._sources.get(kind, {}).get(name)
        if source is None:
            return ("workspace.yaml", *WHOLE_FILE)
        return (source.file, *source.node.place_of(field))
