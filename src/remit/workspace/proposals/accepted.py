"""Definitions as a person accepted them, kept beside the workspace's files so that a change can be shown.

A pin is a digest and shows nothing. What is kept here decides nothing: a definition counts by the pin in its Tool.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from remit.domain.ids import ServerName
from remit.domain.upstream import Via

FOLDER = ".accepted"
"""Below the workspace's folder; hidden, so that it is no configuration. It belongs into Git with the rest."""
MOST_BYTES = 16 * 1_048_576


@dataclass(frozen=True, slots=True)
class Accepted:
    """A definition and its digest."""

    digest: str
    content: object


Key = tuple[Via, str]


def read_accepted(folder: Path, server: ServerName) -> dict[Key, Accepted]:
    """Return what was accepted of a server; nothing where the file is not there, or is none of ours."""
    try:
        with _file(folder, server).open("rb") as file:
            document = orjson.loads(file.read(MOST_BYTES))
        return {
            (Via(each["via"]), str(each["name"])): Accepted(str(each["digest"]), each["content"])
            for each in document["definitions"]
        }
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def write_accepted(folder: Path, server: ServerName, accepted: Mapping[Key, Accepted]) -> None:
    """Keep what was accepted of a server, in a stable order."""
    listed: list[dict[str, Any]] = [
        {"via": via.value, "name": name, "digest": found.digest, "content": found.content}
        for (via, name), found in sorted(accepted.items())
    ]
    file = _file(folder, server)
    file.parent.mkdir(exist_ok=True)
    options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    file.write_bytes(orjson.dumps({"server": server, "definitions": listed}, option=options))


def _file(folder: Path, server: ServerName) -> Path:
    return folder / FOLDER / f"{server}.json"
