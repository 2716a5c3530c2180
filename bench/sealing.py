"""The sealer: records in a Merkle tree and under a signature, against a floor of hashing them alone."""

from __future__ import annotations

import hashlib
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.bed import Bed
from bench.measure import Table
from bench.world import WORKSPACE
from remit.control.bundle import export
from remit.control.evidence import LiveEvidence
from remit.control.sealing import BATCH, Came, Sealer
from remit.domain.clock import Instant
from remit.domain.facts import Scope, ScopeKind, scope_id
from remit.domain.ids import OwnerId
from remit.domain.record import Record, RecordKind
from remit.ledger.evidence import Bundle
from remit.ledger.examination import examine
from remit.ledger.note import Verifier
from remit.storage.port import Wanted, Writes
from remit.storage.sealed import KeyFile
from remit.storage.seals import seals_of


def table(*, quick: bool = False) -> Table:
    """Seal, export and verify records as long as a decision's."""
    count = 2 * BATCH if quick else 20 * BATCH
    with tempfile.TemporaryDirectory(prefix="remit-bench-") as folder, Bed(Path(folder) / "remit.db") as bed:
        rows = tuple(_rows(bed, count, Path(folder)))
    return Table(
        f"The ledger: {count:,} records",
        ("what", "bytes a record", "records a second", "CPU µs a record", "to floor"),
        rows,
        f"A seal takes {BATCH:,} records: tree, tiles, Ed25519 and a durable commit. The floor: one SHA-256 each.",
    )


def _rows(bed: Bed, count: int, folder: Path) -> Iterator[tuple[str | int | float, ...]]:
    bodies = _filled(bed, count)
    size = round(statistics.mean(len(body) for body in bodies))
    floor_s, floor_cpu_s = _timed(lambda: [hashlib.sha256(b"\x00" + body).digest() for body in bodies])
    sealer = Sealer(
        bed.store, seals_of(bed.store), KeyFile(folder / "key"), bed.clock, bed.writer.ids, OwnerId("own_bench")
    )
    seals = seals_of(bed.store)

    def seal() -> None:
        assert sealer.seal_all(WORKSPACE).came is Came.SEALED

    def verify() -> None:
        key = Verifier.of(seals.keys(WORKSPACE)[0].key)
        report = examine(Bundle(folder / "bundle"), [key])
        assert report.is_whole, report.faults
        assert report.records == count

    def write() -> None:
        (folder / "bundle").mkdir()
        export(LiveEvidence(bed.store, seals, WORKSPACE), folder / "bundle")

    yield _row("floor: one hash a record", size, count, floor_s, floor_cpu_s, floor_cpu_s)
    for name, work in (("seal", seal), ("export", write), ("verify offline", verify)):
        wall_s, cpu_s = _timed(work)
        yield _row(name, size, count, wall_s, cpu_s, floor_cpu_s)


def _row(
    name: str, size: int, count: int, wall_s: float, cpu_s: float, floor_cpu_s: float
) -> tuple[str | int | float, ...]:
    return (name, size, count / wall_s, cpu_s / count * 1e6, cpu_s / floor_cpu_s)


def _filled(bed: Bed, count: int) -> list[bytes]:
    """Write records with the content of one real decision."""
    run = bed.runs(1)[0]
    bed.queue.submit(bed.admits(run, 1)[0])
    written = bed.store.records(WORKSPACE, limit=10)
    sample = next(body for _, body in written if b'"decision_made"' in body).decode()
    transactions = bed.store.transactions()
    try:
        id = scope_id(ScopeKind.WORKSPACE, WORKSPACE)
        scope = transactions.begin(Wanted(scopes=[id], workspace=WORKSPACE)).scopes.get(id) or Scope(
            id, ScopeKind.WORKSPACE
        )
        writes = Writes(scopes={id: scope})
        while scope.records < count:
            scope.records += 1
            content: dict[str, object] = {"sample": sample}
            key = f"act_{scope.records:020d}/decision"
            at = Instant(bed.clock.now())
            kind = RecordKind.DECISION_MADE
            writes.records.append(Record.of(WORKSPACE, scope.records, key, kind, at, run.id, content))
        transactions.commit(writes)
    finally:
        transactions.close()
    return [record.body for record in writes.records]


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.thread_time()
    work()
    return time.perf_counter() - wall, time.thread_time() - cpu


if __name__ == "__main__":
    print(table().text())
