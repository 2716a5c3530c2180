"""One workspace is applied for all stories of a module; each story works on a copy."""

import pytest

from tests.simulation.company import CHANGES
from tests.simulation.story import Template
from tests.worlds import world


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    folder = tmp_path_factory.mktemp("template")
    with world(folder, CHANGES) as it:
        release = it.rules().release
    return Template(folder, release, it.parts.rulesets)
