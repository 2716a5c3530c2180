"""Workflows that were written in Python, as files of a workspace: each says in its first line where it is edited."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from remit.domain.text import is_name
from remit.workspace.kind import KINDS
from remit.workspace.yaml_document import read_yaml
from remit.workspace.yaml_text import written

_HEAD = "# Compiled from {} by `remit workflows compile`. Edit it there: what is changed here is lost."
_HEADED = re.compile(re.escape(_HEAD).replace(r"\{\}", "(.+)"))


class NotWritable(ValueError):
    """A document can not be a file of a workspace. The message says why."""


@dataclass(frozen=True, slots=True)
class CompiledFile:
    """A workflow as a file. `path` is relative to the workspace folder."""

    path: str
    text: str


def compiled(document: Mapping[str, object], source: str) -> CompiledFile:
    """Return a workflow's document as the file it is in a workspace.

    Args:
        document: of kind Workflow, as the decorators of the SDK write it.
        source: the module it comes from, as a reader of the file finds it.

    Raises:
        NotWritable: its name can be none of a file, or reading the text would give another document.
    """
    name = str(document["name"])
    if not is_name(name):
        raise NotWritable(f"`{name[:80]}` can not be a workflow's name: use letters, digits, `.`, `_` and `-`")
    path = KINDS["Workflow"].place.replace("*", name)
    text = f"{_HEAD.format(source)}\n{written(document)}"
    found = read_yaml(path, text.encode("utf-8", "surrogatepass"))
    for problem in found.problems:
        raise NotWritable(f"{name} can not stand in a workspace: {problem.message}. {problem.remedy}")
    if [each.plain() for each in found.documents] != [document]:
        raise NotWritable(f"{name} can not be written as YAML as it is: look for unusual characters in its texts")
    return CompiledFile(path, text)


def source_of(text: str) -> str:
    """Return from which module a file was compiled, or nothing where it was not."""
    found = _HEADED.match(text.partition("\n")[0])
    return found[1] if found else ""
