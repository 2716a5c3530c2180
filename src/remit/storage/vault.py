"""Where the secrets are that a workspace names by reference: `env:NAME` or `file:/path`.

What is found is used at once and kept nowhere; it appears in no log, error or record.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

MAX_SECRET_BYTES = 8_192
OF_THE_SYSTEM = (Path("/proc"), Path("/sys"), Path("/dev"))
"""What lies there is no secret that somebody has put down, but what processes and devices are made of."""
_OWN_VARIABLES = "REMIT_"
_PLAINLY = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
"""Follow no link that was put there meanwhile, and wait for nobody who might write into a pipe."""


class NoSecret(Exception):
    """A reference leads nowhere, or to nothing. Says which reference, never what was found."""

    def __init__(self, reference: str) -> None:
        super().__init__(f"{reference} leads to no secret: set the variable, or write the file, where the server runs")
        self.reference = reference


class ForbiddenSecret(NoSecret):
    """A reference leads where those of a workspace may not. Says why, and nothing of what is there."""

    def __init__(self, reference: str, why: str) -> None:
        Exception.__init__(self, f"{reference} may not be read: {why}")
        self.reference = reference


class Vault(Protocol):
    """Finds secrets. A new one is found by whoever asks next, so that a rotation needs no restart."""

    def secret(self, reference: str) -> str:
        """Return what a reference leads to, without white space around it. Raises NoSecret."""
        ...


class MachineVault:
    """The environment of this process, and files that it can read: but not what is Remit's own, or the system's."""

    def __init__(self, environment: Mapping[str, str], folders: Iterable[Path] = (), own: Iterable[Path] = ()) -> None:
        """Files may lie in these folders, with none given anywhere. What `own` names is never read."""
        self._environment = environment
        self._folders = [folder.resolve() for folder in folders]
        self._own = [path.resolve() for path in own]

    def secret(self, reference: str) -> str:
        """See Vault. A file is read up to MAX_SECRET_BYTES. Raises ForbiddenSecret where it may not be."""
        kind, _, where = reference.partition(":")
        if kind == "env":
            if where.upper().startswith(_OWN_VARIABLES):
                raise ForbiddenSecret(reference, "it is a setting of Remit")
            found = self._environment.get(where, "")
        elif kind == "file":
            found = self._content(reference, where)
        else:
            raise NoSecret("a text that is no reference")
        if not found.strip():
            raise NoSecret(reference)
        return found.strip()

    def _content(self, reference: str, where: str) -> str:
        """Read a file, by where it lies in truth: links and `..` lead no way round."""
        try:
            path = Path(where).resolve()
            self._check(reference, path)
            with os.fdopen(os.open(path, _PLAINLY), "rb") as file:
                found = os.fstat(file.fileno())
                if not stat.S_ISREG(found.st_mode):
                    raise ForbiddenSecret(reference, "it is no ordinary file")
                if any(_is_same(found, own) for own in self._own):  # by another name
                    raise ForbiddenSecret(reference, "it is a file of Remit's own")
                return file.read(MAX_SECRET_BYTES).decode("utf-8", "replace")
        except (OSError, ValueError, RuntimeError):  # RuntimeError: links that lead in a circle
            return ""

    def _check(self, reference: str, path: Path) -> None:
        if path in self._own:
            raise ForbiddenSecret(reference, "it is a file of Remit's own")
        if any(path.is_relative_to(folder) for folder in OF_THE_SYSTEM):
            raise ForbiddenSecret(reference, "it is the system's, not a file with a secret")
        if self._folders and not any(path.is_relative_to(folder) for folder in self._folders):
            raise ForbiddenSecret(reference, "it lies in none of the folders of REMIT_SECRET_FOLDERS")


def spelled_out(vault: Vault, text: str) -> str:
    """Return a text as it is, or what it leads to where it is a reference. Raises NoSecret."""
    return vault.secret(text) if text.startswith(("env:", "file:")) else text


def _is_same(found: os.stat_result, own: Path) -> bool:
    try:
        return os.path.samestat(found, own.stat())
    except OSError:
        return False
