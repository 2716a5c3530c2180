"""Erasure: what a subject's runs kept is gone for everybody, the ledger stays whole, and it is on record."""

import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from remit.control.erasure import Certificate, Erasure, ErasureRefused, subject_digest
from remit.control.evidence import LiveEvidence
from remit.domain.clock import ManualClock
from remit.domain.facts import ScopeKind
from remit.domain.ids import KeyId, WorkspaceName
from remit.domain.record import RecordKind
from remit.execution.keys import KEPT_S, Keys
from remit.kernel.loops import LoopHistory, result_sketch
from remit.ledger.examination import examine
from remit.ledger.note import Verifier
from remit.sdk.errors import Refused
from remit.sdk.run import result_bytes
from remit.storage.port import StoreError
from remit.storage.sealed import Keyring, PayloadLost
from remit.storage.seals import SqlSeals
from tests.ledger.conftest import master_key, sealer_of
from tests.worlds import SARA, VISITOR, WORKSPACE, CountingIds, World

SUBJECT = "Mariam Al Suwaidi, mariam@example.com"


@pytest.fixture
def it(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "remit.db", ManualClock(), CountingIds())
    made.apply()
    for subject in (SUBJECT, "another", ""):
        handle(made, subject)
    yield made
    made.queue.close()
    made.parts.close()


def handle(it: World, subject: str) -> str:
    with it.client.run("buyer", on_behalf_of=VISITOR, subject=subject, task="Look it up.") as run:
        run.call("erp.get", {"id": "the-secret-order"}, using=lambda id: {"id": id})
        return run.id


def erasure(it: World) -> Erasure:
    return Erasure(it.store, Keyring(master_key(it)), it.clock, it.ids)


def erase(it: World, subject: str = SUBJECT) -> Certificate:
    return erasure(it).erase(WORKSPACE, subject, SARA, "asked on 3 May")


def agreements(it: World) -> list[str]:
    """How every decision of the workspace replays."""
    return [replayed.agreement.value for replayed in it.replay.all(WORKSPACE)]


def test_a_subjects_payloads_can_not_be_read_any_more(it: World) -> None:
    assert agreements(it) == ["same"] * 3
    certificate = erase(it)
    keys = Keys(it.store, Keyring(master_key(it)))
    with pytest.raises(PayloadLost, match="has been destroyed"):
        keys.of(certificate.key)
    other = World(it.path, it.clock, it.ids)  # another process
    assert agreements(other) == ["erased", "same", "same"]
    other.parts.close()


def test_the_ledger_still_verifies_and_holds_the_certificate(it: World) -> None:
    sealer = sealer_of(it)
    sealer.seal_all(WORKSPACE)
    certificate = erase(it)
    sealer.seal_all(WORKSPACE)
    seals = SqlSeals(it.store)
    report = examine(LiveEvidence(it.store, seals, WORKSPACE), [Verifier.of(seals.keys(WORKSPACE)[0].key)])
    assert report.is_whole, report.faults
    (record,) = it.records(RecordKind.PAYLOADS_ERASED)
    assert record["key"] == certificate.record
    assert (record["by"], record["reason"], record["at"]) == (SARA, "asked on 3 May", it.clock.at)
    assert record["payload_key"] == certificate.key


def test_the_certificate_is_about_this_subject_for_whoever_has_the_salt(it: World) -> None:
    certificate = erase(it)
    (record,) = it.records(RecordKind.PAYLOADS_ERASED)
    assert record["subject_digest"] == subject_digest(certificate.salt, WORKSPACE, SUBJECT)
    assert record["subject_digest"] != subject_digest(certificate.salt, WORKSPACE, "another")
    assert certificate.salt not in raw_bytes(it)
    assert certificate.salt.hex().encode() not in raw_bytes(it)


def raw_bytes(it: World) -> bytes:
    """Everything in the database's files, also what SQLite calls free."""
    return b"".join(path.read_bytes() for path in sorted(it.path.parent.glob("remit.db*")))


def test_the_subject_stands_nowhere_in_the_clear(it: World) -> None:
    assert SUBJECT.encode() not in raw_bytes(it)
    erase(it)
    assert SUBJECT.encode() not in raw_bytes(it)
    assert b"another" not in raw_bytes(it)


def test_what_a_run_says_of_itself_in_the_clear_stays(it: World) -> None:
    with it.client.run("buyer", on_behalf_of=VISITOR, subject=SUBJECT, purpose="For Mariam, of all people.") as run:
        run.call("erp.get", {"id": "1"}, using=lambda id: {"id": id})
    erase(it)
    assert b"For Mariam, of all people." in raw_bytes(it)
    assert {each["on_behalf_of"] for each in it.records(RecordKind.RUN_STARTED)} == {VISITOR}


def test_the_wrapped_key_is_gone_from_the_file_and_its_log(it: World) -> None:
    """Not only from the table: from free pages and from the write-ahead log as well."""
    key = it.store.run(handle(it, SUBJECT)).key
    wrapped = it.store.key(KeyId(key)).wrapped
    assert wrapped in raw_bytes(it)
    erase(it)
    assert wrapped not in raw_bytes(it)


def test_no_word_can_be_tried_on_a_history_and_an_erased_subject_has_none(it: World) -> None:
    """A history holds hashes of words: without the run's salt a dictionary must find nothing in it."""
    text = "tuberculosis was found, and pneumonia"
    unsalted = result_sketch(result_bytes(text)).sample
    words = {zlib.crc32(word) for word in (b"tuberculosis", b"pneumonia")}
    mine, other = (it.client.run("buyer", on_behalf_of=VISITOR, subject=subject) for subject in (SUBJECT, "another"))
    with mine, other:  # what has ended keeps no history at all
        for run in (mine, other):
            run.call("erp.get", {"id": "tuberculosis"}, using=lambda id: text)
            history = LoopHistory.from_bytes(it.scope(ScopeKind.RUN, run.id).history)
            assert len(history.heard) == len(unsalted)
            assert words.union(unsalted).isdisjoint({*history.heard, *history.asked})
        erase(it)
        assert not it.scope(ScopeKind.RUN, mine.id).history
        assert it.scope(ScopeKind.RUN, other.id).history


def test_a_process_that_has_the_key_forgets_it_in_time(it: World) -> None:
    elapsed = [0.0]
    keys = Keys(it.store, Keyring(master_key(it)), lambda: elapsed[0])
    key = KeyId(it.store.run(handle(it, SUBJECT)).key)
    keys.of(key)
    erase(it)
    elapsed[0] = KEPT_S - 1
    assert keys.of(key).id == key
    elapsed[0] = KEPT_S
    with pytest.raises(PayloadLost, match="has been destroyed"):
        keys.of(key)


def test_no_new_run_is_sealed_under_an_erased_subject(it: World) -> None:
    erase(it)
    before = len(it.records(RecordKind.RUN_STARTED))
    with pytest.raises(Refused, match="the data of this subject was erased"):
        handle(it, SUBJECT)
    assert len(it.records(RecordKind.RUN_STARTED)) == before
    assert handle(it, "another")


def test_an_unknown_subject_is_refused(it: World) -> None:
    with pytest.raises(ErasureRefused, match="no payloads of this subject"):
        erase(it, "nobody")
    assert it.records(RecordKind.PAYLOADS_ERASED) == []


def test_a_subject_is_erased_once(it: World) -> None:
    erase(it)
    with pytest.raises(ErasureRefused, match="was erased before"):
        erase(it)
    assert len(it.records(RecordKind.PAYLOADS_ERASED)) == 1


def test_a_subject_of_another_workspace_is_another(it: World) -> None:
    with pytest.raises(ErasureRefused, match="no payloads"):
        erasure(it).erase(WorkspaceName("other"), SUBJECT, SARA, "")
    assert agreements(it) == ["same"] * 3


class TakenIds:
    """Gives out the key of a record that is there already."""

    def new(self, prefix: str) -> str:
        return "run_00000000000000000002/started"


def test_nothing_is_destroyed_where_the_record_can_not_be_written(it: World) -> None:
    key = KeyId(it.store.run(handle(it, SUBJECT)).key)
    assert it.store.record(WORKSPACE, TakenIds().new("")) is not None
    with pytest.raises(StoreError, match="UNIQUE"):
        Erasure(it.store, Keyring(master_key(it)), it.clock, TakenIds()).erase(WORKSPACE, SUBJECT, SARA, "")
    assert not it.store.key(key).is_destroyed
    assert set(agreements(it)) == {"same"}
