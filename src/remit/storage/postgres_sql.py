"""The statements of the admission path on PostgreSQL: one for all rows of a kind, however many there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from remit.domain.release import Release
from remit.storage import candidate_rows, identity_rows, liveness_rows, rows, waking
from remit.storage.port import Writes

CHANNEL = "remit_events"

BEGIN = "begin isolation level read committed read write"
LOCK_WORKSPACES = 'select id from scopes where id = any(%b) order by id collate "C" for update'
SCOPES = (
    f"select {rows.SCOPE_COLUMNS}, history from scopes left join histories on scope = id"
    ' where id = any(%b) order by id collate "C" for update of scopes'
)
RECORDS = "select key, body from records where workspace = %b and key = any(%b)"
OPEN_ACTIONS = f"select {rows.OPEN_COLUMNS} from open_actions where id = any(%b)"
APPROVALS = " union all ".join(
    f"select {rows.APPROVAL_COLUMNS} from approvals"
    f" where (run, {digest}) in (select * from unnest(%b::text[], %b::text[])) and state != 'used'"
    for digest in ("digest", "first_digest")
)
APPROVALS_BY_ID = f"select {rows.APPROVAL_COLUMNS} from approvals where id = any(%b)"
WITHDRAWN = "select id from releases where withdrawn_at is not null and workspace = %b and id = any(%b)"
MAKE_WORKSPACES = (
    "insert into scopes (id, kind, stops, state) select id, 'workspace', '{}', %b from unnest(%b::text[]) id"
    " on conflict (id) do nothing"
)
COMMIT = "commit"
NOTIFY = f"select pg_notify('{CHANNEL}', %b)"

Statement = tuple[str, list[Any]]
"""A statement with an array for each column."""


def _insert(table: str, columns: str, types: str, conflict: str = "") -> str:
    arrays = ", ".join(f"%b::{each}[]" for each in types.split())
    return f"insert into {table} ({columns}) select * from unnest({arrays}) {conflict}"


_PUT_SCOPES = _insert(
    "scopes",
    "id, kind, stops, state",
    "text text text bytea",
    "on conflict (id) do update set state = excluded.state",
)
_PUT_STOPS = _insert(
    "scopes",
    "id, kind, stops, state, lapses_at",
    "text text text bytea int8",
    "on conflict (id) do update set stops = excluded.stops, lapses_at = excluded.lapses_at",
)
_PUT_HISTORIES = _insert(
    "histories", "scope, history", "text bytea", "on conflict (scope) do update set history = excluded.history"
)
_ADD_RECORDS = _insert("records", "workspace, key, kind, run, at, leaf, body", "text text text text int8 bytea bytea")
_OPEN = _insert("open_actions", rows.OPEN_COLUMNS, "text text text text text text int8 bytea int8 int8")
_CLOSE = "delete from open_actions where id = any(%b)"
_UNKNOWN = "update open_actions set unknown = 1 where id = any(%b)"
_PUT_PAYLOADS = _insert(
    "payloads",
    "owner, part, key, sealed",
    "text text text bytea",
    "on conflict (owner, part) do update set key = excluded.key, sealed = excluded.sealed",
)
_ADD_RUNS = _insert(
    "runs", rows.RUN_COLUMNS, "text text text text text text text int8 text text int8 text text text bool"
)
_ADD_KEYS = _insert("payload_keys", "id, wrapped, created_at", "text bytea int8", "on conflict (id) do nothing")
_DESTROY_KEYS = _insert(
    "payload_keys",
    "id, wrapped, created_at",
    "text bytea int8",
    "on conflict (id) do update set wrapped = excluded.wrapped, created_at = excluded.created_at",
)
_FORGET_HISTORIES = (
    "delete from histories where scope in (select workspace || '/run/' || id from runs where key = any(%b))"
)
_PUT_APPROVALS = _insert(
    "approvals",
    rows.APPROVAL_COLUMNS,
    "text text text text text text text text text text text int8 int8 bytea bytea text int8",
    "on conflict (id) do update set state = excluded.state, expires_at = excluded.expires_at,"
    " approvers = excluded.approvers, answers = excluded.answers, digest = excluded.digest,"
    " course = excluded.course, first_digest = excluded.first_digest, due_at = excluded.due_at",
)
_VOID = "update approvals set state = 'voided', due_at = null where run = any(%b) and state in ('pending', 'approved')"
_BEAT = _insert("owners", "id, seen_at", "text int8", "on conflict (id) do update set seen_at = excluded.seen_at")
_ADD_CONTENTS = _insert("contents", "digest, content", "text bytea", "on conflict (digest) do nothing")
_ADD_RELEASES = _insert(
    "releases",
    "workspace, id, author, message, created_at, manifest",
    "text text text text int8 bytea",
    "on conflict (workspace, id) do nothing",
)
_ACTIVATE = _insert("activations", "workspace, channel, release, author, at, message", "text text text text int8 text")
_WITHDRAW = (
    "update releases set withdrawn_at = gone.at"
    " from unnest(%b::text[], %b::text[], %b::int8[]) gone (workspace, id, at)"
    " where releases.workspace = gone.workspace and releases.id = gone.id"
)


def statements(writes: Writes) -> Iterator[Statement]:
    """Say what a transaction writes, a statement for every kind that has anything."""
    yield from _of_rows(
        _PUT_SCOPES, [(s.id, s.kind.value, rows.NO_STOPS, rows.state_bytes(s)) for s in writes.scopes.values()]
    )
    yield from _of_rows(_PUT_HISTORIES, [(s.id, s.history) for s in writes.histories.values()])
    yield from _of_rows(
        _PUT_STOPS,
        [
            (s.id, s.kind.value, rows.stops_text(s), rows.state_bytes(s), rows.lapses_at(s))
            for s in writes.stops.values()
        ],
    )
    yield from _of_rows(
        _ADD_RECORDS, [(r.workspace, r.key, r.kind.value, r.run, r.at, r.leaf, r.body) for r in writes.records]
    )
    yield from _of_rows(_OPEN, [rows.open_row(action) for action in writes.opened])
    if writes.closed:
        yield _CLOSE, [writes.closed]
    if writes.unknown:
        yield _UNKNOWN, [writes.unknown]
    # One statement changes a row once: of what is written to one place, the last stays.
    payloads = {(p.owner, p.part): p for p in writes.payloads}
    yield from _of_rows(_PUT_PAYLOADS, [(p.owner, p.part, p.key, p.sealed) for p in payloads.values()])
    yield from _rare(writes)


def _rare(writes: Writes) -> Iterator[Statement]:
    yield from _of_rows(_ADD_RUNS, [rows.run_row(run) for run in writes.runs])
    yield from _of_rows(_ADD_KEYS, [(key.id, key.wrapped, key.created_at) for key in writes.keys])
    yield from _of_rows(_DESTROY_KEYS, [(key, b"", at) for key, at in dict(writes.destroyed).items()])
    if writes.destroyed:
        yield _FORGET_HISTORIES, [[key for key, _ in writes.destroyed]]
    yield from _of_rows(_PUT_APPROVALS, [rows.approval_row(approval) for approval in writes.approvals.values()])
    if writes.voided:
        yield _VOID, [writes.voided]
    if writes.heartbeat:
        yield from _of_rows(_BEAT, [writes.heartbeat])
    for release in writes.releases:
        yield from _release(release)
    yield from _of_rows(
        _ACTIVATE, [(a.workspace, a.channel, a.release, a.by, a.at, a.message) for a in writes.activations]
    )
    yield from _of_rows(_WITHDRAW, writes.withdrawn)
    for delegation in writes.delegations:
        yield rows.PUT_DELEGATION.replace("?", "%s"), list(rows.delegation_row(delegation))
    for proposal in writes.proposals:
        yield rows.PUT_PROPOSAL.replace("?", "%s"), list(rows.proposal_row(proposal))
    for statement, each in (
        *identity_rows.statements(writes.identity),
        *liveness_rows.statements(writes.liveness),
        *candidate_rows.statements(writes.candidates),
        *waking.statements(writes),
    ):
        for values in each:
            yield statement.replace("?", "%s"), list(values)


def _release(release: Release) -> Iterator[Statement]:
    manifest, contents = rows.manifest_of(release)
    # Contents are shared by all workspaces: two releases that are made at once must take them in one order.
    yield from _of_rows(_ADD_CONTENTS, sorted(contents.items()))
    row = (release.workspace, release.id, release.author, release.message, release.created_at, manifest)
    yield from _of_rows(_ADD_RELEASES, [row])


def _of_rows(statement: str, found: Iterable[Sequence[Any]]) -> Iterator[Statement]:
    columns: list[Any] = [list(column) for column in zip(*found, strict=True)]
    if columns:
        yield statement, columns
