"""The scenarios of this folder, read as the tests of its workspace."""

from collections.abc import Iterable
from pathlib import Path

from remit.domain.ids import ReleaseId
from remit.domain.scenario import Scenario
from remit.kernel.ruleset import Ruleset
from remit.workspace.files import read_folder
from remit.workspace.reading import Reading, read

FOLDER = Path(__file__).parent
FILES = sorted(FOLDER.glob("*.yaml"))


def reading(files: Iterable[Path] = FILES) -> Reading:
    """Read the workspace with the given files as its tests."""
    folder = read_folder(FOLDER / "workspace")
    tests = {f"tests/{path.name}": path.read_bytes() for path in files}
    return read({**folder.files, **tests}, folder.name, folder.problems)


def rules_and_scenarios() -> tuple[Ruleset, tuple[Scenario, ...]]:
    """Return the workspace made ready to decide, and every scenario."""
    found = reading()
    assert found.configuration is not None, "\n".join(map(str, found.errors))
    return Ruleset(ReleaseId("rel_scenarios"), found.configuration), found.scenarios
