"""Templates of policies: Cedar text with typed places to fill in, one file each in `templates`.

A template begins with lines `//! `: what it is for, then its parameters as `name: type [= default] -- meaning`, and
what must hold between two of them as `name < name`. The rest is the policy, with `$name` where a value goes. A value is
written as Cedar by its type, quoted and escaped, so that none can end the place it stands in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.resources import files
from string import Template as Text
from types import MappingProxyType

from remit.domain.text import hidden_character, is_name
from remit.policy.grants import quoted

MOST_CHARACTERS = 10_000
"""Longest value of one parameter; a policy may have twice as many."""
_LARGEST = 2**63 - 1
_HEADER = "//! "
_PARAMETER = re.compile(r"(?P<name>\w+): (?P<type>\w+)(?: = (?P<default>\S+))? -- (?P<meaning>.+)")
_LESS = re.compile(r"(?P<less>\w+) < (?P<more>\w+)")
# What Cedar reserves can not be read as `context.input.x` (Cedar grammar, "IDENT" and "RESERVED").
_RESERVED = frozenset("true false if then else in is like has principal action resource context __cedar".split())


class BadTemplate(Exception):
    """What was asked for can not be made. The message says what is wrong and what would be right."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A place to fill in. One without `default` has to be given."""

    name: str
    type: str
    default: str | None
    meaning: str


@dataclass(frozen=True, slots=True)
class PolicyTemplate:
    """A policy with places to fill in. `less` holds pairs of parameters of which the first must be the smaller."""

    name: str
    summary: str
    parameters: tuple[Parameter, ...]
    less: tuple[tuple[str, str], ...]
    text: str

    def filled(self, values: Mapping[str, str]) -> str:
        """Return the policy with these values and the defaults of the others. Raises BadTemplate."""
        named = [parameter.name for parameter in self.parameters]
        for name in values:
            if name not in named:
                raise BadTemplate(f"{self.name} has no parameter `{name}`; it takes {', '.join(named)}")
        lacking = [each.name for each in self.parameters if each.default is None and each.name not in values]
        if lacking:
            raise BadTemplate(
                f"{self.name} needs {', '.join(f'--set {name}=...' for name in lacking)}; `remit policy new` says what"
                " each means"
            )
        given = {each.name: values.get(each.name, each.default or "") for each in self.parameters}
        written = {each.name: _written(each, given[each.name]) for each in self.parameters}
        for less, more in self.less:
            if int(given[less]) >= int(given[more]):
                raise BadTemplate(f"{less} must be less than {more}, and {given[less]} is not less than {given[more]}")
        return Text(self.text).substitute(written)


def template_names() -> tuple[str, ...]:
    """Return the names of all templates in the order of the alphabet."""
    found = (each.name for each in (files(__package__) / "templates").iterdir())
    return tuple(sorted(name.removesuffix(".cedar") for name in found if name.endswith(".cedar")))


def template(name: str) -> PolicyTemplate:
    """Return a template by its name. Raises BadTemplate where there is none."""
    names = template_names()
    if name not in names:
        likely = get_close_matches(name, names, n=1)
        hint = f"Perhaps `{likely[0]}` is meant" if likely else f"There are {', '.join(names)}"
        raise BadTemplate(f"there is no template `{name}`. {hint}")
    return _read(name, (files(__package__) / "templates" / f"{name}.cedar").read_text("utf-8"))


def _read(name: str, text: str) -> PolicyTemplate:
    lines = text.splitlines(keepends=True)
    header = [line.removeprefix(_HEADER).strip() for line in lines if line.startswith(_HEADER)]
    summary, *rest = header
    parameters = [Parameter("id", "name", name, "the name of the policy, which no other may have")]
    less = []
    for line in rest:
        if found := _LESS.fullmatch(line):
            less.append((found["less"], found["more"]))
        elif found := _PARAMETER.fullmatch(line):
            parameters.append(Parameter(found["name"], found["type"], found["default"], found["meaning"]))
        else:
            raise BadTemplate(f"template {name}: `{line}` is neither a parameter nor an order of two")
    policy = "".join(line for line in lines if not line.startswith(_HEADER))
    return PolicyTemplate(name, summary, (*parameters[1:], parameters[0]), tuple(less), policy)


def _written(parameter: Parameter, value: str) -> str:
    """Return a value as Cedar. Raises BadTemplate where it is not of the parameter's type."""
    hidden = hidden_character(value)
    if hidden or "\n" in value:
        raise BadTemplate(f"{parameter.name} contains {hidden or 'a line break'}: leave it out")
    if len(value) > MOST_CHARACTERS:
        raise BadTemplate(f"{parameter.name} has {len(value):,} characters, at most {MOST_CHARACTERS:,} are possible")
    try:
        return TYPES[parameter.type].write(value)
    except ValueError as error:
        shown = value if len(value) <= 40 else f"{value[:40]}..."
        raise BadTemplate(f"{parameter.name} can not be {shown!r}: write {TYPES[parameter.type].words}") from error


@dataclass(frozen=True, slots=True)
class ParameterType:
    """What a value may be, in words, and how it is written as Cedar; `write` raises ValueError for any other."""

    words: str
    write: Callable[[str], str]


def _name(value: str) -> str:
    if not is_name(value):
        raise ValueError
    return quoted(value)


def _argument(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value) or value in _RESERVED:
        raise ValueError
    return value


def _texts(value: str) -> str:
    items = [item.strip() for item in value.split(",")]
    if not all(items):
        raise ValueError
    return f"[{', '.join(quoted(item) for item in items)}]"


def _whole(low: int, high: int) -> Callable[[str], str]:
    def write(value: str) -> str:
        if not re.fullmatch(r"[0-9]{1,19}", value) or not low <= int(value) <= high:
            raise ValueError
        return str(int(value))

    return write


def _days(value: str) -> str:
    day = _whole(1, 7)
    return f"[{', '.join(day(item.strip()) for item in value.split(','))}]"


TYPES: Mapping[str, ParameterType] = MappingProxyType(
    {
        "tool": ParameterType("the name of a tool, such as erp.pay", _name),
        "name": ParameterType("a name of letters, digits, `.`, `_` and `-`", _name),
        "argument": ParameterType(
            "an argument's name of letters, digits and `_` that Cedar does not reserve, or derive such a field",
            _argument,
        ),
        "texts": ParameterType("one text or more, with commas between them", _texts),
        "whole": ParameterType("a whole number from 0, digits only", _whole(0, _LARGEST)),
        "hour": ParameterType("an hour from 0 to 24", _whole(0, 24)),
        "days": ParameterType("days from 1 (Monday) to 7, with commas between them, such as 1,2,3,4,7", _days),
    }
)
