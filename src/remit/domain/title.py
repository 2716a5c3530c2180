"""What people read first of an action that waits for them, made from its arguments and never from an agent's prose.

A tool's title is a template with `{placeholders}`. A placeholder is an argument (`{amount}`, or by a dotted path
`{card.last4}`), a derived field, or the role of exactly one argument (`{destination}`), looked for in that order.

Values come from the agent, so they are made harmless: on one line, hidden characters spelled out, cut to a length, and
between FIRST STRONG ISOLATE and POP DIRECTIONAL ISOLATE (Unicode UAX 9, section 2.5), so that an Arabic value can not
reorder an English sentence, nor a number an Arabic one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from remit.domain.canonical import canonical
from remit.domain.messages import Language
from remit.domain.release import ArgumentRole, Effect, Tool
from remit.domain.text import recordable, revealed

MAX_TEMPLATE = 200
MAX_VALUE = 80
"""Characters of one value in a title."""
MAX_TITLE = 500

FSI, PDI = "\u2068", "\u2069"

NEVER_SHOWN = frozenset({ArgumentRole.SECRET})
"""Roles whose arguments no title, no detail and no message shows."""
NEVER_SENT = NEVER_SHOWN | {ArgumentRole.PAYLOAD}
"""Roles whose arguments leave Remit in no notification."""

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*")

_OURS: Mapping[Language, Mapping[Effect | None, str]] = MappingProxyType(
    {
        "en": {
            Effect.READ: "Read something with {tool}",
            Effect.WRITE: "Change something with {tool}",
            Effect.SEND: "Send something with {tool}",
            Effect.PAY: "Pay with {tool}",
            Effect.DELETE: "Delete something with {tool}",
            Effect.ADMIN: "Administer something with {tool}",
            None: "Call {tool}",
        },
        "ar": {
            Effect.READ: "قراءة بيانات باستخدام {tool}",
            Effect.WRITE: "تعديل بيانات باستخدام {tool}",
            Effect.SEND: "إرسال باستخدام {tool}",
            Effect.PAY: "دفع باستخدام {tool}",
            Effect.DELETE: "حذف باستخدام {tool}",
            Effect.ADMIN: "إجراء إداري باستخدام {tool}",
            None: "استدعاء {tool}",
        },
    }
)
_WORDS: Mapping[Language, Mapping[str, str]] = MappingProxyType(
    {"en": {"hidden": "(hidden)", "none": "(none)"}, "ar": {"hidden": "(محجوب)", "none": "(لا شيء)"}}
)


def placeholders(template: str) -> tuple[str, ...]:
    """Return the names between braces, in order."""
    return tuple(_PLACEHOLDER.findall(template))


def is_path(name: str) -> bool:
    """Tell whether `name` has the form of a placeholder."""
    return _PATH.fullmatch(name) is not None


def is_balanced(template: str) -> bool:
    """Tell whether every brace belongs to a placeholder."""
    return not set("{}") & set(_PLACEHOLDER.sub("", template))


def role_of(tool: Tool, path: str) -> ArgumentRole | None:
    """Return the role of the argument that a dotted path begins in."""
    return tool.roles.get(path) or tool.roles.get(path.partition(".")[0])


def with_role(tool: Tool, role: str) -> tuple[str, ...]:
    """Return the arguments that have a role."""
    return tuple(name for name, given in tool.roles.items() if given.value == role)


def visible(tool: Tool, arguments: Mapping[str, object], hidden: frozenset[ArgumentRole]) -> dict[str, object]:
    """Return the arguments without those of hidden roles."""
    return {name: value for name, value in arguments.items() if tool.roles.get(name) not in hidden}


def titled(
    tool: Tool,
    arguments: Mapping[str, object],
    derived: Mapping[str, object],
    language: Language = "en",
    hidden: frozenset[ArgumentRole] = NEVER_SHOWN,
) -> str:
    """Fill in a tool's title.

    Args:
        tool: whose title; without one, ours says the effect and the name.
        arguments: as the agent gave them.
        derived: fields computed from `visible` arguments only, so that none tells of a hidden one.
        language: of the words.
        hidden: roles whose arguments are not shown.
    """
    template = "" if tool.title is None else getattr(tool.title, language)
    if not template:
        return our_title(tool.effect, tool.name, language)

    def value(found: re.Match[str]) -> str:
        return _value(tool, found[1], arguments, derived, _WORDS[language], hidden)

    return _cut(_PLACEHOLDER.sub(value, template), MAX_TITLE)


def our_title(effect: Effect | None, target: str, language: Language = "en") -> str:
    """Return the title of what has none of its own, of a model call, or of what may not be looked into."""
    return _OURS[language][effect].format(tool=_isolated(recordable(target)))


def without_isolates(title: str) -> str:
    """Return a title for where nobody arranges text by direction, as on a terminal."""
    return title.replace(FSI, "").replace(PDI, "")


def shown(value: object, longest: int = MAX_VALUE) -> str:
    """Return one value as people may read it: harmless, on one line, and cut."""
    text = value if isinstance(value, str) else canonical(value).decode()
    return _cut(revealed(text[: 4 * longest]), longest)


def at_path(arguments: Mapping[str, object], path: str) -> object:
    """Return what stands at a dotted path, or None."""
    found: object = arguments
    for step in path.split("."):
        if isinstance(found, Mapping):
            found = found.get(step)
        elif isinstance(found, Sequence) and not isinstance(found, str) and step.isdecimal() and int(step) < len(found):
            found = found[int(step)]
        else:
            return None
    return found


def _value(
    tool: Tool,
    name: str,
    arguments: Mapping[str, object],
    derived: Mapping[str, object],
    words: Mapping[str, str],
    hidden: frozenset[ArgumentRole],
) -> str:
    is_derived = any(field.name == name for field in tool.derived)
    if not is_derived and not _is_argument(tool, name.partition(".")[0], arguments):
        name = next(iter(with_role(tool, name)), name)
    found = at_path(arguments, name)
    if found is None and is_derived:
        found = derived.get(name)
    elif role_of(tool, name) in hidden:
        return words["hidden"]
    return words["none"] if found is None else _isolated(shown(found))


def _is_argument(tool: Tool, name: str, arguments: Mapping[str, object]) -> bool:
    declared = tool.input_schema.get("properties")
    return name in arguments or (isinstance(declared, Mapping) and name in declared)


def _isolated(text: str) -> str:
    return f"{FSI}{text}{PDI}"


def _cut(text: str, longest: int) -> str:
    """Cut a text to a length, and close what was open."""
    if len(text) <= longest:
        return text
    kept = text[: longest - 1]
    return kept + "…" + PDI * (kept.count(FSI) - kept.count(PDI))
