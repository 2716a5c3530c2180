"""The documents of a folder, each read by its kind, and the problems met on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from remit.domain.problem import Problem
from remit.domain.prompt_template import Prompt
from remit.domain.release import PolicyFile
from remit.workspace.kind import KINDS
from remit.workspace.node import Node
from remit.workspace.placement import is_policy, is_prompt, kinds_at, misplaced
from remit.workspace.prompt_file import parts_of, read_body
from remit.workspace.report import At, Report, Source, listed, meant
from remit.workspace.text_checks import decoded, text_problems
from remit.workspace.yaml_document import read_yaml


@dataclass(frozen=True, slots=True)
class Document:
    """One document. `value` is what its kind's record built, or None where it has mistakes."""

    kind: str
    source: Source
    value: object | None

    @property
    def name_key(self) -> str:
        """The key its name is written under."""
        return "id" if self.kind == "Person" else "name"

    @property
    def name(self) -> str:
        """The name it was given, also where the rest of it has mistakes; empty where it gives none."""
        node = self.source.node.value.get(self.name_key) if isinstance(self.source.node.value, Mapping) else None
        return node.value if node is not None and isinstance(node.value, str) else ""


@dataclass(slots=True)
class Documents:
    """What was read of a folder; owned by one call of read().

    Attributes:
        unread: kinds of which some document's very name could not be read; an unknown name may be that one's.
    """

    report: Report
    documents: list[Document] = field(default_factory=list)
    policies: list[PolicyFile] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)

    def of(self, kind: str) -> list[Document]:
        """Return the documents of one kind, in the order of files and lines."""
        return [document for document in self.documents if document.kind == kind]

    def take(self, path: str, data: bytes) -> None:
        """Read one file."""
        problem = misplaced(path)
        if problem is not None:
            self.report.problems.append(problem)
        elif is_policy(path):
            self._take_policy(path, data)
        elif is_prompt(path):
            self._take_prompt(path, data)
        else:
            self._take_yaml(path, data)

    def _take_policy(self, path: str, data: bytes) -> None:
        text, problem = decoded(path, data)
        problems = (problem,) if problem is not None else text_problems(path, text)
        self.report.problems.extend(problems)
        if problems:
            self.unread.add("Policy")
        else:
            self.policies.append(PolicyFile(path, text))

    def _take_prompt(self, path: str, data: bytes) -> None:
        """Read front matter as YAML, with the lines of the file, and the messages below it."""
        text, problem = decoded(path, data)
        parts = problem or parts_of(path, text)
        if isinstance(parts, Problem):
            self.report.problems.append(parts)
            self.unread.add("Prompt")
            return
        front = parts.front.encode()
        before = len(self.documents)
        self._take_yaml(path, front)
        # Of the front matter's own lines YAML's reader has told.
        lines = parts.first - 1
        self.report.problems.extend(each for each in text_problems(path, text) if each.line >= lines)
        for index, document in enumerate(self.documents[before:], start=before):
            value = document.value if isinstance(document.value, Prompt) else None
            whole = read_body(document.source.node, value, parts, At(self.report, path))
            self.documents[index] = replace(document, value=whole)

    def _take_yaml(self, path: str, data: bytes) -> None:
        found = read_yaml(path, data)
        self.report.problems.extend(found.problems)
        if not found.complete:
            self.unread.update(kinds_at(path))
        documents = [node for node in found.documents if not _is_empty(node)]
        if not documents and found.complete:
            message = "the file holds no document"
            remedy = f"Write a document of kind {listed(kinds_at(path))}, or delete the file"
            self.report.problems.append(Problem(path, 0, 0, "", message, remedy))
        before = len(self.report.problems)
        for node in documents:
            self._take_document(path, node)
        # A value that YAML already refused is no further mistake of its field.
        refused = {(problem.line, problem.column) for problem in found.problems}
        met = self.report.problems[before:]
        self.report.problems[before:] = [each for each in met if (each.line, each.column) not in refused]

    def _take_document(self, path: str, node: Node) -> None:
        at = At(self.report, path)
        kind = _kind_of(node, at)
        if kind is None:
            self.unread.update(kinds_at(path))
            return
        value = KINDS[kind].record.read(node, at)
        document = Document(kind, Source(path, node), value)
        if value is None and not document.name:
            self.unread.add(kind)
        self.documents.append(document)


def _is_empty(node: Node) -> bool:
    """Tell whether a document is nothing at all, as after a closing `---`."""
    return node.value is None and not node.text


def _kind_of(node: Node, at: At) -> str | None:
    """Return the document's kind where it says one that may stand in this file."""
    allowed = kinds_at(at.file)
    remedy = f"Write `kind: {allowed[0]}`" if len(allowed) == 1 else f"Write `kind:` with {listed(allowed)}"
    if not isinstance(node.value, Mapping):
        at.wrong(node, f"a document must be a mapping, not {node.word}", remedy)
        return None
    kind = node.value.get("kind")
    if kind is None:
        at.key("kind").wrong(node, "the document does not say what kind it is", remedy)
    elif not isinstance(kind.value, str) or kind.value not in KINDS:
        likely = meant(str(kind.value), allowed, remedy)
        at.key("kind").wrong(kind, f"`{kind.text[:80] or kind.word}` is no kind of document", likely)
    elif kind.value not in allowed:
        place = KINDS[kind.value].place
        at.key("kind").wrong(kind, f"kind `{kind.value}` does not belong in this file", f"Move it to `{place}`")
    else:
        return kind.value
    return None
