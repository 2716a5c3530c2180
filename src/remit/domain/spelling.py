"""How models are told the names of tools: those of OpenAI and Anthropic take letters, digits, `_` and `-`, and no dot.

OpenAI, API reference, `tools[].function.name`; Anthropic, Messages API, `tools[].name`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from remit.domain.ids import ToolName


def spellings(tools: Iterable[ToolName]) -> Mapping[str, ToolName]:
    """Return the tools of a release by the names under which clients see them.

    Each dot is a `_`, except where two tools would then be called alike: those keep their own names.
    """
    names = list(tools)
    times = Counter(map(_undotted, names))
    return {_undotted(name) if times[_undotted(name)] == 1 else name: name for name in names}


def _undotted(name: ToolName) -> str:
    return name.replace(".", "_")
