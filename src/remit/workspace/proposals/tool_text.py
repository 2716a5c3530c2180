"""Changes of one field of a Tool in the text of a file: all else stays as a person has written it."""

from __future__ import annotations

from collections.abc import Mapping

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

from remit.workspace.yaml_text import written


class NotFound(ValueError):
    """There is no such tool in the text."""


def pinned(text: str, tool: str, pin: str) -> str:
    """Return the text with the tool's pin set. Raises NotFound."""
    node = _tool(text, tool)
    for key, value in node.value:
        if key.value == "pin":
            return f"{text[: value.start_mark.index]}{pin}{text[value.end_mark.index :]}"
    if node.flow_style:
        end = node.end_mark.index - 1
        return f"{text[:end].rstrip().rstrip(',')}, pin: {pin}{text[end:]}"
    name = next(key for key, _ in node.value if key.value == "name")
    line_end = text.find("\n", name.start_mark.index)
    line_end = len(text) if line_end < 0 else line_end
    return f"{text[:line_end]}\n{' ' * name.start_mark.column}pin: {pin}{text[line_end:]}"


def replaced(text: str, tool: str, key: str, before: object, after: object) -> str | None:
    """Return the text with one field changed, or None where a person has changed it since it was proposed as `before`.

    Raises NotFound.
    """
    node = _tool(text, tool)
    starts = [found.start_mark.index for found, _ in node.value]
    for (found, _), start in zip(node.value, starts, strict=True):
        if found.value == key and found.start_mark.column == 0:
            end = min((other for other in starts if other > start), default=_end(text, start))
            old = written({key: before})
            if text[start:end].rstrip() != old.rstrip():
                return None
            return f"{text[:start]}{written({key: after}).rstrip()}\n{text[end:]}"
    return None


def _end(text: str, start: int) -> int:
    """Return where the document ends in which an index lies."""
    end = text.find("\n---", start)
    return len(text) if end < 0 else end + 1


def _tool(text: str, tool: str) -> MappingNode:
    try:
        documents: list[Node | None] = list(YAML(typ="rt").compose_all(text))
    except YAMLError:
        documents = []
    for node in documents:
        if isinstance(node, MappingNode):
            found = _scalars(node)
            if found.get("kind") == "Tool" and found.get("name") == tool:
                return node
    raise NotFound(tool)


def _scalars(node: MappingNode) -> Mapping[str, str]:
    return {str(key.value): str(value.value) for key, value in node.value if isinstance(value, ScalarNode)}
