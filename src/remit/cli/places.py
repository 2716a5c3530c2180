"""Where a command works: a database or a server. Named contexts are in one file that only its owner reads."""

from __future__ import annotations

import json
import os
import re
import stat
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

import click

LOCAL = "local"
"""The context that is always there: the database that the settings name."""
FILE = "contexts.json"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
LARGEST = 1_048_576
"""Most bytes of the file that are read."""


class PlaceUnusable(click.ClickException):
    """Where to work can not be told, or may not be used. The message says what to do."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Database:
    """A database. Where `url`, `workspace` or `key_file` is empty, the settings say it. `url` may hold a password."""

    url: str = field(default="", repr=False)
    workspace: str = ""
    key_file: str = ""


@dataclass(frozen=True, slots=True)
class Server:
    """A server, and who asks there. `expires_at` is the token's end, 0 where it is not known."""

    url: str
    workspace: str = ""
    person: str = ""
    token: str = field(default="", repr=False)
    expires_at: int = 0


Place: TypeAlias = Database | Server


@dataclass(frozen=True, slots=True)
class Chosen:
    """The place of this command.

    Attributes:
        name: of the context; empty where the environment names a server.
        why: what chose it, for people.
        is_named: it was named for this command, by `--context` or REMIT_CONTEXT.
    """

    name: str
    place: Place
    why: str
    is_named: bool = False


@dataclass(frozen=True, slots=True)
class Contexts:
    """What the file holds."""

    current: str = LOCAL
    places: Mapping[str, Place] = field(default_factory=dict)

    def named(self, name: str) -> Place:
        """Return a place by its name. Raises PlaceUnusable."""
        if name == LOCAL:
            return Database()
        found = self.places.get(name)
        if found is None:
            raise PlaceUnusable(f"there is no context {name}; `remit context ls` lists them")
        return found

    def holding(self, name: str, place: Place, *, use: bool = True) -> Contexts:
        """Return these and one more, which is used from now on. Raises PlaceUnusable for a name that is none."""
        if name == LOCAL or not NAME.fullmatch(name):
            raise PlaceUnusable(
                f"{name!r} can not name a context: write up to 64 letters, digits, `.`, `_` and `-`; `{LOCAL}` is taken"
            )
        return Contexts(name if use else self.current, {**self.places, name: place})

    def without(self, name: str) -> Contexts:
        """Return these without one. Raises PlaceUnusable where it is not there."""
        self.named(name)
        if name == LOCAL:
            raise PlaceUnusable(f"{LOCAL} is always there: it is the database that the settings name")
        left = {kept: place for kept, place in self.places.items() if kept != name}
        return Contexts(LOCAL if self.current == name else self.current, left)

    def using(self, name: str) -> Contexts:
        """Return these with another one in use. Raises PlaceUnusable where it is not there."""
        self.named(name)
        return replace(self, current=name)


def contexts_path() -> Path:
    """Return the file: in $XDG_CONFIG_HOME/remit or ~/.config/remit; where macOS and Windows keep such files, there."""
    return Path(click.get_app_dir("remit")) / FILE


def read_contexts(path: Path | None = None) -> Contexts:
    """Return what the file holds, nothing where there is none. Raises PlaceUnusable for one that others may read."""
    path = path or contexts_path()
    try:
        with path.open("rb") as file:
            _check_owner(path, os.fstat(file.fileno()))
            document = json.loads(file.read(LARGEST))
        return Contexts(
            str(document["current"]), {str(name): _place(told) for name, told in document["contexts"].items()}
        )
    except FileNotFoundError:
        return Contexts()
    except OSError as error:
        raise PlaceUnusable(f"{path} can not be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError):
        # Nothing of it is quoted: it may hold tokens.
        raise PlaceUnusable(f"{path} is not as `remit context` writes it: mend it, or move it away") from None


def write_contexts(contexts: Contexts, path: Path | None = None) -> None:
    """Replace the file at once, so that nobody reads half of it. Raises PlaceUnusable."""
    path = path or contexts_path()
    document = {
        "current": contexts.current,
        "contexts": {
            name: {"kind": "server" if isinstance(place, Server) else "database", **asdict(place)}
            for name, place in sorted(contexts.places.items())
        },
    }
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".contexts-")  # 0600 from its first moment
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError as error:
        raise PlaceUnusable(f"{path} can not be written: {error.strerror}") from error


def _check_owner(path: Path, found: os.stat_result) -> None:
    if sys.platform == "win32":  # it lies in the profile, which is its owner's
        return
    if found.st_uid not in (os.getuid(), 0):
        raise PlaceUnusable(f"{path} is not yours: move it away, and run `remit login` again")
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise PlaceUnusable(f"{path} can be read by others, and holds tokens: run `chmod 600 {path}`")


def _place(told: Mapping[str, Any]) -> Place:
    fields = {name: value for name, value in told.items() if name != "kind"}
    kind = {"server": Server, "database": Database}[told["kind"]]
    if not all(isinstance(value, int if name == "expires_at" else str) for name, value in fields.items()):
        raise TypeError
    place: Place = kind(**fields)
    return place


def chosen(option: str = "", environment: Mapping[str, str] | None = None, path: Path | None = None) -> Chosen:
    """Say where this command works. Raises PlaceUnusable.

    The first of these: `--context`; REMIT_CONTEXT; REMIT_URL with REMIT_TOKEN; REMIT_DATABASE_URL; the context in use.
    """
    given = os.environ if environment is None else environment
    for name, why in ((option, "--context"), (given.get("REMIT_CONTEXT", ""), "REMIT_CONTEXT")):
        if name:
            return Chosen(name, read_contexts(path).named(name), why, is_named=True)
    token = given.get("REMIT_TOKEN", "")
    if token:
        url = given.get("REMIT_URL", "")
        if not url:
            raise PlaceUnusable("REMIT_TOKEN is set and REMIT_URL is not: name the server it is for, as https://HOST")
        return Chosen("", Server(url, given.get("REMIT_WORKSPACE", ""), token=token), "REMIT_URL and REMIT_TOKEN")
    if given.get("REMIT_DATABASE_URL"):
        return Chosen(LOCAL, Database(), "REMIT_DATABASE_URL")
    contexts = read_contexts(path)
    why = "the settings" if contexts.current == LOCAL else "`remit context use`"
    return Chosen(contexts.current, contexts.named(contexts.current), why)


def chosen_here() -> Chosen:
    """Say where the command that runs now works."""
    context = click.get_current_context(silent=True)
    root = None if context is None else context.find_root()
    return chosen("" if root is None else str(root.params.get("context") or ""))
