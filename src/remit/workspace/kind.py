"""Which kinds of document there are, and where in the folder each may stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from remit.workspace.kinds.agent import AGENT
from remit.workspace.kinds.budget import BUDGET
from remit.workspace.kinds.model import MODEL_RECORD
from remit.workspace.kinds.people import GROUP_RECORD, PERSON
from remit.workspace.kinds.prompt import PROMPT
from remit.workspace.kinds.scenarios import TESTS
from remit.workspace.kinds.server import TOOL_SERVER
from remit.workspace.kinds.settings import SETTINGS
from remit.workspace.kinds.tool import TOOL
from remit.workspace.kinds.workflow import WORKFLOW
from remit.workspace.node import Node
from remit.workspace.record import Field, Record
from remit.workspace.report import At


@dataclass(frozen=True, slots=True)
class _Word:
    """The kind's own name. By the time it is read, it is known to be right."""

    word: str

    def read(self, node: Node, _: At) -> str | None:
        return str(node.value)

    def schema(self) -> dict[str, object]:
        return {"const": self.word}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of document. `record` includes the key `kind` itself."""

    name: str
    place: str
    record: Record[Any]


def _kind(name: str, place: str, record: Record[Any]) -> Kind:
    word = Field[str]("kind", _Word(name), f"`{name}`", required=True)
    return Kind(name, place, replace(record, fields=(word, *record.fields)))


PROMPTS = "prompts/*.md"

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            _kind("Workspace", "workspace.yaml", SETTINGS),
            _kind("Agent", "agents/*.yaml", AGENT),
            _kind("Tool", "tools/*.yaml", TOOL),
            _kind("ToolServer", "servers/*.yaml", TOOL_SERVER),
            _kind("Model", "models/*.yaml", MODEL_RECORD),
            _kind("Workflow", "workflows/*.yaml", WORKFLOW),
            _kind("Prompt", PROMPTS, PROMPT),
            _kind("Budget", "budgets.yaml", BUDGET),
            _kind("Person", "people.yaml", PERSON),
            _kind("Group", "people.yaml", GROUP_RECORD),
            _kind("Tests", "tests/*.yaml", TESTS),
        )
    }
)
"""Every kind by its name."""

POLICIES = "policies/*.cedar"
