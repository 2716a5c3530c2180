"""What changes about prompts: what is asked, of which model, and what has to be filled in."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from remit.domain.prompt_template import Message, Prompt, Variable
from remit.workspace.wording import differing_fields, same, shown


def prompt_summary(prompt: Prompt) -> Iterator[str]:
    """Say what a new prompt is."""
    takes = ", ".join(f"{name} ({_takes(each)})" for name, each in prompt.variables.items())
    yield f"prompt {prompt.name} is new" + (f" and takes {takes}" if takes else "")
    yield f"prompt {prompt.name} says:\n{_indented(_lines(prompt.messages))}\n  as version {prompt.version[:19]}"
    if prompt.model is not None or prompt.max_output_tokens is not None:
        yield f"prompt {prompt.name} asks {shown(prompt.model)} for at most {shown(prompt.max_output_tokens)} tokens"


def prompt_changes(before: Prompt, after: Prompt) -> Iterator[str]:
    """Say what changes about a prompt."""
    name = after.name
    for changed in differing_fields(before, after):
        old, new = getattr(before, changed), getattr(after, changed)
        match changed:
            case "messages":
                yield f"prompt {name} now says:\n{_difference(before, after)}\n  as version {after.version[:19]}"
            case "variables":
                yield from _variables(name, before, after)
            case "max_output_tokens":
                yield f"prompt {name} lets the model answer with {_tokens(new)} instead of {_tokens(old)}"
            case "model":
                yield f"prompt {name} was written for {shown(new)} instead of {shown(old)}"
            case _:
                yield f"prompt {name}: {changed} changed from {shown(old)} to {shown(new)}"


def _variables(prompt: str, before: Prompt, after: Prompt) -> Iterator[str]:
    for name in sorted(before.variables.keys() | after.variables.keys()):
        old, new = before.variables.get(name), after.variables.get(name)
        if same(old, new):
            continue
        if old is None or new is None:
            said = f"takes {name} ({_takes(new)})" if new is not None else f"no longer takes {name}"
            yield f"prompt {prompt} {said}"
        else:
            yield f"prompt {prompt} takes {name} as {_takes(new)} instead of {_takes(old)}"


def _takes(variable: Variable) -> str:
    said = f"{variable.type.value} of at most {variable.longest:,} characters, "
    said += "required" if variable.required else "optional"
    said += "" if variable.default is None else f", {shown(variable.default)} where left out"
    return said + (f" ({variable.description})" if variable.description else "")


def _tokens(most: int | None) -> str:
    return "as many tokens as the model's document says" if most is None else f"at most {most:,} tokens"


def _lines(messages: tuple[Message, ...]) -> list[str]:
    return [line for message in messages for line in (f"## {message.speaker.value}", *message.text.split("\n"))]


def _indented(lines: list[str]) -> str:
    return "\n".join(f"  {line}" for line in lines)


def _difference(before: Prompt, after: Prompt) -> str:
    lines = difflib.unified_diff(_lines(before.messages), _lines(after.messages), lineterm="", n=2)
    return _indented(list(lines)[2:])
