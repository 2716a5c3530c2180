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
