"""Where the secrets are that a workspace names by reference: `env:NAME` or `file:/path`.

What is found is used at once and kept nowhere; it appears in no log, error or record.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

MAX_SECRET_BYTES = 8_192


class NoSecret(Exception):
    """A reference leads nowhere, or to nothing. Says which reference, never what was found."""

    def __init__(self, reference: str) -> None:
        super().__init__(f"{reference} leads to no secret: set the variable, or write the file, where the server runs")
        self.reference = reference


class Vault(Protocol):
    """Finds secrets. A new one is found by whoever asks next, so that a rotation needs no restart."""

    def secret(self, reference: str) -> str:
        """Return what a reference leads to, without white space around it. Raises NoSecret."""
        ...


class MachineVault:
    """The environment of this process, and files that it can read."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def secret(self, reference: str) -> str:
        """See Vault. A file is read up to MAX_SECRET_BYTES."""
        kind, _, where = reference.partition(":")
        if kind == "env":
            found = self._environment.get(where, "")
        elif kind == "file":
            found = _content(where)
        else:
            raise NoSecret("a text that is no reference")
        if not found.strip():
            raise NoSecret(reference)
        return found.strip()


def spelled_out(vault: Vault, text: str) -> str:
    """Return a text as it is, or what it leads to where it is a reference. Raises NoSecret."""
    return vault.secret(text) if text.startswith(("env:", "file:")) else text


def _content(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            return file.read(MAX_SECRET_BYTES).decode("utf-8", "replace")
    except (OSError, ValueError):
        return ""
