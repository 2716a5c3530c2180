"""The verifier is a folder an auditor takes away: it runs where Remit is not, on `cryptography` alone."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import remit.ledger
from remit.ledger.evidence import Bundle
from tests.ledger.conftest import Exported

LEDGER = Path(remit.ledger.__file__).parent

BLOCKED = """
import sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"orjson", "pydantic", "sqlalchemy", "click", "rich", "cedarpy"} or (
            name.startswith("remit.") and not name.startswith("remit.ledger")
        ):
            raise ImportError(f"{name} is not here")

sys.meta_path.insert(0, Block())
"""


def run(folder: Path, module: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the module as an auditor would: from a folder that holds nothing else, with only what is given there."""
    (folder / "sitecustomize.py").write_text(BLOCKED, "utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("REMIT", "PYTHON"))}
    command = [sys.executable, "-m", module, *(str(argument) for argument in arguments)]
    environment["PYTHONPATH"] = str(folder)
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(("place", "module"), [("ledger", "ledger.verify"), ("remit/ledger", "remit.ledger.verify")])
def test_the_copied_folder_verifies(bundle: Exported, tmp_path: Path, place: str, module: str) -> None:
    away = tmp_path / "away"
    shutil.copytree(LEDGER, away / place, ignore=shutil.ignore_patterns("__pycache__"))
    if module.startswith("remit"):
        (away / "remit" / "__init__.py").touch()  # else the installed package would be found
    good = run(away, module, bundle.folder, "--key", bundle.key, "--witness", bundle.witness)
    assert (good.returncode, good.stderr) == (0, "")
    assert good.stdout.splitlines()[-1] == "OK: nothing was changed"
    lines = bundle.lines
    bundle.put_lines(lines[:5] + lines[6:])
    bad = run(away, module, bundle.folder, "--key", bundle.key)
    assert bad.returncode == 1
    assert "record 6 was sealed and is not there any more" in bad.stdout


def test_the_block_of_that_test_does_block(tmp_path: Path) -> None:
    (tmp_path / "probe.py").write_text("import orjson", "utf-8")
    assert "orjson is not here" in run(tmp_path, "probe").stderr


def test_every_import_within_the_folder_is_relative() -> None:
    sources = list(LEDGER.glob("*.py"))
    assert len(sources) > 8
    for source in sources:
        assert "from remit" not in source.read_text("utf-8"), source.name
        assert "import remit" not in source.read_text("utf-8"), source.name


def test_the_readme_of_a_bundle_names_the_command(bundle: Exported) -> None:
    readme = (Bundle(bundle.folder).file("README.md") or b"").decode()
    assert f'python -m ledger.verify THIS_FOLDER --key "{bundle.key}"' in readme
