"""A folder as far as it could be read: what the cross checks look at before it becomes a configuration."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from remit.domain.prompt_template import Prompt
from remit.domain.release import Agent, Budget, Group, Person, Settings, Tool
from remit.domain.upstream import Model, ToolServer
from remit.domain.workflow import Workflow
from remit.workspace.documents import Documents
from remit.workspace.kinds.scenarios import TestFile, WrittenTest
from remit.workspace.node import key_path
from remit.workspace.report import Report, Source, meant

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Written(Generic[T]):
    """A value and the document it was read from."""

    value: T
    source: Source


@dataclass(frozen=True, slots=True)
class Draft:
    """The values of all documents that could be read. Several may have the same name."""

    documents: Documents
    settings: tuple[Written[Settings], ...]
    agents: tuple[Written[Agent], ...]
    tools: tuple[Written[Tool], ...]
    servers: tuple[Written[ToolServer], ...]
    models: tuple[Written[Model], ...]
    workflows: tuple[Written[Workflow], ...]
    prompts: tuple[Written[Prompt], ...]
    budgets: tuple[Written[Budget], ...]
    people: tuple[Written[Person], ...]
    groups: tuple[Written[Group], ...]
    tests: tuple[Written[TestFile], ...]
    _names: Mapping[str, Mapping[str, Source]]

    @classmethod
    def of(cls, documents: Documents) -> Draft:
        """Sort the documents by kind."""
        return cls(
            documents,
            settings=_written(documents, "Workspace", Settings),
            agents=_written(documents, "Agent", Agent),
            tools=_written(documents, "Tool", Tool),
            servers=_written(documents, "ToolServer", ToolServer),
            models=_written(documents, "Model", Model),
            workflows=_written(documents, "Workflow", Workflow),
            prompts=_written(documents, "Prompt", Prompt),
            budgets=_written(documents, "Budget", Budget),
            people=_written(documents, "Person", Person),
            groups=_written(documents, "Group", Group),
            tests=_written(documents, "Tests", TestFile),
            _names=_first_of_each_name(documents),
        )

    @property
    def report(self) -> Report:
        """Where mistakes are reported."""
        return self.documents.report

    def names(self, kind: str) -> Mapping[str, Source]:
        """Return the names of a kind, also of documents with mistakes, and where each was first given."""
        return self._names.get(kind, {})

    def each_budget(self) -> Iterator[tuple[Budget, Source, str]]:
        """Yield every budget, of the workspace and of remits, with its document and its path in it."""
        for written in self.budgets:
            yield written.value, written.source, ""
        for agent in self.agents:
            for index, budget in enumerate(agent.value.remit.budgets):
                yield budget, agent.source, f"remit.budgets[{index}]"

    def each_test(self) -> Iterator[tuple[WrittenTest, Source, str]]:
        """Yield every test with its document and its path in it."""
        for written in self.tests:
            for index, test in enumerate(written.value.tests):
                yield test, written.source, f"tests[{index}]"

    def read_whole(self, *kinds: str) -> bool:
        """Tell whether every document of these kinds was read without a mistake."""
        unread = any(document.value is None for kind in kinds for document in self.documents.of(kind))
        return not unread and not self.documents.unread & set(kinds)

    def check_known(self, kind: str, name: str, source: Source, path: str, remedy: str = "") -> None:
        """Report `name` where no document of that kind has it.

        Says nothing while some document's name could not be read: it may be the one.
        """
        known = self.names(kind)
        if name in known or kind in self.documents.unread:
            return
        article = "an" if kind == "Agent" else "a"
        key = "id" if kind == "Person" else "name"
        otherwise = remedy or f"Write {article} {kind} document with this {key}, or correct the {key}"
        message = f"there is no {kind.lower()} `{name}`"
        self.report.add(source, path, message, meant(name, known, otherwise))


def _written(documents: Documents, kind: str, of: type[T]) -> tuple[Written[T], ...]:
    found = documents.of(kind)
    return tuple(Written(each.value, each.source) for each in found if isinstance(each.value, of))


def _first_of_each_name(documents: Documents) -> Mapping[str, Mapping[str, Source]]:
    found: dict[str, dict[str, Source]] = {}
    for document in documents.documents:
        if document.name:
            found.setdefault(document.kind, {}).setdefault(document.name, document.source)
    return found


def check_listed_once(names: Iterable[str], source: Source, path: str, what: str, report: Report) -> None:
    """Report every name that a list at `path` holds a second time."""
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            message = f"{what} `{name}` a second time"
            report.add(source, f"{path}[{index}]", message, "Put what both say into one of them")
        seen.add(name)


def below(path: str, *keys: str) -> str:
    """Return the path of a key below another."""
    for key in keys:
        path = key_path(path, key)
    return path
