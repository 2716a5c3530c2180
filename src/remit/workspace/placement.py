"""Where files may stand. One anywhere else is a mistake: it would be skipped, and nobody would know."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from remit.domain.problem import Problem
from remit.workspace.kind import KINDS, POLICIES, PROMPTS
from remit.workspace.report import closest, listed

_ENDINGS = (".yaml", ".yml", ".cedar")
_PROMPT_FOLDERS = ("prompt", "prompts")
"""In a folder of such a name, however it is written, Markdown is taken for prompts; anywhere else it is prose."""


def places() -> tuple[str, ...]:
    """Return every place a file may have, as patterns."""
    return tuple(dict.fromkeys([*(kind.place for kind in KINDS.values()), POLICIES]))


def is_configuration(path: str) -> bool:
    """Tell whether a file is read: YAML, Cedar and prompts are; other files and hidden ones are not."""
    parts = PurePosixPath(path).parts
    name = path.casefold()
    is_read = name.endswith(_ENDINGS) or (name.endswith(".md") and name.partition("/")[0] in _PROMPT_FOLDERS)
    return is_read and not any(part.startswith(".") for part in parts)


def kinds_at(path: str) -> tuple[str, ...]:
    """Return the kinds of document that may stand in a file, none where no YAML belongs there."""
    return tuple(kind.name for kind in KINDS.values() if _is_at(path, kind.place))


def is_policy(path: str) -> bool:
    """Tell whether a file is one of Cedar policies."""
    return _is_at(path, POLICIES)


def is_prompt(path: str) -> bool:
    """Tell whether a file is a prompt."""
    return _is_at(path, PROMPTS)


def misplaced(path: str) -> Problem | None:
    """Return what is wrong with where a file stands, or None."""
    if kinds_at(path) or is_policy(path):
        return None
    place = _likely_place(path)
    remedy = f"Move it to `{place}`" if place else f"Files stand in {listed(places())}"
    return Problem(path, 0, 0, "", "nothing is read from here, so the file would be skipped", remedy)


def _is_at(path: str, place: str) -> bool:
    return path.count("/") == place.count("/") and fnmatchcase(path, place)


def _likely_place(path: str) -> str | None:
    """Guess: the right ending in the right folder, or a folder whose name is nearly right."""
    *folders, name = PurePosixPath(path).parts
    stem = name.rpartition(".")[0]
    known = {place.partition("/")[0]: place for place in places() if "/" in place}
    folder = closest(folders[0], known) if folders else None
    if folder is not None:
        return known[folder].replace("*", stem)
    alone = closest(f"{stem}.yaml", [place for place in places() if "/" not in place])
    return alone if not folders else None
