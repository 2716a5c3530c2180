"""Values to store, with only what a test cares about said."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from remit.domain.clock import Instant
from remit.domain.facts import ApprovalState, Progress, Scope, ScopeKind, Spend, Stop, StopKind, scope_id
from remit.domain.ids import (
    ActionId,
    AgentName,
    ApprovalId,
    BudgetName,
    GroupName,
    KeyId,
    OwnerId,
    ReleaseId,
    RunId,
    TeamName,
    UserId,
    WorkspaceName,
)
from remit.domain.record import Record, RecordKind
from remit.domain.release import BudgetUnit, Release
from remit.domain.run import Run
from remit.storage.port import Approval, OpenAction, Reservation, Store, Transactions, Wanted, Writes

HERE, THERE = WorkspaceName("here"), WorkspaceName("there")
RUN = RunId("run_1")
NOON = Instant(1_760_000_000_000_000)


@contextmanager
def transactions(store: Store) -> Iterator[Transactions]:
    opened = store.transactions()
    try:
        yield opened
    finally:
        opened.close()


def put(store: Store, writes: Writes) -> None:
    """Write something in a transaction of its own."""
    with transactions(store) as opened:
        opened.begin(Wanted())
        opened.commit(writes)


def agent_scope(name: str = "buyer", spent: int = 0, in_flight: int = 0) -> Scope:
    scope = Scope(scope_id(ScopeKind.AGENT, HERE, name), ScopeKind.AGENT, in_flight=in_flight)
    if spent:
        scope.spends[BudgetName("day")] = Spend(10, 20, spent)
    return scope


def run_scope(id: str = RUN, steps: int = 0) -> Scope:
    return Scope(scope_id(ScopeKind.RUN, HERE, id), ScopeKind.RUN, progress=Progress(steps=steps, calls={"t": steps}))


def freeze(reason: str = "smells") -> Stop:
    return Stop(StopKind.FREEZE, "user:sara", reason, NOON)


def record(key: str, workspace: WorkspaceName = HERE, run: str | None = None, **content: object) -> Record:
    run_id = None if run is None else RunId(run)
    return Record.of(workspace, 1, key, RecordKind.DECISION_MADE, NOON, run_id, content)


def approval(id: str, state: ApprovalState = ApprovalState.PENDING, at: int = NOON, digest: str = "d") -> Approval:
    return Approval(
        id=ApprovalId(id),
        workspace=HERE,
        run=RUN,
        agent=AgentName("buyer"),
        action=ActionId("act_1"),
        target="erp.pay",
        digest=digest,
        release=ReleaseId("rel_1"),
        on_behalf_of=UserId("user:x"),
        approvers=(GroupName("finance"), GroupName("legal")),
        state=state,
        created_at=Instant(at),
        expires_at=Instant(at + 1000),
        answers=({"by": "user:sara", "answer": "approved", "comment": "نعم"},),
    )


def open_action(id: str, owner: str = "own_1", workspace: WorkspaceName = HERE) -> OpenAction:
    held = Reservation(scope_id(ScopeKind.AGENT, HERE, "buyer"), BudgetName("day"), BudgetUnit.TOKENS, 10, 7)
    return OpenAction(
        ActionId(id), workspace, RUN, AgentName("buyer"), "erp.pay", OwnerId(owner), NOON, (held,), unknown=False
    )


def run(id: str, workspace: WorkspaceName = HERE, parent: str | None = None) -> Run:
    return Run(
        id=RunId(id),
        workspace=workspace,
        agent=AgentName("buyer"),
        team=TeamName("ops") if parent else None,
        release=ReleaseId("rel_1"),
        on_behalf_of=UserId("user:x"),
        purpose="شراء",
        started_at=NOON,
        key=KeyId(f"{workspace}/{id}"),
        parent=None if parent is None else RunId(parent),
        depth=1 if parent else 0,
        started_by="user:lina" if parent else "",
        follows=RunId("run_before") if parent else None,
        verified=parent is not None,
    )


def release(id: str, files: Mapping[str, bytes], workspace: WorkspaceName = HERE, at: int = NOON) -> Release:
    return Release(ReleaseId(id), workspace, files, "user:omar", "why", Instant(at))
