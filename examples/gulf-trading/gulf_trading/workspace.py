"""The workspace that an office applies: a copy of the example's, with the route of the model as it is here."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from gulf_trading.endpoints import Endpoint
from remit.domain.release import Configuration
from remit.workspace.files import read_folder
from remit.workspace.reading import read

EXAMPLE = Path(__file__).resolve().parents[1]
COPY = "workspace"
_CODE = shutil.ignore_patterns("*.py", "*.md", "__pycache__", "gulf_trading")
CREDENTIAL = "env:GULF_MODEL_KEY"


def copied(folder: Path, endpoint: Endpoint) -> Path:
    """Copy the workspace into a folder, in place of an earlier copy, and write where the model is."""
    made = folder / COPY
    shutil.rmtree(made, ignore_errors=True)
    shutil.copytree(EXAMPLE, made, ignore=_CODE)
    route = {"dialect": "openai", "url": endpoint.url, "upstream": endpoint.upstream, "private": True}
    if endpoint.key:
        route["credential"] = CREDENTIAL
    fields = {"name": endpoint.name, "routes": [route], "sees": ["pii"]}
    lines = [f"{key}: {json.dumps(value)}" for key, value in {"kind": "Model", **fields}.items()]
    for path in (made / "models").iterdir():
        path.unlink()
    (made / "models/model.yaml").write_text("\n".join(lines) + "\n", "utf-8")
    return made


def configuration_of(folder: Path) -> Configuration:
    """Return what a workspace folder says. Raises LookupError where it has mistakes."""
    found = read(read_folder(folder).files, folder.name).configuration
    if found is None:
        raise LookupError(f"{folder} has mistakes: remit validate {folder}")
    return found
