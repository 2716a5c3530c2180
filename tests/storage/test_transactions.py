"""What every store guarantees of a transaction: all or nothing, locks before reads, stops and state apart."""

import threading

import pytest

from remit.domain.clock import Instant
from remit.domain.facts import ApprovalState, ScopeKind, scope_id
from remit.domain.ids import ActionId, ApprovalId, KeyId, OwnerId, ReleaseId, RunId, WorkspaceName
from remit.domain.record import leaf_hash
from remit.storage.port import Activation, SealedPayload, Store, StoreError, Wanted, WrappedKey, Writes
from remit.storage.seals import seals_of
from remit.storage.sqlite import SqliteStore
from tests.postgres.server import server_of
from tests.storage.rows_made import (
    HERE,
    NOON,
    RUN,
    THERE,
    agent_scope,
    approval,
    freeze,
    open_action,
    put,
    record,
    release,
    run,
    run_scope,
    transactions,
)

BUYER = scope_id(ScopeKind.AGENT, HERE, "buyer")


def test_what_is_committed_is_there_for_everybody(store: Store) -> None:
    put(store, Writes(scopes={BUYER: agent_scope(spent=5, in_flight=2)}, records=[record("a/decision", n=1)]))
    scope = store.scope(BUYER)
    assert scope == agent_scope(spent=5, in_flight=2)
    assert store.record(HERE, "a/decision") == record("a/decision", n=1).body


def test_what_is_not_committed_is_seen_by_nobody(store: Store) -> None:
    with transactions(store) as writing:
        writing.begin(Wanted())
        assert store.scope(BUYER) is None
        writing.rollback()
    assert store.scope(BUYER) is None


def test_a_transaction_that_is_dropped_leaves_nothing_and_locks_nothing(store: Store) -> None:
    abandoned = store.transactions()
    abandoned.begin(Wanted())
    abandoned.close()
    put(store, Writes(records=[record("next")]))
    assert len(store.records(HERE)) == 1


def test_a_refused_write_takes_the_whole_transaction_with_it(store: Store) -> None:
    put(store, Writes(records=[record("once")]))
    with transactions(store) as writing:
        writing.begin(Wanted())
        with pytest.raises(StoreError, match="Nothing was admitted"):
            writing.commit(Writes(scopes={BUYER: agent_scope(spent=9)}, records=[record("new"), record("once")]))
        writing.rollback()
        # The connection is of use again after the rollback.
        writing.begin(Wanted())
        writing.commit(Writes(records=[record("later")]))
    assert store.scope(BUYER) is None
    assert [store.record(HERE, key) is not None for key in ("once", "new", "later")] == [True, False, True]


def test_a_record_key_is_unique_in_its_workspace_only(store: Store) -> None:
    put(store, Writes(records=[record("k", HERE)]))
    put(store, Writes(records=[record("k", THERE)]))
    assert len(store.records(HERE)) == len(store.records(THERE)) == 1
    with pytest.raises(StoreError):
        put(store, Writes(records=[record("k", HERE, other="content")]))


def test_a_second_writer_waits_for_the_first_and_then_sees_what_it_wrote(store: Store) -> None:
    seen: list[int] = []

    def second() -> None:
        with transactions(store) as waiting:
            loaded = waiting.begin(Wanted(scopes=[BUYER]))
            seen.append(loaded.scopes[BUYER].in_flight)
            waiting.rollback()

    with transactions(store) as first:
        first.begin(Wanted(scopes=[BUYER]))
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.05)
        assert seen == []
        first.commit(Writes(scopes={BUYER: agent_scope(in_flight=3)}))
    thread.join(10)
    assert seen == [3]


def test_begin_finds_what_was_asked_for_and_nothing_else(store: Store) -> None:
    put(
        store,
        Writes(
            scopes={BUYER: agent_scope(), "x": run_scope("run_9")},  # type: ignore[dict-item]
            records=[record("mine"), record("other"), record("mine", THERE, where="there")],
            opened=[open_action("act_1"), open_action("act_2")],
            approvals={ApprovalId("apr_1"): approval("apr_1"), ApprovalId("apr_2"): approval("apr_2", digest="e")},
        ),
    )
    wanted = Wanted(
        scopes=[BUYER, scope_id(ScopeKind.TEAM, HERE, "nobody")],
        record_keys=["mine", "missing"],
        open_actions=[ActionId("act_1"), ActionId("act_3")],
        approvals=[(RUN, "d"), (RunId("run_2"), "d")],
        approval_ids=[ApprovalId("apr_2")],
        workspace=HERE,
    )
    with transactions(store) as reading:
        loaded = reading.begin(wanted)
        reading.rollback()
    assert set(loaded.scopes) == {BUYER}
    assert loaded.records == {"mine": record("mine").body}
    assert loaded.open_actions == {ActionId("act_1"): open_action("act_1")}
    assert loaded.approvals == {(RUN, "d"): approval("apr_1")}
    assert loaded.approvals_by_id == {ApprovalId("apr_2"): approval("apr_2", digest="e")}
    assert loaded.withdrawn == set()


# -- stops and state are written by different people at the same time


def test_writing_state_keeps_a_freeze_that_came_in_between(store: Store) -> None:
    put(store, Writes(scopes={BUYER: agent_scope(spent=1)}))
    stale = store.scope(BUYER)
    assert stale is not None
    frozen = agent_scope()
    frozen.stops[""] = freeze()
    put(store, Writes(stops={BUYER: frozen}))

    stale.in_flight = 7
    put(store, Writes(scopes={BUYER: stale}))
    found = store.scope(BUYER)
    assert found is not None
    assert (found.stops, found.in_flight) == ({"": freeze()}, 7)


def test_writing_a_stop_keeps_the_state_and_the_history(store: Store) -> None:
    id = scope_id(ScopeKind.RUN, HERE, RUN)
    looping = run_scope(steps=4)
    looping.history = b"\x01remembered"
    put(store, Writes(scopes={id: looping}, histories={id: looping}))

    frozen = run_scope(steps=0)
    frozen.stops[""] = freeze("loop")
    put(store, Writes(stops={id: frozen}))
    found = store.scope(id)
    assert found is not None
    assert found.progress == looping.progress
    assert (found.history, found.stops) == (looping.history, {"": freeze("loop")})


def test_a_stop_on_a_scope_that_nothing_was_counted_on_makes_its_row(store: Store) -> None:
    frozen = agent_scope("idle")
    frozen.stops[""] = freeze()
    put(store, Writes(stops={frozen.id: frozen}))
    assert store.scope(frozen.id) == frozen


def test_writing_state_leaves_the_history_alone_unless_it_is_written_too(store: Store) -> None:
    id = scope_id(ScopeKind.RUN, HERE, RUN)
    scope = run_scope()
    scope.history = b"long"
    put(store, Writes(scopes={id: scope}, histories={id: scope}))
    scope.history = b""
    put(store, Writes(scopes={id: scope}))
    kept = store.scope(id)
    assert kept is not None
    assert kept.history == b"long"
    put(store, Writes(histories={id: scope}))
    forgotten = store.scope(id)
    assert forgotten is not None
    assert forgotten.history == b""


# -- approvals


def latest(store: Store, digest: str = "d") -> str | None:
    with transactions(store) as reading:
        found = reading.begin(Wanted(approvals=[(RUN, digest)])).approvals.get((RUN, digest))
        reading.rollback()
    return None if found is None else found.id


def test_the_latest_approval_of_the_same_arguments_that_was_not_used_counts(store: Store) -> None:
    made = [
        approval("apr_b", ApprovalState.REJECTED, NOON + 1),
        approval("apr_c", ApprovalState.PENDING, NOON + 2),
        approval("apr_a", ApprovalState.USED, NOON + 3),
    ]
    put(store, Writes(approvals={each.id: each for each in made}))
    assert latest(store) == "apr_c"
    put(store, Writes(approvals={ApprovalId("apr_c"): approval("apr_c", ApprovalState.USED, NOON + 2)}))
    assert latest(store) == "apr_b"
    assert latest(store, "other arguments") is None


def test_an_approval_is_kept_whole_and_listed_newest_first(store: Store) -> None:
    older, newer = approval("apr_1", at=NOON), approval("apr_2", ApprovalState.APPROVED, NOON + 1)
    put(store, Writes(approvals={each.id: each for each in (older, newer)}))
    assert store.approval(older.id) == older
    assert store.approvals(HERE) == [newer, older]
    assert store.approvals(HERE, ApprovalState.PENDING) == [older]
    assert store.approvals(THERE) == []


# -- open actions and their owners


def test_an_open_action_is_kept_until_it_is_closed(store: Store) -> None:
    put(store, Writes(opened=[open_action("act_1"), open_action("act_2"), open_action("act_3", workspace=THERE)]))
    put(store, Writes(closed=[ActionId("act_1")], unknown=[ActionId("act_2")]))
    (left,) = store.open_actions(HERE)
    assert (left.id, left.unknown, left.reservations) == ("act_2", True, open_action("act_2").reservations)


def test_actions_are_abandoned_when_their_process_was_not_seen_since(store: Store) -> None:
    put(store, Writes(opened=[open_action("act_1", "own_old"), open_action("act_2", "own_new")]))
    put(store, Writes(opened=[open_action("act_3", "own_never"), open_action("act_4", "own_old")]))
    put(store, Writes(heartbeat=(OwnerId("own_old"), Instant(NOON))))
    put(store, Writes(heartbeat=(OwnerId("own_new"), Instant(NOON))))
    put(store, Writes(heartbeat=(OwnerId("own_new"), Instant(NOON + 10))))
    put(store, Writes(unknown=[ActionId("act_4")]))
    assert {action.id for action in store.abandoned(Instant(NOON + 10))} == {"act_1", "act_3"}
    assert {action.id for action in store.abandoned(Instant(NOON))} == {"act_3"}


# -- keys and payloads


def test_the_first_key_of_a_name_stays(store: Store) -> None:
    id = KeyId("here/subject/x")
    put(store, Writes(keys=[WrappedKey(id, b"first", NOON)]))
    put(store, Writes(keys=[WrappedKey(id, b"second", NOON)]))
    assert store.key(id) == WrappedKey(id, b"first", NOON)
    assert store.key(KeyId("here/subject/y")) is None


def test_a_payload_comes_back_byte_for_byte(store: Store) -> None:
    sealed = SealedPayload("act_1", "arguments", KeyId("k"), bytes(range(256)) * 40)
    put(store, Writes(payloads=[sealed]))
    assert store.payload("act_1", "arguments") == sealed
    assert store.payload("act_1", "result") is None


# -- releases


def test_a_release_comes_back_byte_for_byte(store: Store) -> None:
    awkward = {
        "agents/a.yaml": b"kind: Agent\r\n",
        "policies/\xe9.cedar": "سياسة\u202e".encode(),
        "tests/empty.yaml": b"",
        "tools/binary.yaml": bytes(range(256)),
        "tools/same.yaml": bytes(range(256)),
    }
    put(store, Writes(releases=[release("rel_1", awkward)]))
    found = store.release(HERE, ReleaseId("rel_1"))
    assert found == release("rel_1", awkward)
    assert found is not None
    assert list(found.files) == sorted(awkward)
    assert store.release(THERE, ReleaseId("rel_1")) is None


def test_releases_are_listed_newest_first_without_their_files(store: Store) -> None:
    first, second = release("rel_1", {"a": b"1"}), release("rel_2", {"a": b"1", "b": b"2"}, at=NOON + 1)
    put(store, Writes(releases=[first, second]))
    assert [(each.id, dict(each.files)) for each in store.releases(HERE)] == [("rel_2", {}), ("rel_1", {})]
    assert store.workspaces() == [HERE]


def test_what_any_channel_points_at_now_is_active(store: Store) -> None:
    def point(workspace: WorkspaceName, channel: str, id: str) -> Activation:
        return Activation(workspace, channel, ReleaseId(id), "user:a", NOON, "")

    assert store.active_releases() == set()
    moved = [point(HERE, "production", "rel_1"), point(HERE, "production", "rel_2"), point(HERE, "staging", "rel_3")]
    put(store, Writes(activations=[*moved, point(THERE, "production", "rel_1")]))
    assert store.active_releases() == {(HERE, "rel_2"), (HERE, "rel_3"), (THERE, "rel_1")}
    put(store, Writes(activations=[point(HERE, "production", "rel_1")]))
    assert (HERE, "rel_1") in store.active_releases()


def test_a_withdrawal_stays_within_its_workspace(store: Store) -> None:
    """Two workspaces of the same content have the same release id."""
    put(store, Writes(releases=[release("rel_1", {"a": b"1"}, HERE), release("rel_1", {"a": b"1"}, THERE)]))
    put(store, Writes(withdrawn=[(HERE, ReleaseId("rel_1"), NOON)]))

    def withdrawn_in(workspace: str) -> set[ReleaseId]:
        with transactions(store) as reading:
            wanted = Wanted(releases=[ReleaseId("rel_1")], workspace=workspace)  # type: ignore[arg-type]
            found = reading.begin(wanted).withdrawn
            reading.rollback()
        return found

    assert withdrawn_in(HERE) == {"rel_1"}
    assert withdrawn_in(THERE) == set()
    there = store.release(THERE, ReleaseId("rel_1"))
    assert there is not None
    assert there.withdrawn_at is None


# -- reading


def test_records_are_read_in_pages_that_miss_and_repeat_nothing(store: Store) -> None:
    put(store, Writes(records=[record(f"k{number}", run="run_1" if number % 3 else "run_2") for number in range(25)]))
    put(store, Writes(records=[record("elsewhere", THERE)]))
    paged: list[tuple[int, bytes]] = []
    after = 0
    while page := store.records(HERE, after, limit=7):
        paged += page
        after = page[-1][0]
    numbers = [number for number, _ in paged]
    assert [body for _, body in paged] == [record(f"k{n}", run="run_1" if n % 3 else "run_2").body for n in range(25)]
    assert numbers == sorted(set(numbers))
    assert len(store.records(HERE, run=RunId("run_2"))) == 9
    assert len(store.records(HERE, kind="decision_made")) == 25
    assert store.records(HERE, kind="run_ended") == []


def test_runs_are_read_newest_first_in_pages(store: Store) -> None:
    made = [run(f"run_{number:02d}", parent="run_00" if number else None) for number in range(9)]
    put(store, Writes(runs=[*made, run("run_99", THERE)]))
    first = store.runs(HERE, 4)
    second = store.runs(HERE, 100, before=first[-1].id)
    assert [*first, *second] == made[::-1]
    assert store.run(RunId("run_05")) == made[5]
    assert store.run(RunId("run_77")) is None


def test_a_leaf_is_stored_with_each_record(store: Store) -> None:
    put(store, Writes(records=[record("k", text="ü")]))
    (stored,) = seals_of(store).sealable(HERE, 0, 10)
    assert stored.leaf == leaf_hash(stored.body) == record("k", text="ü").leaf


def test_a_read_from_a_store_that_is_gone_is_a_store_error(store: Store, request: pytest.FixtureRequest) -> None:
    store.close()
    if isinstance(store, SqliteStore):
        store.path.write_bytes(b"not a database at all" * 100)
    else:
        postgres = server_of(request.config)
        name = postgres.name_of(store)
        postgres.execute(f'alter database "{name}" rename to "{name}_elsewhere"')
    with pytest.raises(StoreError, match=r"could not be read|does not exist"):
        store.runs(HERE, 1)
