"""Tell approvers that something waits for them: once each, at least once, and in the end whether it failed.

What is to be told is read from committed records behind a cursor, as the sealer reads them: admission writes nothing
more for it, and a server that dies in between reads on where the last one stopped.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import orjson

from remit.control.approval_detail import (
    DetailRefused,
    approval_link,
    arguments_of,
    releases_of,
    title_of,
    title_without,
)
from remit.control.delivery import Delivery, NotDelivered
from remit.control.payload_reads import PayloadReads
from remit.control.sides import side_of
from remit.domain.clock import MICROS_PER_SECOND, Clock, Instant
from remit.domain.facts import ApprovalState
from remit.domain.ids import ApprovalId, GroupName, OwnerId, ReleaseId, UserId, WorkspaceName
from remit.domain.notice import Message, Notice, NoticeReason, NoticeState, message
from remit.domain.payload import ARGUMENTS
from remit.domain.record import RecordKind
from remit.domain.release import Configuration, Title, Tool
from remit.domain.title import NEVER_SENT, placeholders
from remit.storage.approval import Approval
from remit.storage.outbox import Outbox
from remit.storage.port import Store, StoreError
from remit.storage.sealed import PayloadLost

INTERVAL_S = 1.0
BATCH = 1_000
"""Records read, and notices sent, at a time."""
MAX_PAGES = 20
"""Pages of records that are read before anything is sent."""
LEASE_S = 120
"""How long one server has to send a notice before another may."""
FIRST_RETRY_S = 10
LONGEST_RETRY_S = 3_600
KEPT_DAYS = 90
"""How long notices that were sent, dropped or have failed are listed."""
FORGET_EVERY_S = 3_600
READER = "system:notifications"
"""Who reads arguments for titles, on record."""

KINDS = (
    RecordKind.DECISION_MADE,
    RecordKind.APPROVAL_ANSWERED,
    RecordKind.APPROVAL_ESCALATED,
    RecordKind.APPROVAL_EDITED,
)
"""Records after which other people may have to answer."""

Configurations = Callable[[WorkspaceName, ReleaseId], Configuration | None]
"""Returns what a release says, or None where it can not be read."""


@dataclass(frozen=True, slots=True)
class NoticeRules:
    """How notices are sent: where links lead, how often one is tried, how long before expiry all are told again.

    0 seconds before expiry: nobody is.
    """

    public_url: str
    tries: int = 8
    before_expiry_s: int = 0


class Notifier:
    """Fills the outbox of a database and sends what is in it. Used by one thread at a time."""

    def __init__(
        self,
        store: Store,
        outbox: Outbox,
        reads: PayloadReads,
        configurations: Configurations,
        delivery: Delivery,
        clock: Clock,
        owner: OwnerId,
        rules: NoticeRules,
    ) -> None:
        self._store = store
        self._outbox = outbox
        self._reads = reads
        self._configurations = configurations
        self._delivery = delivery
        self._clock = clock
        self._owner = owner
        self._rules = rules
        self._forget_at = 0

    # -- filling

    def fill(self) -> None:
        """Put into the outbox what records ask for, up to MAX_PAGES pages of each workspace, and what soon expires."""
        for workspace in self._store.workspaces():
            for _ in range(MAX_PAGES):
                if not self._read_on(workspace):
                    break
            if self._rules.before_expiry_s:
                self._outbox.add(list(self._expiring(workspace)))
        self._forget()

    def _forget(self) -> None:
        """Forget once an hour what was settled long ago: what it was about has expired since."""
        now = self._clock.now()
        if now >= self._forget_at:
            self._forget_at = now + FORGET_EVERY_S * MICROS_PER_SECOND
            self._outbox.forget(Instant(now - KEPT_DAYS * 86_400 * MICROS_PER_SECOND))

    def _read_on(self, workspace: WorkspaceName) -> bool:
        """Read one page of records; return whether there may be more."""
        before = self._outbox.cursor(workspace)
        after, bodies = self._outbox.committed(workspace, before, BATCH, [kind.value for kind in KINDS])
        if after == before:
            return False
        new = {notice.id: notice for body in bodies for notice in self._asked(body)}
        return self._outbox.fill(workspace, before, after, list(new.values())) and len(bodies) == BATCH

    def _asked(self, body: bytes) -> Iterator[Notice]:
        if b'"approval":"' not in body:  # most decisions hold nothing
            return
        record = orjson.loads(body)
        approval = self._store.approval(ApprovalId(record["approval"]))
        if approval is None:
            return
        is_escalated = record["kind"] == RecordKind.APPROVAL_ESCALATED.value
        yield from self._notices(approval, NoticeReason.ESCALATED if is_escalated else NoticeReason.ASKED)

    def _expiring(self, workspace: WorkspaceName) -> Iterator[Notice]:
        now, lead = self._clock.now(), self._rules.before_expiry_s * MICROS_PER_SECOND
        for approval in self._outbox.expiring(workspace, now, Instant(now + lead)):
            if approval.expires_at - approval.since > 2 * lead:  # one that lives shorter was told of just now
                yield from self._notices(approval, NoticeReason.EXPIRING)

    def _notices(self, approval: Approval, reason: NoticeReason) -> Iterator[Notice]:
        """Yield a notice for each address of those who may answer now; none of what nobody can answer any more."""
        now = self._clock.now()
        approval = approval.lapsed(now)
        if approval.state is not ApprovalState.PENDING:
            return
        about = f"{approval.id}/{approval.edition}"
        if reason is NoticeReason.EXPIRING:
            about += "/expiring"
        for recipient, address in self._addresses(approval, sorted(approval.standing(now).open)):
            yield Notice(
                id=f"{about}/{address}",
                workspace=approval.workspace,
                approval=approval.id,
                reason=reason,
                recipient=recipient,
                address=address,
                state=NoticeState.WAITING,
                tries=0,
                next_at=now,
                created_at=now,
            )

    def _addresses(self, approval: Approval, groups: Sequence[GroupName]) -> Iterator[tuple[str, str]]:
        """Yield recipients with their addresses: those of today's release."""
        found = [self._configurations(approval.workspace, id) for id in releases_of(self._store, approval)]
        releases = [each for each in found if each is not None]
        if len(releases) < len(found):
            return  # nobody can answer it either
        today = releases[-1]
        silent = {*side_of(self._store, approval, releases), *_heard(approval)}
        for group in groups:
            members = _members(releases, group) - silent
            if group in today.groups:
                yield from ((group, address) for address in today.groups[group].notify)
            for person in sorted((members | self._standing_in(approval, members)) - silent):
                known = today.people.get(person)
                yield from ((person, address) for address in (known.notify if known is not None else ()))

    def _standing_in(self, approval: Approval, members: Iterable[UserId]) -> set[UserId]:
        now = self._clock.now()
        return {
            each.delegate
            for each in self._store.delegations(approval.workspace)
            if each.person in members and each.holds_at(now)
        }

    # -- sending

    def send(self, is_over: Callable[[], bool] = bool) -> int:
        """Send what is due, up to BATCH notices or until `is_over`; return how many were settled here."""
        settled = 0
        for notice in self._outbox.due(self._clock.now(), BATCH):
            if is_over():
                break
            now = self._clock.now()
            if not self._outbox.lease(notice, self._owner, now, Instant(now + LEASE_S * MICROS_PER_SECOND)):
                continue
            self._outbox.settle(self._tried(notice), self._owner)
            settled += 1
        return settled

    def _tried(self, notice: Notice) -> Notice:
        approval = self._store.approval(notice.approval)
        if approval is None or approval.lapsed(self._clock.now()).state is not ApprovalState.PENDING:
            return replace(notice, state=NoticeState.DROPPED, problem="")
        try:
            self._delivery.send(notice.address, self._message(notice, approval))
        except NotDelivered as error:
            return self._failed(notice, error.code)
        return replace(notice, state=NoticeState.SENT, tries=notice.tries + 1, problem="")

    def _failed(self, notice: Notice, code: str) -> Notice:
        tries = notice.tries + 1
        if tries >= self._rules.tries:
            return replace(notice, state=NoticeState.FAILED, tries=tries, problem=code)
        wait_s = min(FIRST_RETRY_S * 2**notice.tries, LONGEST_RETRY_S)
        later = Instant(self._clock.now() + wait_s * MICROS_PER_SECOND)
        return replace(notice, tries=tries, next_at=later, problem=code)

    def _message(self, notice: Notice, approval: Approval) -> Message:
        link = approval_link(self._rules.public_url, approval.id)
        return message(notice.reason, self._title(notice, approval), approval.agent, approval.expires_at, link)

    def _title(self, notice: Notice, approval: Approval) -> Title:
        """Return the title without what never leaves Remit. Where arguments go into it, that is on record first."""
        configuration = self._configurations(approval.workspace, approval.release)
        tool: Tool | None = None
        if configuration is not None:
            tool = next((each for name, each in configuration.tools.items() if name == approval.target), None)
        ours = title_without(tool, approval.target)
        run = self._store.run(approval.run)
        if tool is None or tool.title is None or run is None:
            return ours
        if not placeholders(tool.title.en + tool.title.ar):
            return title_of(tool, approval.target, {}, NEVER_SENT)
        try:
            sealed = self._reads.sealed(approval.payload, ARGUMENTS)
            if sealed is None:
                return ours
            why: dict[str, object] = {"approval": approval.id, "run_id": approval.run, "to": notice.recipient}
            self._reads.record(approval.workspace, READER, why, [sealed], key=f"{notice.id}/read")
            return title_of(tool, approval.target, arguments_of(self._reads, approval, run, sealed), NEVER_SENT)
        except (PayloadLost, DetailRefused):
            return ours


def _members(releases: Sequence[Configuration], group: GroupName) -> frozenset[UserId]:
    """Return who is in a group in every one of the releases: only they may answer."""
    found = [frozenset(each.groups[group].members) if group in each.groups else frozenset() for each in releases]
    return frozenset.intersection(*found)


def _heard(approval: Approval) -> set[UserId]:
    """Return who has answered, or has been answered for."""
    return {UserId(str(said)) for each in approval.current for said in (each["by"], each.get("for")) if said}


class NotifyingThread:
    """Fills and sends once a second until it is closed. Failures of the database are told, and tried again."""

    def __init__(self, notifier: Notifier, tell: Callable[[str], None], interval_s: float = INTERVAL_S) -> None:
        self._notifier = notifier
        self._tell = tell
        self._interval_s = interval_s
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="remit-notifier", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End, after what is being sent; what is left waits for the next server."""
        self._closing.set()
        self._thread.join(LEASE_S)

    def _run(self) -> None:
        while not self._closing.wait(self._interval_s):
            try:
                self._notifier.fill()
                self._notifier.send(self._closing.is_set)
            except StoreError as error:
                self._tell(str(error))
