"""What an approver sees of an approval: made by Remit from arguments, records and releases, never an agent's prose.

Whoever is in a group that must answer, an auditor and an admin read the arguments; everybody else of the workspace gets
the same detail without them. What is read is on record before it is shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import orjson

from remit.control.concerned import Concerned, Rules
from remit.control.origins import MAX_BYTES, Earlier, Origin, edited, origins
from remit.control.payload_reads import PayloadReads
from remit.control.sides import Tie
from remit.domain.action import ActionKind, Cost
from remit.domain.canonical import salted_digest
from remit.domain.clock import MICROS_PER_SECOND, Clock, Instant
from remit.domain.decision import Decision
from remit.domain.facts import scope_id
from remit.domain.finding import Finding
from remit.domain.identity import Role
from remit.domain.ids import ActionId, ApprovalId, ReleaseId, UserId, WorkspaceName
from remit.domain.messages import telling
from remit.domain.payload import ARGUMENTS, RESULT, TASK
from remit.domain.release import ArgumentRole, Budget, Title, Tool
from remit.domain.run import Run
from remit.domain.title import NEVER_SHOWN, our_title, titled, visible
from remit.kernel.checks.budget import amount_in
from remit.kernel.ruleset import Ruleset
from remit.policy.derived import BadExpression, DerivedError, DerivedFields
from remit.storage.approval import Approval
from remit.storage.approval_history import ApprovalHistory
from remit.storage.port import SealedPayload, Store
from remit.storage.sealed import PayloadLost

SIMILAR_DAYS = 30
MAX_SIMILAR = 1_000
"""Requests of the last days that are counted."""
NEWEST = 5
"""Of them, those that are listed."""
MAX_STEPS = 50
"""Actions of the path that are listed, and looked through for where a value came from."""

READERS = frozenset({Role.AUDITOR, Role.ADMIN})
"""Who reads arguments of every approval; approvers read those they must answer."""


class DetailRefused(Exception):
    """What is kept is not what was asked for. The message says why."""


class Withheld(StrEnum):
    """Why arguments are not shown."""

    NOT_YOURS = "not_yours"
    """The person is in no group that must answer, and neither auditor nor admin."""
    ERASED = "erased"
    """The data subject was erased."""
    NOT_KEPT = "not_kept"


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument. One that `is_masked` is secret: its value is not here."""

    name: str
    role: ArgumentRole | None
    value: object
    is_masked: bool
    origins: tuple[Origin, ...]


@dataclass(frozen=True, slots=True)
class Looked:
    """What was read of sealed payloads. `task` is what the agent says it was told to do."""

    withheld: Withheld | None
    arguments: tuple[Argument, ...] = ()
    task: str = ""
    title: Title = Title("")


@dataclass(frozen=True, slots=True)
class Step:
    """An earlier action of the run."""

    action: str
    target: str
    state: str
    at: int
    outcome: str
    cost: Mapping[str, int | None]


@dataclass(frozen=True, slots=True)
class Similar:
    """Requests of the same agent for the same tool in the last `days`, this one not counted."""

    days: int
    counts: Mapping[str, int]
    newest: tuple[Approval, ...]


@dataclass(frozen=True, slots=True)
class BudgetStanding:
    """A budget that this action counts against: used now, and when it is admitted at its worst case."""

    budget: Budget
    before: int
    after: int | None


@dataclass(frozen=True, slots=True)
class ApprovalDetail:
    """All that is shown of an approval.

    Attributes:
        title: made by Remit from the arguments; without them, of effect and name.
        tool: None for a model call, and where the release no longer knows it.
        path: the actions before it, oldest first; `has_earlier` where there were more.
        findings: why it is held.
        tie: why who looks may not answer, where they are approvers and of the requester's side.
    """

    approval: Approval
    title: Title
    tool: Tool | None
    looked: Looked
    purpose: str
    findings: tuple[Finding, ...]
    path: tuple[Step, ...]
    has_earlier: bool
    similar: Similar
    budgets: tuple[BudgetStanding, ...]
    tie: Tie | None


class Details:
    """Details of the approvals of one database."""

    def __init__(self, store: Store, history: ApprovalHistory, reads: PayloadReads, rules: Rules, clock: Clock) -> None:
        self._store = store
        self._history = history
        self._reads = reads
        self._rules = rules
        self._clock = clock

    def of(self, approval: Approval, person: UserId, roles: Iterable[Role]) -> ApprovalDetail:
        """Return what a person sees of an approval.

        Raises DetailRefused where the arguments kept are not those of the approval's digest, and whatever `rules` does.
        """
        roles = frozenset(roles)
        rules = self._rules(approval.workspace, approval.release)
        tool = rules.tool(approval.target)
        run = self._store.run(approval.run)
        earlier = self._history.decided(approval.workspace, approval.run, approval.action, MAX_STEPS + 1)
        steps = [orjson.loads(body) for body in earlier][-MAX_STEPS:]
        if self.is_reader(approval, person, roles) and run is not None:
            looked = self._looked(approval, run, tool, person, steps)
        else:
            looked = Looked(Withheld.NOT_YOURS)
        body = self._store.record(approval.workspace, f"{approval.action}/decision")
        record: dict[str, Any] = {} if body is None else orjson.loads(body)
        return ApprovalDetail(
            approval=approval,
            title=looked.title if looked.title.en else title_without(tool, approval.target),
            tool=tool,
            looked=looked,
            purpose="" if run is None else run.purpose,
            findings=tuple(telling(Decision.from_json(record["decision"]).reasons)) if record else (),
            path=tuple(self._path(approval.workspace, steps)),
            has_earlier=len(earlier) > MAX_STEPS,
            similar=self._similar(approval),
            budgets=tuple(self._budgets(rules, run, record)) if run is not None and record else (),
            tie=self._concerned(approval, person).tie(approval) if Role.APPROVER in roles else None,
        )

    def is_reader(self, approval: Approval, person: UserId, roles: Iterable[Role]) -> bool:
        """Tell whether a person may read the arguments of an approval.

        A group's member must be one in the release that asked and in the one that is active now; who stands in for a
        member reads as they do.
        """
        if READERS & frozenset(roles):
            return True
        return self._concerned(approval, person).reads(approval)

    def _concerned(self, approval: Approval, person: UserId) -> Concerned:
        return Concerned(self._store, self._rules, approval.workspace, person, self._clock.now())

    # -- what is sealed

    def _looked(
        self, approval: Approval, run: Run, tool: Tool | None, person: UserId, steps: Sequence[dict[str, Any]]
    ) -> Looked:
        try:
            arguments = self._reads.sealed(approval.payload, ARGUMENTS)
            task = self._reads.sealed(approval.run, TASK)
            before = kept_before(self._reads, steps)
            first = self._reads.sealed(approval.action, ARGUMENTS) if approval.edits else None
        except PayloadLost:
            return Looked(Withheld.ERASED)
        if arguments is None:
            return Looked(Withheld.NOT_KEPT)
        searched = [payload for _, *both in before for payload in both if payload is not None]
        searched += [] if first is None else [first]
        shown = [arguments] if task is None else [arguments, task]
        why: dict[str, object] = {"approval": approval.id, "run_id": approval.run}
        self._reads.record(approval.workspace, person, why, shown, searched)
        try:
            return self._opened(approval, run, tool, arguments, task, before, first)
        except PayloadLost as error:
            raise DetailRefused(f"{error}: do not answer approval {approval.id}") from error

    def _opened(
        self,
        approval: Approval,
        run: Run,
        tool: Tool | None,
        sealed: SealedPayload,
        task: SealedPayload | None,
        before: Sequence[Kept],
        first: SealedPayload | None,
    ) -> Looked:
        arguments = arguments_of(self._reads, approval, run, sealed)
        said = "" if task is None else self._reads.open(task).decode("utf-8", "replace")
        roles = {} if tool is None else tool.roles
        open_ones = {name: value for name, value in arguments.items() if roles.get(name) not in NEVER_SHOWN}
        traced = origins(open_ones, said, opened_before(self._reads, before))
        if first is not None:
            traced = edited(traced, open_ones, orjson.loads(self._reads.open(first)))
        shown = tuple(argument_of(name, value, roles.get(name), traced) for name, value in arguments.items())
        return Looked(None, shown, said, title_of(tool, approval.target, arguments))

    # -- what is on record

    def _path(self, workspace: WorkspaceName, steps: Sequence[dict[str, Any]]) -> Iterator[Step]:
        told = self._history.outcomes(workspace, [ActionId(step["action"]) for step in steps])
        for step in steps:
            body = told.get(ActionId(step["action"]))
            outcome: dict[str, Any] = {} if body is None else orjson.loads(body)
            yield Step(
                action=step["action"],
                target=step["target"],
                state=step["state"],
                at=step["at"],
                outcome=outcome.get("status", ""),
                cost=outcome.get("cost") or step["cost"],
            )

    def _similar(self, approval: Approval) -> Similar:
        now = self._clock.now()
        since = Instant(now - SIMILAR_DAYS * 86_400 * MICROS_PER_SECOND)
        found = self._history.similar(approval.workspace, approval.agent, approval.target, since, MAX_SIMILAR)
        others = [each.lapsed(now) for each in found if each.id != approval.id]
        counts = Counter(each.state.value for each in others)
        return Similar(SIMILAR_DAYS, dict(counts), tuple(others[:NEWEST]))

    def _budgets(self, rules: Ruleset, run: Run, record: Mapping[str, Any]) -> Iterator[BudgetStanding]:
        cost, now = Cost.from_json(record["cost"]), self._clock.now()
        names = {"workspace": "", "team": run.team, "agent": run.agent, "user": run.on_behalf_of, "run": run.id}
        for charge in rules.charges(run.agent):
            name = names[charge.scope.value]
            if not charge.applies_to(run.on_behalf_of) or name is None:
                continue
            scope = self._store.scope(scope_id(charge.scope, run.workspace, name))
            spend = None if scope is None else scope.spends.get(charge.budget.name)
            holds = spend is not None and (spend.end == 0 or now < spend.end)  # else its window is over
            before = spend.used if spend is not None and holds else 0
            asked = amount_in(charge.budget.unit, cost)
            yield BudgetStanding(charge.budget, before, None if asked is None else before + asked)


Kept = tuple[dict[str, Any], SealedPayload | None, SealedPayload | None]
"""An earlier action's record with its sealed arguments and result."""


def kept_of(reads: PayloadReads, step: dict[str, Any]) -> Kept | None:
    """Return what is kept of an action; None where nothing is. Raises PayloadLost."""
    id = step["action"]
    arguments, result = reads.sealed(id, ARGUMENTS), reads.sealed(id, RESULT)
    return None if arguments is None and result is None else (step, arguments, result)


def kept_before(reads: PayloadReads, steps: Sequence[dict[str, Any]]) -> Sequence[Kept]:
    """Return what is kept of earlier actions: of the latest, as much as is looked through. Raises PayloadLost."""
    return _within([kept for step in steps if (kept := kept_of(reads, step))], MAX_BYTES)


def opened_before(reads: PayloadReads, before: Sequence[Kept]) -> Iterator[Earlier]:
    """Open what earlier actions were given and gave back. That it is read is on record before. Raises PayloadLost."""
    for step, arguments, result in before:
        given = b"" if arguments is None else reads.open(arguments)
        gave = b"" if result is None else reads.open(result)
        yield Earlier(ActionId(step["action"]), step["target"], given, gave)


def arguments_of(reads: PayloadReads, approval: Approval, run: Run, sealed: SealedPayload) -> dict[str, object]:
    """Open the arguments of an approval, and no others. That they are read is the caller's to put on record first.

    Raises DetailRefused where their digest is another, PayloadLost.
    """
    raw, salt = reads.open(sealed), reads.salt(run)
    kinds = (kind.encode() for kind in ActionKind)
    if approval.digest not in {salted_digest(salt, kind, approval.target.encode(), raw) for kind in kinds}:
        raise DetailRefused(
            f"what is kept as the arguments of approval {approval.id} has another digest than the approval:"
            " somebody changed one of them, so do not answer it"
        )
    arguments: dict[str, object] = orjson.loads(raw)
    return arguments


def releases_of(store: Store, approval: Approval) -> tuple[ReleaseId, ...]:
    """Return the release that asked, and those active now where it once was."""
    where = approval.workspace
    active = {
        past[0].release
        for channel in store.channels(where)
        if (past := store.activations(where, channel))
        and any(activation.release == approval.release for activation in past)
    }
    return (approval.release, *sorted(active - {approval.release}))


def approval_link(public_url: str, approval: ApprovalId) -> str:
    """Return where a person looks at an approval and answers it."""
    return f"{public_url}/approvals/{approval}"


def title_of(
    tool: Tool | None,
    target: str,
    arguments: Mapping[str, object],
    hidden: frozenset[ArgumentRole] = NEVER_SHOWN,
) -> Title:
    """Return the title of a call in both languages; nothing in it follows from an argument of a hidden role."""
    if tool is None:
        return title_without(None, target)
    derived = _derived(tool, visible(tool, arguments, hidden))
    return Title(titled(tool, arguments, derived, "en", hidden), titled(tool, arguments, derived, "ar", hidden))


def title_without(tool: Tool | None, target: str) -> Title:
    """Return the title of a call whose arguments are not shown, in both languages."""
    effect = None if tool is None else tool.effect
    return Title(our_title(effect, target), our_title(effect, target, "ar"))


def _derived(tool: Tool, arguments: Mapping[str, object]) -> dict[str, object]:
    """Compute each derived field by itself: one that needs a hidden argument is left out, and no other."""
    found: dict[str, object] = {}
    for field in tool.derived:
        try:
            found.update(DerivedFields.of(replace(tool, derived=(field,))).values(arguments))
        except (DerivedError, BadExpression):
            continue
    return found


def argument_of(name: str, value: object, role: ArgumentRole | None, traced: Sequence[Origin]) -> Argument:
    """Return one argument as it may be shown, with where it came from."""
    if role in NEVER_SHOWN:
        return Argument(name, role, None, True, ())
    own = (origin for origin in traced if origin.path == name or origin.path.startswith((f"{name}.", f"{name}[")))
    return Argument(name, role, value, False, tuple(own))


def _within(before: Sequence[Kept], most: int) -> Sequence[Kept]:
    """Return as many of the latest as have no more than `most` bytes together."""
    kept: list[Kept] = []
    for entry in reversed(before):
        most -= sum(len(payload.sealed) for payload in entry[1:] if payload is not None)
        if most < 0:
            break
        kept.insert(0, entry)
    return kept
