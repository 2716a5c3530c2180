"""The whole admission path under random stories with crashes: what is promised holds for every seed.

Each seed is one story of agents, people and accidents (story.py). After every crash and at the end the ledger is read
and every promise is worked out again from its records alone (invariants.py).
"""

import os
import shutil
from pathlib import Path

import pytest

from tests.simulation.story import Template

CHUNKS = 8
"""Parts of the seeds, so that several processes can share them."""
USUAL_DEATHS = {
    f"{when} {statement}"
    for when in ("before", "after")
    for statement in ("begin immediate", "insert into scopes", "insert into records", "commit")
}
SEEDS = 10_000 if os.environ.get("REMIT_NIGHTLY") else 256


def seeds(chunk: int) -> range:
    chosen = os.environ.get("REMIT_SIMULATION_SEED")
    if chosen:
        return range(int(chosen), int(chosen) + 1) if chunk == 0 else range(0)
    return range(chunk, SEEDS, CHUNKS)


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_every_promise_holds_in_every_story(template: Template, tmp_path: Path, chunk: int) -> None:
    crashes: set[str] = set()
    for seed in seeds(chunk):
        story = template.story(seed, tmp_path / str(seed))
        story.tell()
        crashes.update(crash.partition(" (")[0] for crash in story.crashes)
        shutil.rmtree(tmp_path / str(seed))
    if len(seeds(chunk)) > 1:
        assert crashes >= USUAL_DEATHS, "processes died where it matters"
