"""The ledger on PostgreSQL: the sealer's tests that need no hand on the database file, and erasure."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from remit.domain.clock import ManualClock
from tests.control import test_erasure as erasure
from tests.control import test_sealing as sealing
from tests.ledger.conftest import work
from tests.worlds import CountingIds, World

pytestmark = pytest.mark.usefixtures("worlds_on_postgres")


@pytest.fixture
def it(tmp_path: Path, worlds_on_postgres: None) -> Iterator[World]:
    made = World(tmp_path / "remit.db", ManualClock(), CountingIds())
    made.apply()
    work(made, 3)
    yield made
    made.queue.close()
    made.parts.close()


test_everything_committed_is_sealed = sealing.test_everything_committed_is_sealed
test_sealing_again_changes_nothing = sealing.test_sealing_again_changes_nothing
test_more_than_one_batch = sealing.test_more_than_one_batch
test_each_checkpoint_extends_the_one_before = sealing.test_each_checkpoint_extends_the_one_before
test_every_sealed_record_can_be_proven = sealing.test_every_sealed_record_can_be_proven
test_a_crash_leaves_it_as_before_or_after = sealing.test_a_crash_at_any_statement_leaves_it_as_before_or_after
test_one_leader_at_a_time = sealing.test_one_leader_at_a_time
test_of_two_that_read_the_same_only_one_writes = sealing.test_of_two_that_read_the_same_only_one_writes
test_a_mixed_reading_is_no_alarm = sealing.test_a_mixed_reading_is_no_alarm
test_sealing_while_several_writers_commit = sealing.test_sealing_while_several_writers_commit
test_a_new_key_is_signed_for_by_the_old = sealing.test_a_new_key_is_signed_for_by_the_old
test_a_change_of_keys_while_another_is_sealing = sealing.test_a_change_of_keys_while_another_is_sealing


def test_a_subject_is_erased(it: World) -> None:
    for subject in (erasure.SUBJECT, "another"):
        erasure.handle(it, subject)
    certificate = erasure.erase(it)
    assert it.store.key(certificate.key).is_destroyed
    other = World(it.path, it.clock, it.ids)
    assert sorted(erasure.agreements(other)) == ["erased", "same", "same", "same", "same"]
    other.parts.close()
