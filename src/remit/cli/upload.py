"""A workspace folder on its way to the control plane: what applying it would do, and applying it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from remit.cli.home import Home, home, post
from remit.cli.session import Failed
from remit.domain.messages import Language
from remit.workspace.files import Folder, read_folder


@dataclass(frozen=True, slots=True)
class Upload:
    """A folder that was read, and where it goes."""

    at: Home
    body: Mapping[str, Any]

    def plan(self, language: Language = "en") -> Mapping[str, Any]:
        """Return what applying it would do, in words of a language; nothing is stored."""
        planned: Mapping[str, Any] = self.at.ask("POST", "/releases/plan", self.body, language=language)
        return planned

    def apply(self, plan: Mapping[str, Any], expect: Sequence[str] = ()) -> Mapping[str, Any]:
        """Apply it, if it still is what was planned; `expect` names flips of a backtest that are wanted."""
        body = {**self.body, "expected": plan["release"], "expect": list(expect)}
        applied: Mapping[str, Any] = post(self.at, "/releases", body)
        return applied


@contextmanager
def upload(path: Path, channel: str, only: Sequence[str], message: str = "") -> Iterator[Upload]:
    """Read a folder and open where it goes. Raises Failed for files that can not be read, and as `home` does."""
    folder = read_folder(path)
    if folder.problems:
        raise Failed(
            f"{len(folder.problems)} problems; run `remit validate` to see them all. First: {folder.problems[0]}"
        )
    files = {}
    for name, content in folder.files.items():
        try:
            files[name] = content.decode()
        except UnicodeDecodeError:
            raise Failed(f"{name}: is no UTF-8; run `remit validate {path}` to see every mistake") from None
    body = {"files": files, "channel": channel, "message": message, "only": list(only)}
    with home(create=True, new=_workspace_of(folder)) as at:
        yield Upload(at, body)


def _workspace_of(folder: Folder) -> str:
    """Return the workspace a folder is of; the folder's own name where it does not say."""
    from remit.workspace.reading import read

    configuration = read(folder.files, folder.name, folder.problems).configuration
    return folder.name if configuration is None else configuration.settings.name
