"""A Tool document for what a server offers, as text, to be read and confirmed by a person."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from remit.domain.ids import ServerName, ToolName
from remit.domain.problem import Severity
from remit.domain.release import Effect, Tool
from remit.domain.upstream import Via
from remit.policy.schema import untypable
from remit.workspace.proposals.effects import Guess, guessed
from remit.workspace.proposals.roles import guessed_roles
from remit.workspace.proposals.schemas import NotImportable, adapted, shown
from remit.workspace.yaml_text import written

MOST_DESCRIPTION = 4_000
_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME = 128
_LONGEST_UPSTREAM = 200
CONFIRM = "# Proposed by `remit tools import`: confirm the effect and the roles, and remove this line."


@dataclass(frozen=True, slots=True)
class Proposal:
    """One tool as it might stand in a workspace.

    Attributes:
        via, upstream: what it is at its server, and what it is called there.
        document: the Tool document without a pin, in the order it is written.
        guess: its effect and why.
        notes: what of its schema is not enforced, and which arguments no policy can read.
    """

    name: ToolName
    via: Via
    upstream: str
    document: Mapping[str, object]
    guess: Guess
    notes: tuple[str, ...] = ()

    def text(self, pin: str) -> str:
        """Return the document as YAML, pinned where `pin` is not empty, with what is to be confirmed above it."""
        notes = "".join(f"# {note}\n" for note in (f"Its effect: {self.guess.why}.", *self.notes))
        return f"{CONFIRM}\n{notes}{written({**self.document, **({'pin': pin} if pin else {})})}"


def proposed(
    server: ServerName, via: Via, upstream: str, content: Mapping[str, object], taken: Collection[str]
) -> Proposal:
    """Return a proposal for what a server describes so; its name is none of `taken`. Raises NotImportable."""
    if len(upstream) > _LONGEST_UPSTREAM or not upstream.isprintable():
        raise NotImportable("has a name that is too long, or holds characters that are not seen")
    schema, notes = adapted(content.get("inputSchema"))
    guess = guessed(upstream, content.get("annotations")) if via is Via.TOOL else Guess(Effect.READ, f"it reads {via}s")
    name = _name(server, upstream, taken)
    document: dict[str, object] = {"kind": "Tool", "name": name}
    if name.partition(".")[0] != server:
        document["server"] = str(server)
    document["effect"] = guess.effect.value
    description = shown(str(content.get("description") or content.get("title") or ""), MOST_DESCRIPTION)
    document |= {"description": description} if description else {}
    document["input"] = schema
    roles = guessed_roles(schema)
    document |= {"roles": {key: role.value for key, role in roles.items()}} if roles else {}
    unread = untypable(Tool(ToolName(name), str(server), guess.effect, description, schema))
    if unread:
        document["not_governable"] = [field.field for field in unread]
        notes += tuple(f"No policy can read `{field.field}`: it {field.why}." for field in unread)
    if via is not Via.TOOL:
        document["via"] = via.value
    elif name != f"{server}.{upstream}":
        document["upstream"] = upstream
    _check(ToolName(name), document)
    return Proposal(ToolName(name), via, upstream, document, guess, tuple(shown(note, 300) for note in notes))


READING = {
    Via.RESOURCE: {
        "description": "Read a resource of the server by its URI.",
        "inputSchema": {"properties": {"uri": {"type": "string"}}, "required": ["uri"], "additionalProperties": False},
    },
    Via.PROMPT: {
        "description": "Read a prompt of the server.",
        "inputSchema": {
            "properties": {
                "name": {"type": "string"},
                "arguments": {"type": "object", "additionalProperties": {"type": "string"}},
            },
            "required": ["name"],
            "additionalProperties": False,
        },
    },
}
"""What stands for all resources and all prompts of a server: each is one tool, and the reading of one is a call."""


def _name(server: ServerName, upstream: str, taken: Collection[str]) -> str:
    stem = f"{server}.{_UNFIT.sub('-', upstream).strip('._-') or 'tool'}"[:_LONGEST_NAME].rstrip("._-")
    return next(name for name in _candidates(stem) if name not in taken)


def _candidates(stem: str) -> Iterator[str]:
    yield stem
    for number in range(2, 100_000):
        yield f"{stem[: _LONGEST_NAME - 6]}-{number}"


def _check(name: ToolName, document: Mapping[str, object]) -> None:
    """Read the document as a workspace does. Raises NotImportable with the first mistake in it."""
    from remit.workspace.reading import read  # reading knows every kind; only here it is needed

    found = read({"tools/proposed.yaml": written(document).encode()}, "proposed")
    for problem in found.problems:
        if problem.severity is Severity.ERROR and problem.file == "tools/proposed.yaml":
            raise NotImportable(f"can not stand in a workspace: {problem.field}: {problem.message}")
    if found.configuration is not None and found.configuration.tools[name].input_schema != document["input"]:
        raise NotImportable("can not be written as it is")
