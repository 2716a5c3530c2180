"""What the author of a misspelt name probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_SHOWN = 8


def closest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name most like `name`, or None where nothing is like it."""
    found = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return found[0] if found else None


def instead(name: str, known: Iterable[str], what: str) -> str:
    """Return a remedy: the name that was probably meant, else the names there are. `what` is a plural."""
    names = sorted(known)
    if guess := closest(name, names):
        return f"Perhaps you meant `{guess}`"
    if not names:
        return f"There are no {what} here"
    shown = ", ".join(f"`{known_name}`" for known_name in names[:_SHOWN])
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"The {what} are {shown}{more}"
