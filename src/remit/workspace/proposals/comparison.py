"""What a server offers beside what a workspace has of it: what is new, what was changed since somebody accepted it."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from remit.domain.ids import ServerName
from remit.domain.release import Tool
from remit.domain.text import revealed
from remit.domain.upstream import Via
from remit.workspace.proposals.accepted import Accepted, Key
from remit.workspace.proposals.proposal import READING, Proposal, proposed
from remit.workspace.proposals.schemas import NotImportable

MOST_LINES = 200
"""Of the change of one definition; the rest is counted."""
LONGEST_LINE = 400
ALL_OF = {Via.RESOURCE: "resources", Via.PROMPT: "prompts"}
"""What the tool is called that stands for all resources, or all prompts, of a server."""


class Standing(StrEnum):
    """What a definition is to a workspace."""

    NEW = "new"
    PROPOSED = "proposed"
    CHANGED = "changed"
    ACCEPTED = "accepted"
    GONE = "gone"
    UNFIT = "unfit"


@dataclass(frozen=True, slots=True)
class Offered:
    """One definition as the server gives it now; `content` of resources and prompts is all of them."""

    via: Via
    name: str
    content: object
    digest: str

    @property
    def key(self) -> Key:
        """What it is found by."""
        return self.via, self.name


@dataclass(frozen=True, slots=True)
class Compared:
    """One definition, or one tool that the server does not offer any more.

    Attributes:
        name: of the tool in the workspace, or as it would be.
        tool: as the workspace has it. None where it has not.
        proposal: what would be written. None where it can not be, which `problem` explains.
        changes: lines of a difference, with hidden characters spelled out.
    """

    standing: Standing
    name: str
    offered: Offered | None = None
    tool: Tool | None = None
    proposal: Proposal | None = None
    problem: str = ""
    changes: tuple[str, ...] = ()


def compared(
    server: ServerName, offered: Sequence[Offered], tools: Mapping[str, Tool], accepted: Mapping[Key, Accepted]
) -> tuple[Compared, ...]:
    """Compare all that a server offers with a workspace's tools, of any server."""
    own = {_key(tool): tool for tool in tools.values() if tool.server == server}
    taken = set(tools)
    found: list[Compared] = []
    for each in offered:
        one = _one(server, each, own.get(each.key), accepted.get(each.key), taken)
        taken.add(one.name)
        found.append(one)
    here = {each.key for each in offered}
    found += [
        Compared(Standing.GONE, tool.name, tool=tool) for key, tool in own.items() if tool.pin and key not in here
    ]
    return tuple(found)


def _key(tool: Tool) -> Key:
    return tool.via, ALL_OF.get(tool.via, tool.upstream)


def _one(
    server: ServerName, offered: Offered, tool: Tool | None, accepted: Accepted | None, taken: set[str]
) -> Compared:
    content = READING.get(offered.via, offered.content)
    content = content if isinstance(content, dict) else {}
    others = taken - {tool.name} if tool is not None else taken
    proposal, problem = None, ""
    try:
        proposal = proposed(server, offered.via, offered.name, content, others)
    except NotImportable as error:
        problem = str(error)
    if tool is None:
        standing = Standing.NEW if proposal is not None else Standing.UNFIT
        name = revealed(offered.name)[:LONGEST_LINE] if proposal is None else proposal.name
        return Compared(standing, name, offered, None, proposal, problem)
    if tool.pin == offered.digest:
        return Compared(Standing.ACCEPTED, tool.name, offered, tool, proposal, problem)
    if not tool.pin:
        return Compared(Standing.PROPOSED, tool.name, offered, tool, proposal, problem)
    before: object = {"description": tool.description, "inputSchema": tool.input_schema}
    if accepted is not None and accepted.digest == tool.pin:
        before = accepted.content
    elif offered.via is not Via.TOOL:
        before = []
    return Compared(Standing.CHANGED, tool.name, offered, tool, proposal, problem, _difference(before, offered.content))


def _difference(before: object, after: object) -> tuple[str, ...]:
    lines = list(difflib.unified_diff(_lines(before), _lines(after), "accepted", "now", n=1, lineterm=""))
    cut = [line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]}…" for line in lines[:MOST_LINES]]
    rest = len(lines) - MOST_LINES
    return (*cut, *((f"... and {rest:,} lines more",) if rest > 0 else ()))


def _lines(content: object) -> list[str]:
    """Return a definition as lines of JSON in a stable order, each text of several lines on as many."""
    written = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False)
    return [revealed(part) for line in written.splitlines() for part in _split(line)]


def _split(line: str) -> Iterator[str]:
    first, *rest = line.replace("\\r", "").split("\\n")
    yield first
    yield from (f"    {each}" for each in rest)
