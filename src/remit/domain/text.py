"""Characters that make one text look like another; names must not hold them."""

from __future__ import annotations

import re

NAME = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9._-]{0,126}[a-zA-Z0-9])?")
"""Names of resources: ASCII letters, digits, `.`, `_` and `-`; 1 to 128 characters."""

_HIDDEN = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")


def hidden_character(text: str) -> str | None:
    """Name the first invisible or direction-changing character, such as `U+202E`, or return None.

    Bidirectional controls reorder what a person reads but not what a machine compares (Unicode TR 36, section 2.4).
    """
    found = _HIDDEN.search(text) or _SURROGATE.search(text)
    return f"U+{ord(found[0]):04X}" if found else None


def is_name(text: str) -> bool:
    """Tell whether `text` may name an agent, a tool, a budget and so on."""
    return NAME.fullmatch(text) is not None


def revealed(text: str) -> str:
    """Return `text` on one line, every hidden character spelled out as `[U+202E]`: what is shown is what is there."""
    spelled = _SURROGATE.sub(_spelled, _HIDDEN.sub(_spelled, " ".join(text.splitlines()).replace("\t", " ")))
    return "".join(char if char.isprintable() else f"[U+{ord(char):04X}]" for char in spelled)


def _spelled(found: re.Match[str]) -> str:
    return f"[U+{ord(found[0]):04X}]"


ACTOR_KINDS = ("user", "service", "system")
"""Whom an agent may act for: a person, another program, or the organisation's own machinery."""

ACTOR_FORMS = "user:NAME, service:NAME or system:NAME"
"""How whom an agent acts for is written, in words for whoever wrote it otherwise."""


def is_actor(text: str) -> bool:
    """Tell whether `text` may name whom an agent acts for: a kind, a colon and a name, in exactly that spelling.

    Freezes, budgets and "nobody approves on their own behalf" compare such ids letter by letter, so there must be one
    spelling of each.
    """
    kind, colon, name = text.partition(":")
    return kind in ACTOR_KINDS and bool(colon) and is_name(name)


def unfit(text: object, longest: int, *, prose: bool = False) -> str | None:
    """Say why `text` may not name somebody, or be prose, on record; None where it may.

    Half surrogates have no bytes, what follows a NUL is lost in SQLite's JSON functions, and hidden characters make two
    that differ look alike.
    """
    if not isinstance(text, str):
        return f"is no text, but of type {type(text).__name__[:80]}"
    if len(text) > longest:
        return f"has {len(text):,} characters, more than the {longest:,} allowed"
    if text.isascii() and text.isprintable():
        return None  # as nearly all are
    hidden = hidden_character(text)
    if hidden is None and not prose:
        hidden = next((f"U+{ord(char):04X}" for char in text if not char.isprintable()), None)
    return None if hidden is None else f"holds the invisible character {hidden}"


MAX_TARGET = 300


def recordable(target: str) -> str:
    """Return what an agent called a tool or model, fit for a record: hidden characters escaped, and not too long.

    What is a name stays as it is, and what is none never becomes one.
    """
    if len(target) <= MAX_TARGET and target.isprintable():
        return target
    return target[:MAX_TARGET].encode("unicode_escape").decode()[:MAX_TARGET]


def is_unicode(text: str) -> bool:
    """Tell whether a text can be written in UTF-8: half of a surrogate pair is no character."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
