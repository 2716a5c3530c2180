"""What changes about prompts: what is asked, of which model, and what has to be filled in."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from remit.domain.prompt_template import Message, Prompt, Variable
from remit.domain.said import Part, Said
from remit.workspace.wording import changed_from, differing_fields, said, same, shown


def prompt_summary(prompt: Prompt) -> Iterator[Said]:
    """Say what a new prompt is."""
    name, version = prompt.name, prompt.version[:19]
    takes = tuple(said("variable", name=key, takes=_takes(each)) for key, each in prompt.variables.items())
    yield said("prompt.new_takes" if takes else "prompt.new", name=name, takes=takes)
    yield said("prompt.says", name=name, text=_indented(_lines(prompt.messages)), version=version)
    if prompt.model is not None or prompt.max_output_tokens is not None:
        yield said("prompt.asks", name=name, model=shown(prompt.model), tokens=shown(prompt.max_output_tokens))


def prompt_changes(before: Prompt, after: Prompt) -> Iterator[Said]:
    """Say what changes about a prompt."""
    name = after.name
    for changed in differing_fields(before, after):
        old, new = getattr(before, changed), getattr(after, changed)
        match changed:
            case "messages":
                yield said("prompt.says_now", name=name, text=_difference(before, after), version=after.version[:19])
            case "variables":
                yield from _variables(name, before, after)
            case "max_output_tokens":
                yield said("prompt.tokens", name=name, new=_tokens(new), old=_tokens(old))
            case "model":
                yield said("prompt.model", name=name, new=shown(new), old=shown(old))
            case _:
                yield changed_from(said("thing.prompt", name=name), changed, shown(old), shown(new))


def _variables(prompt: str, before: Prompt, after: Prompt) -> Iterator[Said]:
    for name in sorted(before.variables.keys() | after.variables.keys()):
        old, new = before.variables.get(name), after.variables.get(name)
        if same(old, new):
            continue
        if new is None:
            yield said("prompt.takes_no_more", name=prompt, variable=name)
        elif old is None:
            yield said("prompt.takes", name=prompt, variable=name, takes=_takes(new))
        else:
            yield said("prompt.takes_as", name=prompt, variable=name, new=_takes(new), old=_takes(old))


def _takes(variable: Variable) -> Part:
    takes: list[Part] = [said("variable.length", type=variable.type.value, longest=f"{variable.longest:,}")]
    takes.append(said("variable.required" if variable.required else "variable.optional"))
    if variable.default is not None:
        takes.append(said("variable.default", value=shown(variable.default)))
    if not variable.description:
        return tuple(takes)
    return said("variable.described", takes=tuple(takes), description=variable.description)


def _tokens(most: int | None) -> Said:
    return said("tokens.of_model") if most is None else said("tokens.most", n=f"{most:,}")


def _lines(messages: tuple[Message, ...]) -> list[str]:
    return [line for message in messages for line in (f"## {message.speaker.value}", *message.text.split("\n"))]


def _indented(lines: list[str]) -> str:
    return "\n".join(f"  {line}" for line in lines)


def _difference(before: Prompt, after: Prompt) -> str:
    lines = difflib.unified_diff(_lines(before.messages), _lines(after.messages), lineterm="", n=2)
    return _indented(list(lines)[2:])
