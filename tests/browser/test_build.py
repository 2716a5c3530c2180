"""The console as it is built and shipped."""

import gzip
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from remit.api.console import FOLDER, NONCE, PAGE
from tests.browser.conftest import ONE_WORKER

pytestmark = ONE_WORKER

ROOT = Path(__file__).resolve().parents[2]
CONSOLE = ROOT / "console"
FIRST_LOAD_BYTES = 300_000
"""Of JavaScript, compressed: what a page needs before it shows anything."""


@pytest.fixture(scope="module")
def built() -> Path:
    if not (FOLDER / PAGE).is_file():
        pytest.skip("the console is not built: run `make console`")
    return FOLDER


def test_the_first_load_is_small(built: Path) -> None:
    page = (built / PAGE).read_text("utf-8")
    scripts = set(re.findall(r'(?:src|href)="/([^"]+\.js)"', page))
    assert len(scripts) > 1
    sizes = {name: len(gzip.compress((built / name).read_bytes(), 9)) for name in scripts}
    assert sum(sizes.values()) < FIRST_LOAD_BYTES, sizes


def test_nothing_is_shipped_that_is_not_needed_to_run(built: Path) -> None:
    kinds = {path.suffix for path in built.rglob("*") if path.is_file()}
    assert kinds <= {".html", ".js", ".css", ".svg", ".woff2", ".woff"}


def test_the_page_loads_from_its_own_origin_only_and_has_no_script_in_it(built: Path) -> None:
    page = (built / PAGE).read_text("utf-8")
    assert NONCE.decode() in page
    assert re.findall(r"https?://", page) == []
    assert re.findall(r"<script(?![^>]*\bsrc=)", page) == []
    styles = "".join(path.read_text("utf-8") for path in (built / "assets").glob("*.css"))
    assert re.findall(r"url\(\s*[\"']?https?:", styles) == []


def test_the_types_are_those_of_the_openapi_document(tmp_path: Path) -> None:
    made = tmp_path / "schema.d.ts"
    document = ROOT / "tests/api/golden/openapi.json"
    command = (CONSOLE / "package.json").read_text("utf-8")
    flags = re.search(r"schema\.d\.ts ([^\"]*)\"", command)
    assert flags is not None
    tool = CONSOLE / "node_modules/.bin/openapi-typescript"
    if not tool.exists():
        pytest.skip("the console's packages are not installed: run `make console`")
    node = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run([tool, document, "-o", made, *flags[1].split()], check=True, env=node, capture_output=True)
    kept = (CONSOLE / "src/api/schema.d.ts").read_text("utf-8")
    assert made.read_text("utf-8") == kept, "the API has changed: run `make types`"


def test_the_wheel_carries_the_console(built: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        shipped = {name.removeprefix("remit/console/") for name in opened.namelist() if "/console/" in name}
    assert shipped == {path.relative_to(built).as_posix() for path in built.rglob("*") if path.is_file()}


def test_a_wheel_without_a_console_is_never_made(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "src/remit").mkdir(parents=True)
    (source / "src/remit/__init__.py").write_text('__version__ = "0"\n', "utf-8")
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE"):
        (source / name).write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "dist")]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "the console is not built, and a wheel without it is not made" in done.stderr
