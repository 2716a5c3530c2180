"""Copies of the files that `remit discover` changes, so that each can be put back byte for byte."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FOLDER = "discover"
MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Undone:
    """What was put back, and what was not because it was changed since: for that the copy's path is given."""

    restored: tuple[Path, ...]
    kept: tuple[tuple[Path, Path], ...]


def change(room: Path, files: Mapping[Path, bytes]) -> Path:
    """Write files, each whole or not at all, after copies of what was there were made. Return where the copies are.

    Nobody but the user may read the copies: they hold what the settings held. A file that was not there is removed by
    an undo.
    """
    room.mkdir(parents=True, exist_ok=True, mode=0o700)
    numbers = [int(each.name) for each in room.iterdir() if each.name.isdigit()]
    backup = room / str(max(numbers, default=0) + 1)
    backup.mkdir(mode=0o700)
    entries = []
    for number, (path, data) in enumerate(files.items()):
        there = path.exists()
        if there:
            _private(backup / str(number), path.read_bytes())
        mode = stat.S_IMODE(path.stat().st_mode) if there else None
        entries.append({"path": str(path), "copy": str(number) if there else "", "mode": mode, "now": _digest(data)})
    _private(backup / MANIFEST, json.dumps(entries, indent=2).encode())
    for entry, (path, data) in zip(entries, files.items(), strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = entry["mode"]
        _replace(path, data, kept if isinstance(kept, int) else 0o644)
    return backup


def undo(room: Path) -> Undone | None:
    """Put back what the last change found; None where there is none. A file changed since then is left as it is."""
    found = sorted((each for each in room.glob("*") if each.name.isdigit()), key=lambda each: int(each.name))
    if not found:
        return None
    backup = found[-1]
    restored: list[Path] = []
    kept: list[tuple[Path, Path]] = []
    for entry in json.loads((backup / MANIFEST).read_text("utf-8")):
        path, copy = Path(entry["path"]), backup / (entry["copy"] or "none")
        data = path.read_bytes() if path.exists() else b""
        if _digest(data) != entry["now"]:
            if not entry["copy"] or data != copy.read_bytes():
                kept.append((path, copy))
        elif entry["copy"]:
            _replace(path, copy.read_bytes(), entry["mode"])
            restored.append(path)
        else:
            path.unlink()
            restored.append(path)
    if kept:
        backup.rename(backup.with_name(f"{backup.name}-kept"))
        kept = [(path, backup.with_name(f"{backup.name}-kept") / copy.name) for path, copy in kept]
    else:
        shutil.rmtree(backup)
    return Undone(tuple(restored), tuple(kept))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _private(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        os.fsync(handle)


def _replace(path: Path, data: bytes, mode: int) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            os.fsync(handle)
        temporary.chmod(mode)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
