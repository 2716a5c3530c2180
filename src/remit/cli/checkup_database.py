"""What `remit doctor` finds out about a database and the files beside it."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from remit.cli.checkup import Said, control_plane, fail, ok, warn
from remit.cli.local import Local
from remit.cli.session import Session, database_settings, explained, session
from remit.cli.when import lasting
from remit.domain.clock import MICROS_PER_SECOND
from remit.domain.facts import ScopeKind, scope_id
from remit.domain.ids import WorkspaceName
from remit.settings import SQLITE, Settings
from remit.storage.migrate import HEAD

LOG_BYTES = 64 * 1_048_576
"""How large SQLite's write-ahead log may be; it is brought in after about 4 MB, unless somebody reads without end."""
LITTLE_BYTES, LEAST_BYTES = 2 * 1_073_741_824, 200 * 1_048_576


def database(workspace: str | None) -> Iterator[Said]:
    """Yield whether settings, files and database are in order, and then each of its workspaces."""
    try:
        with explained():
            settings = database_settings()
    except click.ClickException as error:
        yield fail("settings", error.message)
        return
    yield ok("settings", f"the database is {settings.database}")
    yield from _files(settings)
    try:
        with session() as opened:
            yield ok("database", f"opens, schema {HEAD}, which is this version's")
            yield from _workspaces(opened, workspace)
    except click.ClickException as error:
        yield fail("database", error.message)


def _workspaces(opened: Session, workspace: str | None) -> Iterator[Said]:
    known = [opened.workspace(workspace)] if workspace else list(opened.parts.store.workspaces())
    if not known:
        yield warn("workspace", "the database holds no workspace yet", "Run `remit apply DIR`")
    for name in known:
        yield ok("workspace", name)
        yield _clock(opened, name)
        yield _unknown(opened, name)
        yield from control_plane(Local(opened, name))


def _clock(opened: Session, name: WorkspaceName) -> Said:
    scope = opened.parts.store.scope(scope_id(ScopeKind.WORKSPACE, name))
    last = 0 if scope is None else scope.last_at
    ahead_s = (last - opened.parts.clock.now()) / MICROS_PER_SECOND
    if ahead_s > 0:
        text = f"the clock is {lasting(ahead_s)} behind what is on record, and everything is denied until then"
        return fail("clock", text, "Set the clock of this machine right")
    return ok("clock", "is not behind what is on record")


def _unknown(opened: Session, name: WorkspaceName) -> Said:
    count = sum(each.unknown for each in opened.parts.store.open_actions(name))
    if count:
        return warn(
            "outcomes", f"{count} actions have an unknown outcome and keep their reservation", "`remit reconcile`"
        )
    return ok("outcomes", "no action has an unknown outcome")


def _files(settings: Settings) -> Iterator[Said]:
    key = settings.key_path
    if key is None:
        yield fail(
            "key file", "REMIT_KEY_FILE is not set", "Name the master key's file; PostgreSQL has no place for it"
        )
    else:
        yield _key(key)
    if not settings.database_url.startswith(SQLITE):
        return
    path = Path(settings.database_url.removeprefix(SQLITE))
    yield from _private(path)
    folder = next((parent for parent in path.absolute().parents if parent.exists()), Path("/"))
    free = shutil.disk_usage(folder).free
    text = f"{_size(free)} free where {path} lies"
    if free < LEAST_BYTES:
        yield fail("disk", text, "Make room: where nothing can be recorded, nothing is admitted")
    elif free < LITTLE_BYTES:
        yield warn("disk", text, "Make room")
    else:
        yield ok("disk", text)
    yield from _log(path)


def _key(path: Path) -> Said:
    try:
        found = path.stat()
    except FileNotFoundError:
        return warn("key file", f"{path} is not there yet", "It is made with the database; back it up apart from it")
    except OSError as error:
        return fail("key file", f"{path}: {error.strerror}", "Run it as who owns the database")
    if sys.platform != "win32" and stat.S_IMODE(found.st_mode) & 0o077:
        return fail("key file", f"{path} can be read by others", f"Run `chmod 600 {path}`")
    if sys.platform != "win32" and found.st_uid != os.getuid():
        return warn("key file", f"{path} is not yours", "Run Remit as who owns it")
    return ok("key file", f"{path} is yours alone")


def _private(path: Path) -> Iterator[Said]:
    if sys.platform == "win32":
        return
    modes = {each: _mode(each) for each in (path, *(path.with_name(f"{path.name}-{part}") for part in ("wal", "shm")))}
    shared = " ".join(str(each) for each, mode in modes.items() if mode is not None and mode & 0o077)
    if shared:
        yield warn("database file", f"{shared} can be read by others", f"Run `chmod 600 {shared}`")
    elif modes[path] is not None:
        yield ok("database file", f"{path} can not be read by others")


def _mode(path: Path) -> int | None:
    """Return a file's permissions, or None where it is not there; whoever opens it says what else is wrong."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return None


def _log(path: Path) -> Iterator[Said]:
    log = path.with_name(f"{path.name}-wal")
    try:
        size = log.stat().st_size
    except OSError:
        return
    if size > LOG_BYTES:
        remedy = "Some process reads the database without end: find it and stop it; then the log is brought in"
        yield warn("log", f"{log} has grown to {_size(size)}", remedy)
    else:
        yield ok("log", f"the write-ahead log has {_size(size)}")


def _size(count: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1_000:
            return f"{count:.0f} {unit}"
        count /= 1_000
    return f"{count:,.0f} TB"
