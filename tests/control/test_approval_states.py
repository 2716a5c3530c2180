"""Whatever happens in whichever order: approved is what the rules hold for, told again in the plainest of words."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from remit.control.approvals import voted
from remit.control.voices import AnswerRefused, Voice
from remit.domain.clock import MICROS_PER_SECOND, Instant
from remit.domain.facts import ApprovalState
from remit.domain.ids import ActionId, AgentName, ApprovalId, GroupName, ReleaseId, RunId, UserId, WorkspaceName
from remit.domain.oversight import Requirement, Turn, Vote, requirements_of, standing
from remit.domain.release import Group, OnExpiry, Order
from remit.storage.approval import Approval, Edit, course_from

PEOPLE = [UserId(f"user:p{number}") for number in range(6)]
NAMES = [GroupName(name) for name in ("a", "b", "c", "d")]
BOARD = GroupName("board")
DAY_S = 100


@st.composite
def known(draw: st.DrawFn) -> dict[GroupName, Group]:
    """Four groups, some of which pass on to a later one, and a board of some of them."""
    found: dict[GroupName, Group] = {}
    for index, name in enumerate(NAMES):
        members = tuple(sorted(draw(st.sets(st.sampled_from(PEOPLE), min_size=1, max_size=4))))
        after = draw(st.sampled_from([None, *NAMES[index + 1 :]]))
        found[name] = Group(
            name,
            members,
            draw(st.integers(1, min(2, len(members)))),
            draw(st.sampled_from([None, 10, 30])),
            OnExpiry.EXPIRE if after is None else OnExpiry.ESCALATE,
            after,
        )
    parts = tuple(draw(st.lists(st.sampled_from(NAMES), min_size=2, max_size=3, unique=True)))
    found[BOARD] = Group(BOARD, groups=parts, order=draw(st.sampled_from(list(Order))))
    return found


Given = tuple[UserId, GroupName, int]
"""Who counts, for which group, when."""


def seat_is_filled(seat: tuple[Turn, ...], votes: list[Given], begins: int) -> bool:
    """A group that has had its turn has as many different people as it needs, all before the seat was over."""
    starts = [begins]
    for turn in seat:
        starts.append(starts[-1] + turn.lasts_s * MICROS_PER_SECOND)
    for turn, start in zip(seat, starts[:-1], strict=True):
        people = {person for person, group, at in votes if group == turn.group and start <= at < starts[-1]}
        if len(people) >= turn.quorum:
            return True
    return False


def is_fulfilled(order: Order, seats: tuple[tuple[Turn, ...], ...], votes: list[Given], begins: int) -> bool:
    if order is Order.ANY:
        return any(seat_is_filled(seat, votes, begins) for seat in seats)
    if order is Order.ALL:
        return all(seat_is_filled(seat, votes, begins) for seat in seats)
    if not seats:
        return True
    return any(
        seat_is_filled(seats[0], votes[:count], begins)
        and is_fulfilled(order, seats[1:], votes[count:], votes[count - 1][2])
        for count in range(1, len(votes) + 1)
    )


class Answering(RuleBasedStateMachine):
    @initialize(groups=known(), named=st.sets(st.sampled_from([*NAMES, BOARD]), min_size=1, max_size=2))
    def begin(self, groups: dict[GroupName, Group], named: set[GroupName]) -> None:
        self.groups = groups
        self.now = 0
        self.given: list[Given] = []
        self.heard: list[UserId] = []
        self.rejected = False
        rules = requirements_of(sorted(named), groups, DAY_S)
        self.approval = Approval(
            id=ApprovalId("apr_1"),
            workspace=WorkspaceName("w"),
            run=RunId("run_1"),
            agent=AgentName("buyer"),
            action=ActionId("act_1"),
            target="erp.pay",
            digest="0",
            release=ReleaseId("rel_1"),
            on_behalf_of=UserId("user:x"),
            approvers=tuple(sorted(named)),
            state=ApprovalState.PENDING,
            created_at=Instant(0),
            expires_at=Instant(DAY_S * MICROS_PER_SECOND),
            requirements=rules,
        ).weighed(Instant(0))

    @rule(seconds=st.sampled_from([0, 1, 9, 10, 25, 60]))
    def wait(self, seconds: int) -> None:
        self.now += seconds * MICROS_PER_SECOND
        if self.now % 2:  # somebody looks, or nobody does: it makes no difference
            self.approval = self.approval.lapsed(Instant(self.now))

    @rule(
        by=st.sampled_from(PEOPLE),
        absent=st.one_of(st.none(), st.sampled_from(PEOPLE)),
        wanted=st.one_of(st.none(), st.sampled_from(NAMES)),
        approve=st.integers(0, 9),
    )
    def answer(self, by: UserId, absent: UserId | None, wanted: GroupName | None, approve: int) -> None:
        now = Instant(self.now)
        person = absent or by
        groups = frozenset(name for name in NAMES if person in self.groups[name].members)
        approval = self.approval.lapsed(now)
        if approval.state is not ApprovalState.PENDING or not groups:
            return
        try:
            voice = Voice(by, person, groups)
            self.approval = voted(approval, voice, now, approve=approve > 0, comment="", group=wanted)
        except AnswerRefused:
            return
        self.heard += sorted({by, person})
        self.rejected = approve == 0
        if approve:
            last: Any = self.approval.answers[-1]
            (group,) = last["groups"]
            assert person in self.groups[group].members
            self.given.append((person, group, self.now))

    @precondition(lambda self: self.approval.state is ApprovalState.PENDING and self.approval.edition < 3)
    @rule()
    def edit(self) -> None:
        lapsed = self.approval.lapsed(Instant(self.now))
        if lapsed.state is not ApprovalState.PENDING:
            return
        edit = Edit(f"edt_{self.now}", PEOPLE[0], Instant(self.now), lapsed.digest)
        changed = replace(lapsed, digest=str(lapsed.edition + 1), edits=(*lapsed.edits, edit), escalations=())
        self.approval = changed.weighed(Instant(self.now))
        self.given, self.heard = [], []

    @invariant()
    def nobody_counts_twice(self) -> None:
        assert len(self.heard) == len(set(self.heard))

    @invariant()
    def approved_is_what_the_rules_hold_for(self) -> None:
        since = int(self.approval.since)
        holds = all(is_fulfilled(each.order, each.seats, self.given, since) for each in self.approval.requirements)
        assert (self.approval.state is ApprovalState.APPROVED) is (holds and not self.rejected)

    @invariant()
    def as_many_are_given_as_are_needed_once_it_is_fulfilled_and_never_before(self) -> None:
        seen = self.approval.standing(Instant(self.now))
        assert 0 <= seen.given <= seen.needed
        assert seen.fulfilled == (seen.given == seen.needed)

    @invariant()
    def time_is_told_beforehand(self) -> None:
        """Until `due_at` nothing changes, and who looks late sees what they would have seen had they looked early."""
        now = Instant(self.now)
        lapsed = self.approval.lapsed(now)
        if self.approval.due_at is not None and now < self.approval.due_at:
            assert lapsed == self.approval
        if self.approval.state is ApprovalState.PENDING and self.approval.due_at is not None:
            early = self.approval.lapsed(self.approval.due_at).lapsed(Instant(self.now + 10**9))
            assert early == self.approval.lapsed(Instant(self.now + 10**9))

    @invariant()
    def what_is_stored_comes_back(self) -> None:
        assert replace(self.approval, **course_from(self.approval.course())) == self.approval


Answering.TestCase.settings = settings(max_examples=100, stateful_step_count=25, deadline=None)
TestAnswering = Answering.TestCase


def test_an_escalation_never_takes_the_same_group_twice() -> None:
    circle = {name: Group(name, escalate_to=after) for name, after in pairwise([*NAMES, NAMES[0]])}
    (found,) = requirements_of([NAMES[0]], circle, DAY_S)
    assert [turn.group for turn in found.seats[0]] == NAMES


def test_a_group_that_waits_in_a_chain_answers_for_nothing_else_before() -> None:
    a, b = NAMES[:2]
    known = {name: Group(name, (PEOPLE[0], PEOPLE[1])) for name in (a, b)}
    known[BOARD] = Group(BOARD, groups=(a, b), order=Order.CHAIN)
    rules, start = requirements_of([b, BOARD], known, DAY_S), Instant(0)
    before = standing(rules, start, (), start)
    assert (before.asked, before.open) == ((a,), (a,))
    after = standing(rules, start, (Vote(PEOPLE[0], a, start),), start)
    assert (after.asked, after.open) == ((a, b), (b,))


def test_what_a_group_said_for_itself_fills_no_seat_that_passes_to_it_later() -> None:
    a, b = NAMES[:2]
    known = {a: Group(a, (PEOPLE[0],), escalate_to=b), b: Group(b, (PEOPLE[1], PEOPLE[2]))}
    known[BOARD] = Group(BOARD, groups=(a, b))
    rules, start, later = requirements_of([BOARD], known, DAY_S), Instant(0), Instant(DAY_S * MICROS_PER_SECOND)
    (seat, _) = rules[0].seats
    rules = (replace(rules[0], seats=(seat, (replace(seat[1], lasts_s=3 * DAY_S),))),)
    early = Vote(PEOPLE[1], b, start)
    assert standing(rules, start, (early,), start).open == (a,)
    assert standing(rules, start, (early,), later).open == (a, b)
    assert standing(rules, start, (early, Vote(PEOPLE[2], b, later)), later).fulfilled


def test_votes_are_counted_by_people_and_by_the_shortest_way() -> None:
    a, b = NAMES[:2]
    known = {a: Group(a, (PEOPLE[0], PEOPLE[1]), quorum=2), b: Group(b, (PEOPLE[2],))}
    start = Instant(0)
    first, again, second = (Vote(person, a, start) for person in (PEOPLE[0], PEOPLE[0], PEOPLE[1]))
    came_to = {}
    for order in Order:
        known[BOARD] = Group(BOARD, groups=(a, b), order=order)
        rules = requirements_of([BOARD], known, DAY_S)
        seen = [standing(rules, start, votes, start) for votes in ((), (first, again), (first, second))]
        came_to[order] = [(each.given, each.needed) for each in seen]
    assert came_to == {
        Order.ALL: [(0, 3), (1, 3), (2, 3)],
        Order.CHAIN: [(0, 3), (1, 3), (2, 3)],
        Order.ANY: [(0, 1), (1, 2), (2, 2)],
    }


def test_without_a_group_nothing_is_ever_fulfilled() -> None:
    empty: tuple[Requirement, ...] = ()
    approval: Any = replace(_bare(), requirements=empty, approvers=())
    assert approval.weighed(Instant(0)).state is ApprovalState.PENDING


def _bare() -> Approval:
    machine = Answering()
    machine.begin({name: Group(name, (PEOPLE[0],)) for name in NAMES}, {NAMES[0]})
    return machine.approval
