"""The master key, for commands that open what is sealed under it."""

from __future__ import annotations

from remit.cli.session import Failed
from remit.compose import Parts
from remit.storage.sealed import KeyFile


def master_key(parts: Parts) -> KeyFile:
    """Return the master key of an open database."""
    path = parts.settings.key_path
    if path is None:  # open_parts refuses that already
        raise Failed("REMIT_KEY_FILE is not set")
    return KeyFile(path)
