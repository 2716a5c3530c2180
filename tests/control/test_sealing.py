"""The sealer: nothing lost, nothing twice, nothing over a hole; crashes and rivals at every point."""

import itertools
import multiprocessing
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from remit.control.evidence import LiveEvidence, NotSealed
from remit.control.sealing import (
    BATCH,
    KEPT_EVERY_S,
    LEASE_S,
    Came,
    LedgerBroken,
    Sealer,
    SealingThread,
)
from remit.control.signing import SigningKeys
from remit.domain.clock import ManualClock
from remit.domain.ids import RandomIds
from remit.domain.record import RecordKind
from remit.ledger.checkpoint import Checkpoint, Rotation
from remit.ledger.evidence import CHECKPOINT
from remit.ledger.examination import Report, examine
from remit.ledger.fault import Kind
from remit.ledger.note import Note, Signer, Verifier, signed
from remit.ledger.tree import extends
from remit.storage.port import StoreError
from remit.storage.seals import SqlSeals
from tests.ledger.conftest import master_key, sealer_of, work
from tests.worlds import WORKSPACE, CountingIds, World


@pytest.fixture
def it(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "remit.db", ManualClock(), CountingIds())
    made.apply()
    work(made, 3)
    yield made
    made.queue.close()
    made.parts.close()


def seals_of(it: World) -> SqlSeals:
    return SqlSeals(it.store)


def verified(it: World, *keys: Verifier) -> Report:
    evidence = LiveEvidence(it.store, seals_of(it), WORKSPACE)
    given = keys or (Verifier.of(seals_of(it).keys(WORKSPACE)[0].key),)
    return examine(evidence, given)


def change(it: World, statement: str, *values: object) -> None:
    """What somebody with the database file can do."""
    db = sqlite3.connect(it.path)
    with db:
        assert db.execute(statement, values).rowcount, "the statement changed nothing"
    db.close()


def count_of(it: World) -> int:
    return int(seals_of(it).head(WORKSPACE).counted)


# --- sealing


def test_everything_committed_is_sealed(it: World) -> None:
    sealing = sealer_of(it).seal_all(WORKSPACE)
    assert (sealing.came, sealing.size, sealing.new) == (Came.SEALED, count_of(it), count_of(it))
    report = verified(it)
    assert report.is_whole, report.faults
    assert report.records == sealing.size


def test_sealing_again_changes_nothing(it: World) -> None:
    sealer = sealer_of(it)
    sealer.seal_all(WORKSPACE)
    before = seals_of(it).checkpoints(WORKSPACE)
    sealing = sealer.seal_all(WORKSPACE)
    assert (sealing.came, sealing.new) == (Came.NOTHING_NEW, 0)
    assert seals_of(it).checkpoints(WORKSPACE) == before


def test_more_than_one_batch(it: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("remit.control.sealing.BATCH", 4)
    assert BATCH == 1_000
    sealing = sealer_of(it).seal_all(WORKSPACE)
    assert sealing.new == count_of(it) > 8
    assert verified(it).is_whole


def test_each_checkpoint_extends_the_one_before(it: World) -> None:
    sealer, seen = sealer_of(it), []
    for _ in range(4):
        sealer.seal_all(WORKSPACE)
        newest = seals_of(it).newest(WORKSPACE)
        assert newest is not None
        seen.append(Checkpoint.of(Note.of(newest.note.encode()).text))
        work(it, 2)
    evidence = LiveEvidence(it.store, seals_of(it), WORKSPACE)
    for old, new in itertools.pairwise(seen):
        assert extends(old.size, new.size, old.root, new.root, evidence.consistency(old.size, new.size).path)


def test_one_checkpoint_an_hour_is_kept_and_the_newest(it: World) -> None:
    sealer = sealer_of(it)
    for _ in range(5):
        work(it, 1)
        sealer.seal_all(WORKSPACE)
        it.clock.advance(KEPT_EVERY_S / 2)
    kept = [checkpoint.kept for checkpoint in seals_of(it).checkpoints(WORKSPACE)]
    assert kept == [True, True, True]
    work(it, 1)
    sealer.seal_all(WORKSPACE)
    assert [checkpoint.kept for checkpoint in seals_of(it).checkpoints(WORKSPACE)] == [True, True, True, False]
    assert verified(it).is_whole


def test_every_sealed_record_can_be_proven(it: World) -> None:
    sealer_of(it).seal_all(WORKSPACE)
    evidence = LiveEvidence(it.store, seals_of(it), WORKSPACE)
    keys = [Verifier.of(key.key) for key in seals_of(it).keys(WORKSPACE)]
    for record in it.records():
        proof = evidence.inclusion(record["key"])
        assert proof.no == record["no"]
        assert proof.check(keys).size == count_of(it)


def test_what_is_not_sealed_is_not_proven(it: World) -> None:
    sealer_of(it).seal_all(WORKSPACE)
    work(it, 1)
    evidence = LiveEvidence(it.store, seals_of(it), WORKSPACE)
    with pytest.raises(NotSealed, match="will be within a second"):
        evidence.inclusion(it.records()[-1]["key"])
    with pytest.raises(NotSealed, match="there is no record 'nothing'"):
        evidence.inclusion("nothing")
    with pytest.raises(NotSealed, match="is not within"):
        evidence.consistency(1, 1000)


def test_a_record_too_long_for_a_bundle_is_sealed_and_verified(it: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("remit.control.stops.LONGEST_REASON", 100_000)
    it.stops.freeze(WORKSPACE, "tool:erp.pay", "user:sara", "x" * 70_000)
    assert sealer_of(it).seal_all(WORKSPACE).came is Came.SEALED
    assert verified(it).is_whole
    key = it.records(RecordKind.STOP_CHANGED)[-1]["key"]
    proof = LiveEvidence(it.store, seals_of(it), WORKSPACE).inclusion(key)
    assert len(proof.record) > 70_000
    assert proof.check([Verifier.of(seals_of(it).keys(WORKSPACE)[0].key)]).size == count_of(it)


# --- crashes and rivals


class Crash(Exception): ...


@pytest.mark.parametrize("at", range(8))
def test_a_crash_at_any_statement_leaves_it_as_before_or_after(
    it: World, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection dies at the n-th statement of a seal, and everything is looked at by a fresh process."""
    sealer_of(it).seal_all(WORKSPACE)
    work(it, 2)
    before, goal = seals_of(it).ledger(WORKSPACE), count_of(it)
    assert before is not None
    counted = iter(range(1000))
    execute = Connection.execute

    def dying(self: Connection, *arguments: Any, **named: Any) -> Any:
        if "select" not in str(arguments[0]).lower()[:6] and next(counted) == at:
            raise Crash
        return execute(self, *arguments, **named)

    monkeypatch.setattr(Connection, "execute", dying)
    with pytest.raises(Crash) if at < 4 else nullcontext():
        sealer_of(it).seal(WORKSPACE)
    monkeypatch.undo()
    after = seals_of(it).ledger(WORKSPACE)
    assert after is not None
    assert after.size in (before.size, goal)
    assert after == before or after.size == goal
    assert verified(it).is_whole
    assert sealer_of(it).seal_all(WORKSPACE).size == goal
    assert verified(it).is_whole


def test_one_leader_at_a_time(it: World) -> None:
    first, second = sealer_of(it, "own_1"), sealer_of(it, "own_2")
    assert first.seal_all(WORKSPACE).came is Came.SEALED
    work(it, 1)
    assert second.seal_all(WORKSPACE).came is Came.NOT_LEADER
    it.clock.advance(LEASE_S + 1)
    assert second.seal_all(WORKSPACE).came is Came.SEALED
    work(it, 1)
    assert first.seal_all(WORKSPACE).came is Came.NOT_LEADER
    assert verified(it).is_whole


def test_of_two_that_read_the_same_only_one_writes(it: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second seals between the first one's reading and its writing."""
    first, second = sealer_of(it, "own_1"), sealer_of(it, "own_2")
    seal = SqlSeals.seal

    def overtaken(self: SqlSeals, written: Any) -> bool:
        monkeypatch.undo()
        assert second.seal(WORKSPACE).came is Came.SEALED
        return seal(self, written)

    monkeypatch.setattr(SqlSeals, "seal", overtaken)
    assert first.seal(WORKSPACE).came is Came.NOT_LEADER
    assert verified(it).is_whole


def test_a_mixed_reading_is_no_alarm(it: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody seals after the ledger's row was read and before its tiles are."""
    first, second = sealer_of(it, "own_1"), sealer_of(it, "own_2")
    first.seal_all(WORKSPACE)
    work(it, 1)
    it.clock.advance(LEASE_S + 1)
    tile = SqlSeals.tile

    def overtaken(self: SqlSeals, *place: Any) -> bytes | None:
        monkeypatch.undo()
        assert second.seal(WORKSPACE).came is Came.SEALED
        return tile(self, *place)

    monkeypatch.setattr(SqlSeals, "tile", overtaken)
    assert first.seal(WORKSPACE).came is Came.NOT_LEADER
    ledger = seals_of(it).ledger(WORKSPACE)
    assert ledger is not None
    assert ledger.alarm == ""


def seal_in_a_process(path: Path, owner: str, rounds: int) -> None:
    it = World(path, ManualClock(), CountingIds())
    it.clock.advance(1)
    for _ in range(rounds):
        sealer_of(it, owner).seal(WORKSPACE, relieve=True)
    it.parts.close()


@pytest.mark.slow
def test_processes_that_all_seal_at_once(it: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("remit.control.sealing.BATCH", 3)
    work(it, 60)
    context = multiprocessing.get_context("fork")
    sealers = [context.Process(target=seal_in_a_process, args=(it.path, f"own_{n}", 40)) for n in range(4)]
    for one in sealers:
        one.start()
    work(it, 20)
    for one in sealers:
        one.join(60)
    assert [one.exitcode for one in sealers] == [0] * 4
    sealer_of(it, "own_last").seal_all(WORKSPACE, relieve=True)
    report = verified(it)
    assert report.is_whole, report.faults
    assert report.records == count_of(it)


@pytest.mark.slow
def test_sealing_while_several_writers_commit(it: World) -> None:
    """Never a gap that is none: records become visible in the order of their numbers."""
    writers = [World(it.path, it.clock, RandomIds()) for _ in range(3)]
    enough = threading.Event()

    def work_on(writer: World) -> None:
        for _ in range(1_000):
            work(writer, 1)
            if enough.wait(0.002):  # SQLite's lock is not fair: without a pause the sealer may wait for them all
                return

    sizes: set[int] = set()
    with ThreadPoolExecutor() as pool:
        done = [pool.submit(work_on, writer) for writer in writers]
        sealer = sealer_of(it)
        while len(sizes) < 5 and not all(one.done() for one in done):
            sizes.add(sealer.seal(WORKSPACE).size)
        enough.set()
    for one in done:
        one.result()
    assert len(sizes) == 5, "it was sealed in between"
    for writer in writers:
        writer.queue.close()
        writer.parts.close()
    sealer.seal_all(WORKSPACE)
    report = verified(it)
    assert report.is_whole, report.faults
    assert report.records == count_of(it)


# --- never over a hole


def broken(it: World, said: str) -> None:
    """The sealer stops with this alarm, stays stopped, signs nothing, and verify tells."""
    before = seals_of(it).newest(WORKSPACE)
    for _ in range(2):
        with pytest.raises(LedgerBroken, match=said):
            sealer_of(it).seal_all(WORKSPACE)
    assert seals_of(it).newest(WORKSPACE) == before
    assert any(fault.kind is Kind.ALARM for fault in verified(it).faults)


def unsealed(it: World) -> int:
    """Seal, add some records, and return the number of the first that is not sealed."""
    first = sealer_of(it).seal_all(WORKSPACE).size + 1
    work(it, 2)
    return first


def test_a_record_that_is_missing(it: World) -> None:
    no = unsealed(it)
    change(it, "delete from records where cast(body as text) like ?", f'%"no":{no + 2},%')
    broken(it, f"record {no + 2} is missing: number {no + 3} stands in its place")


def test_a_record_that_is_there_twice(it: World) -> None:
    no = unsealed(it)
    renumbered = "update records set body = replace(body, ?, ?) where cast(body as text) like ?"
    change(it, renumbered, f'"no":{no + 1},', f'"no":{no},', f'%"no":{no + 1},%')
    broken(it, f"record {no} is there twice")


def test_the_last_record_is_missing(it: World) -> None:
    unsealed(it)
    last = count_of(it)
    change(it, "delete from records where cast(body as text) like ?", f'%"no":{last},%')
    broken(it, f"{last} records are counted, and the last there is has number {last - 1}")


def test_everything_not_sealed_is_missing(it: World) -> None:
    no = unsealed(it)
    change(
        it,
        "delete from records where seq >= (select seq from records where cast(body as text) like ?)",
        f'%"no":{no},%',
    )
    broken(it, "records are counted, and the last there is has number")


def test_the_last_record_is_missing_and_the_count_was_moved_back(it: World) -> None:
    sealer_of(it).seal_all(WORKSPACE)
    last = count_of(it)
    change(it, "delete from records where cast(body as text) like ?", f'%"no":{last},%')
    change(it, "update scopes set state = replace(state, ?, ?)", f'"records":{last}', f'"records":{last - 1}')
    broken(it, f"{last} records were sealed, and there are {last - 1}")


def test_the_count_was_moved_back(it: World) -> None:
    unsealed(it)
    last = count_of(it)
    change(it, "update scopes set state = replace(state, ?, ?)", f'"records":{last}', f'"records":{last - 1}')
    broken(it, f"there are {last} records, and the count was moved back to {last - 1}")


def test_a_record_that_was_changed_before_it_was_sealed(it: World) -> None:
    no = unsealed(it)
    change(
        it, "update records set body = replace(body, 'buyer', 'thief') where cast(body as text) like ?", f'%"no":{no},%'
    )
    broken(it, f"record {no} was changed after it was written")


def test_a_row_that_says_something_else_than_its_record(it: World) -> None:
    no = unsealed(it)
    change(it, "update records set kind = 'outcome_reported' where cast(body as text) like ?", f'%"no":{no},%')
    broken(it, f"record {no}: key, kind, run or time of the row")


def test_what_is_no_record(it: World) -> None:
    no = unsealed(it)
    change(it, "update records set body = 'x' where cast(body as text) like ?", f'%"no":{no},%')
    broken(it, f"in the place of record {no}, holds no record")


def test_tiles_that_were_changed(it: World) -> None:
    unsealed(it)
    change(it, "update ledger_tiles set hashes = zeroblob(length(hashes)) where level = 0")
    broken(it, "do not give the root that was signed last")


def test_a_checkpoint_that_was_changed(it: World) -> None:
    unsealed(it)
    only_its_line = "replace(note, char(10) || size || char(10), char(10) || (size + 1) || char(10))"
    change(it, f"update checkpoints set note = {only_its_line}")  # the digit may be in key and signature as well
    broken(it, "is not by that key")


def test_a_ledger_set_back_to_its_beginning(it: World) -> None:
    """Somebody hopes that the sealer signs changed records as if nothing had been sealed yet."""
    unsealed(it)
    change(it, "update ledgers set size = 0, last_seq = 0")
    broken(it, "do not give the root that was signed last")


def test_a_running_sealer_remembers_how_far_it_was(it: World) -> None:
    sealer = sealer_of(it)
    sealer.seal_all(WORKSPACE)
    for table in ("checkpoints", "ledger_tiles"):
        change(it, f"delete from {table}")
    change(it, "update ledgers set size = 0, last_seq = 0")
    with pytest.raises(LedgerBroken, match="records were sealed, and now it is said to be 0"):
        sealer.seal(WORKSPACE)


def test_a_key_sealed_under_another_master_key(it: World) -> None:
    unsealed(it)
    change(it, "update ledger_keys set seed = zeroblob(60)")
    broken(it, "the signing key of tiny can not be opened")


def test_the_alarm_ends_when_the_records_are_whole_again(it: World) -> None:
    no = unsealed(it)
    db = sqlite3.connect(it.path)
    row = db.execute("select * from records where cast(body as text) like ?", (f'%"no":{no},%',)).fetchone()
    db.close()
    change(it, "delete from records where seq = ?", row[0])
    broken(it, f"record {no} is missing")
    change(it, "insert into records values (?, ?, ?, ?, ?, ?, ?, ?)", *row)
    assert sealer_of(it).seal_all(WORKSPACE).came is Came.SEALED
    assert verified(it).is_whole


def test_verify_sees_what_was_changed_after_the_seal(it: World) -> None:
    sealer_of(it).seal_all(WORKSPACE)
    change(it, "update records set body = replace(body, 'buyer', 'thief') where seq = 4")
    found = verified(it).faults
    assert [fault.kind for fault in found if fault.kind is Kind.CHANGED]
    assert "record 4 (key" in found[0].text


# --- keys


def test_a_new_key_is_signed_for_by_the_old(it: World) -> None:
    sealer = sealer_of(it)
    sealer.seal_all(WORKSPACE)
    old = Verifier.of(seals_of(it).keys(WORKSPACE)[0].key)
    new = sealer.rotate(WORKSPACE, "user:sara", "yearly")
    newest = seals_of(it).newest(WORKSPACE)
    assert newest is not None
    assert Note.of(newest.note.encode()).signers([old, new]) == (old, new)
    work(it, 2)
    sealer.seal_all(WORKSPACE)
    for trusted in (old, new):
        report = verified(it, trusted)
        assert report.is_whole, report.faults
        assert report.checkpoint is not None
        assert report.checkpoint.signers == (new,)
    record = it.records(RecordKind.LEDGER_KEY_CHANGED)[0]
    assert (record["by"], record["reason"], record["key_after"]) == ("user:sara", "yearly", str(new))


def test_a_key_that_was_replaced_signs_no_longer(it: World) -> None:
    """Whoever stole the old key can not go on with it."""
    sealer = sealer_of(it)
    sealer.seal_all(WORKSPACE)
    old = seals_of(it).keys(WORKSPACE)[0]
    ledger = seals_of(it).ledger(WORKSPACE)
    assert ledger is not None
    stolen = SigningKeys(seals_of(it), master_key(it)).signer(ledger)
    sealer.rotate(WORKSPACE, "user:sara", "")
    evidence = LiveEvidence(it.store, seals_of(it), WORKSPACE)
    said = Checkpoint.of(Note.of(evidence.file(CHECKPOINT) or b"").text)
    forged = signed(Checkpoint(said.origin, said.size + 5, said.root).text, [stolen])
    change(it, "update checkpoints set note = ? where size = ?", forged, said.size)
    found = verified(it, Verifier.of(old.key)).faults
    assert any("replaced before there were" in fault.text for fault in found if fault.kind is Kind.FORGED)


def test_a_rotation_nobody_signed_for_gives_no_trust(it: World) -> None:
    """A line of one's own under an old checkpoint, and a rotation signed by the new key alone."""
    sealer = sealer_of(it)
    sealer.seal_all(WORKSPACE)
    first = seals_of(it).keys(WORKSPACE)[0]
    thief = Signer(Verifier.of(first.key).name, b"t" * 32)
    newest = seals_of(it).newest(WORKSPACE)
    assert newest is not None
    text = Note.of(newest.note.encode()).text
    rotation = signed(Rotation(thief.name, newest.size, thief.verifier).text, [thief])
    change(it, "insert into ledger_keys values ('tiny', 1, ?, x'', ?, 0)", str(thief.verifier), rotation)
    change(it, "update checkpoints set note = ? where kept = 1", signed(text, [thief]))
    found = verified(it, Verifier.of(first.key)).faults
    assert {fault.kind for fault in found} == {Kind.WRONG_KEY}


def test_a_change_of_keys_while_another_is_sealing(it: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever read before the change must not sign with the old key after it."""
    first, second = sealer_of(it, "own_1"), sealer_of(it, "own_2")
    first.seal_all(WORKSPACE)
    work(it, 1)
    seal = SqlSeals.seal

    def overtaken(self: SqlSeals, written: Any) -> bool:
        monkeypatch.undo()
        second.rotate(WORKSPACE, "user:sara", "")
        return seal(self, written)

    monkeypatch.setattr(SqlSeals, "seal", overtaken)
    assert first.seal(WORKSPACE).came is Came.NOT_LEADER
    assert verified(it).is_whole


def test_whoever_read_the_old_key_just_before_it_was_replaced_does_not_sign(
    it: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The size is the same before and after a change of keys, so that the size alone would not tell."""
    first, second = sealer_of(it, "own_1"), sealer_of(it, "own_2")
    rotate, seal = SqlSeals.rotate, SqlSeals.seal
    came: list[Came] = []

    def read_just_before(self: SqlSeals, *change_of_keys: Any) -> bool:
        monkeypatch.undo()
        work(it, 1)

        def replaced_just_now(rows: SqlSeals, written: Any) -> bool:
            monkeypatch.undo()
            assert rotate(self, *change_of_keys)
            return seal(rows, written)

        monkeypatch.setattr(SqlSeals, "seal", replaced_just_now)
        came.append(second.seal(WORKSPACE, relieve=True).came)
        return True

    monkeypatch.setattr(SqlSeals, "rotate", read_just_before)
    first.rotate(WORKSPACE, "user:sara", "")
    assert came == [Came.NOT_LEADER]
    assert second.seal(WORKSPACE, relieve=True).came is Came.SEALED
    assert verified(it).is_whole


# --- the thread


def test_the_thread_seals_and_ends(it: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("remit.control.sealing.INTERVAL_S", 0.01)
    told: list[str] = []
    thread = SealingThread(sealer_of(it), it.store.workspaces, told.append)
    thread.start()
    work(it, 2)
    thread.close()
    assert told == []
    assert verified(it).checkpoint is not None
    assert LiveEvidence(it.store, seals_of(it), WORKSPACE).size == count_of(it)


def test_the_thread_tells_what_is_wrong_and_goes_on(it: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("remit.control.sealing.INTERVAL_S", 0.01)
    unsealed(it)
    change(it, "delete from records where seq = (select max(seq) from records)")
    told: list[str] = []
    thread = SealingThread(sealer_of(it), it.store.workspaces, told.append)
    thread.start()
    thread.close()
    assert told
    assert "the ledger of tiny is not sealed any further" in told[0]


def test_the_thread_survives_a_database_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("remit.control.sealing.INTERVAL_S", 0.01)
    told: list[str] = []

    def gone() -> list[Any]:
        raise StoreError("the disk is full")

    thread = SealingThread(Sealer.__new__(Sealer), gone, told.append)
    thread.start()
    thread.close()
    assert told[-1] == "the disk is full"
