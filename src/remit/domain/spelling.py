"""How models are told the names of tools: they take up to 64 letters, digits, `_` and `-`, and no dot.

OpenAI, API reference, `tools[].function.name`; Anthropic, Messages API, `tools[].name`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from remit.domain.canonical import sha256_hex
from remit.domain.ids import ToolName

LONGEST = 64
"""Characters of a name that every model takes."""
_MARK = 8
"""Hexadecimal digits that tell names apart which would be alike."""


def spellings(tools: Iterable[ToolName]) -> Mapping[str, ToolName]:
    """Return the tools of a release by the names under which models and clients see them.

    A name that models take stays as it is. In the others each dot is a `_`; where that is too long or leads to two
    tools, the name is cut and ends in digits of its digest, so that it is the same in every release of these tools.
    """
    names = list(tools)
    times = Counter(map(_undotted, names))
    found: dict[str, ToolName] = {}
    for name in names:
        plain = _undotted(name)
        is_kept = len(plain) <= LONGEST and (plain == name or times[plain] == 1)
        found[plain if is_kept else _marked(name)] = name
    return found


def _undotted(name: ToolName) -> str:
    return name.replace(".", "_")


def _marked(name: ToolName) -> str:
    return f"{_undotted(name)[: LONGEST - _MARK - 1]}_{sha256_hex(name.encode())[:_MARK]}"
