"""Rows to values and back, the same for every dialect."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from remit.domain.canonical import sha256_hex
from remit.domain.facts import ApprovalState, Scope, ScopeKind, Stop
from remit.domain.ids import RunId, ScopeId
from remit.domain.release import BudgetUnit, Release
from remit.domain.run import Run, RunAbove
from remit.storage.approval import course_from
from remit.storage.delegation import Delegation
from remit.storage.port import Approval, OpenAction, Proposal, Reservation, StoreError

SCOPE_COLUMNS = "id, kind, stops, state"
OPEN_COLUMNS = "id, workspace, run, agent, target, owner, admitted_at, reservations, unknown, lease_until"
APPROVAL_COLUMNS = (
    "id, workspace, run, agent, action, target, digest, release, on_behalf_of, approvers, state,"
    " created_at, expires_at, answers, course, first_digest, due_at"
)
RUN_COLUMNS = (
    "id, workspace, agent, team, release, on_behalf_of, purpose, started_at, key, parent, depth, ancestors,"
    " started_by, follows, verified"
)
DELEGATION_COLUMNS = "id, workspace, person, delegate, begins_at, ends_at, made_by, made_at, ended_at"
PUT_DELEGATION = (
    f"insert into delegations ({DELEGATION_COLUMNS}) values (?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " on conflict (id) do update set ended_at = excluded.ended_at"
)

PROPOSAL_COLUMNS = "id, workspace, channel, release, before, author, at, message, activated_by, activated_at"
PUT_PROPOSAL = (
    f"insert into proposals ({PROPOSAL_COLUMNS}) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " on conflict (id) do update set activated_by = excluded.activated_by, activated_at = excluded.activated_at"
)

NO_STOPS = "{}"

# Calling an enum to find a member costs six times a look-up, and a batch reads some hundred rows.
_KINDS = {kind.value: kind for kind in ScopeKind}
_UNITS = {unit.value: unit for unit in BudgetUnit}


def scope_from(row: Sequence[Any]) -> Scope:
    """Read a row of SCOPE_COLUMNS and the history, which is null where there is none."""
    scope = Scope(ScopeId(row[0]), _KINDS[row[1]], history=row[4] or b"")
    if row[2] != NO_STOPS:
        scope.stops = {what: Stop.from_json(stop) for what, stop in orjson.loads(row[2]).items()}
    scope.set_state(orjson.loads(row[3]))
    return scope


def stops_text(scope: Scope) -> str:
    """Return the stored form of a scope's stops."""
    return orjson.dumps({what: stop.as_json() for what, stop in scope.stops.items()}).decode()


def lapses_at(scope: Scope) -> int | None:
    """Return when the first of a scope's stops ends by itself, if any does."""
    return min((stop.until for stop in scope.stops.values() if stop.until is not None), default=None)


def state_bytes(scope: Scope) -> bytes:
    """Return the stored form of a scope's state."""
    return orjson.dumps(scope.state())


def open_from(row: Sequence[Any]) -> OpenAction:
    """Read a row of OPEN_COLUMNS."""
    reservations = tuple(
        Reservation(scope, budget, _UNITS[unit], start, amount)
        for scope, budget, unit, start, amount in orjson.loads(row[7])
    )
    fields = (row[0], row[1], row[2], row[3], row[4], row[5], row[6])
    return OpenAction(*fields, reservations, bool(row[8]), row[9])


def proposal_row(proposal: Proposal) -> tuple[Any, ...]:
    """Return a row of PROPOSAL_COLUMNS."""
    p = proposal
    place = (p.id, p.workspace, p.channel, p.release, p.before)
    return (*place, p.by, p.at, p.message, p.activated_by, p.activated_at)


def reservations_bytes(reservations: Iterable[Reservation]) -> bytes:
    """Return the stored form of reservations."""
    return orjson.dumps([[r.scope, r.budget, r.unit, r.start, r.amount] for r in reservations])


def open_row(action: OpenAction) -> tuple[Any, ...]:
    """Return a row of OPEN_COLUMNS."""
    return (
        action.id,
        action.workspace,
        action.run,
        action.agent,
        action.target,
        action.owner,
        action.admitted_at,
        reservations_bytes(action.reservations),
        int(action.unknown),
        action.lease_until,
    )


def approval_from(row: Sequence[Any]) -> Approval:
    """Read a row of APPROVAL_COLUMNS."""
    fields = dict(zip(APPROVAL_COLUMNS.split(", "), row, strict=True))
    fields["approvers"] = tuple(orjson.loads(fields["approvers"]))
    fields["answers"] = tuple(orjson.loads(fields["answers"]))
    fields["state"] = ApprovalState(fields["state"])
    # Both follow from the rest and are columns only to be searched by.
    del fields["first_digest"], fields["due_at"]
    course = course_from(orjson.loads(fields.pop("course")))
    return Approval(**fields, **course)


def approval_row(approval: Approval) -> tuple[Any, ...]:
    """Return a row of APPROVAL_COLUMNS."""
    return (
        approval.id,
        approval.workspace,
        approval.run,
        approval.agent,
        approval.action,
        approval.target,
        approval.digest,
        approval.release,
        approval.on_behalf_of,
        orjson.dumps(approval.approvers).decode(),
        approval.state.value,
        approval.created_at,
        approval.expires_at,
        orjson.dumps(approval.answers),
        orjson.dumps(approval.course()),
        approval.first_digest,
        approval.due_at,
    )


def approvals_by_digest(
    found: Iterable[Approval], wanted: Iterable[tuple[RunId, str]]
) -> dict[tuple[RunId, str], Approval]:
    """Return the latest approval of each run and digest that is wanted, also by the digest it had before an edit."""
    asked = set(wanted)
    result = {}
    for approval in sorted(found, key=lambda each: (each.created_at, each.id)):
        for digest in (approval.first_digest, approval.digest):
            if (approval.run, digest) in asked:
                result[approval.run, digest] = approval
    return result


def delegation_row(delegation: Delegation) -> tuple[Any, ...]:
    """Return a row of DELEGATION_COLUMNS."""
    return (
        delegation.id,
        delegation.workspace,
        delegation.person,
        delegation.delegate,
        delegation.begins_at,
        delegation.ends_at,
        delegation.made_by,
        delegation.made_at,
        delegation.ended_at,
    )


def run_from(row: Sequence[Any]) -> Run:
    """Read a row of RUN_COLUMNS; the salt is not stored, it follows from the run's key."""
    fields = dict(zip(RUN_COLUMNS.split(", "), row, strict=True))
    return Run(**fields | {"ancestors": tuple(fields["ancestors"].split())})


def below(run: Run, above: Mapping[RunId, Run]) -> Run:
    """Return a run with what is to be known of the runs above it. Raises StoreError where one of them is not there."""
    missing = [id for id in run.ancestors if id not in above]
    if missing:
        raise StoreError(f"run {run.id} is stored without {missing[0]}, which is above it")
    line = (above[id] for id in run.ancestors)
    return replace(run, line=tuple(RunAbove(each.id, each.agent, each.team, each.started_at) for each in line))


def run_row(run: Run) -> tuple[Any, ...]:
    """Return a row of RUN_COLUMNS."""
    return (
        run.id,
        run.workspace,
        run.agent,
        run.team,
        run.release,
        run.on_behalf_of,
        run.purpose,
        run.started_at,
        run.key,
        run.parent,
        run.depth,
        "".join(f" {ancestor}" for ancestor in run.ancestors) + " " if run.ancestors else "",
        run.started_by,
        run.follows,
        run.verified,
    )


def manifest_of(release: Release) -> tuple[bytes, dict[str, bytes]]:
    """Return a release's manifest (path to digest) and its contents by digest.

    Files that stay the same are stored once.
    """
    manifest = {path: sha256_hex(content) for path, content in release.files.items()}
    return orjson.dumps(manifest), {manifest[path]: content for path, content in release.files.items()}
