"""A real ledger: admitted, refused and settled actions, sealed, exported, and a few records after the seal."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from remit.control.bundle import export
from remit.control.evidence import LiveEvidence
from remit.control.sealing import Sealer
from remit.domain.clock import ManualClock
from remit.domain.ids import OwnerId
from remit.ledger.note import Verifier
from remit.storage.sealed import KeyFile
from remit.storage.seals import SqlSeals
from tests.worlds import VISITOR, WORKSPACE, CountingIds, World

CALLS = 150
"""Two records each: more than one full tile."""


@dataclass(frozen=True)
class Exported:
    """A bundle in a folder, the key an auditor was given, and an earlier checkpoint somebody kept."""

    folder: Path
    key: Verifier
    witness: Path
    sealed: int

    @property
    def lines(self) -> list[bytes]:
        return (self.folder / "records.jsonl").read_bytes().splitlines()

    def put_lines(self, lines: list[bytes]) -> None:
        (self.folder / "records.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))

    def head(self, **changes: object) -> None:
        path = self.folder / "head.json"
        path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **changes}), "utf-8")


def master_key(it: World) -> KeyFile:
    path = it.parts.settings.key_path
    assert path is not None
    return KeyFile(path)


def sealer_of(it: World, owner: str = "own_1") -> Sealer:
    return Sealer(it.store, SqlSeals(it.store), master_key(it), it.clock, it.ids, OwnerId(owner))


def work(it: World, calls: int) -> None:
    """A run with some calls; each makes two records, and the run two more."""
    with it.client.run("buyer", on_behalf_of=VISITOR) as run:
        for number in range(calls):
            run.call("erp.get", {"id": str(number)}, using=lambda id: {"id": id})


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    folder = tmp_path_factory.mktemp("ledger")
    it = World(folder / "remit.db", ManualClock(), CountingIds())
    it.apply()
    work(it, 5)
    sealer, seals = sealer_of(it), SqlSeals(it.store)
    sealer.seal_all(WORKSPACE)
    early = seals.newest(WORKSPACE)
    assert early is not None
    (folder / "witness").write_text(early.note, "utf-8")
    work(it, CALLS)
    sealed = sealer.seal_all(WORKSPACE).size
    work(it, 3)
    export(LiveEvidence(it.store, seals, WORKSPACE), folder / "bundle", ocsf="0")
    key = Verifier.of(seals.keys(WORKSPACE)[0].key)
    it.queue.close()
    it.parts.close()
    return Exported(folder / "bundle", key, folder / "witness", sealed)


@pytest.fixture
def bundle(made: Exported, tmp_path: Path) -> Exported:
    """A copy of the bundle that a test may spoil."""
    shutil.copytree(made.folder, tmp_path / "bundle")
    return Exported(tmp_path / "bundle", made.key, made.witness, made.sealed)
