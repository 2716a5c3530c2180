"""Who must still approve: the groups' rules, and what they come to at an instant. Pure.

A decision names the groups that must answer. What their rules were at that time is kept with the approval as
requirements, one for each of these groups, and all of them must be fulfilled. A requirement has one seat, or where its
group is made of groups, one for each of those. A seat passes from one group to the next as their times run out; whoever
had it before may still answer. So what is due when follows from the votes alone, whoever looks and however late.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from remit.domain.clock import MICROS_PER_SECOND, Instant
from remit.domain.ids import GroupName, UserId
from remit.domain.release import Group, Order


@dataclass(frozen=True, slots=True)
class Turn:
    """A group's turn on a seat: how many of it must approve, and how long it has the seat."""

    group: GroupName
    quorum: int
    lasts_s: int


@dataclass(frozen=True, slots=True)
class Requirement:
    """What one group that a decision names asks for. Each seat is its turns, in order; there is at least one."""

    group: GroupName
    order: Order
    seats: tuple[tuple[Turn, ...], ...]

    def as_json(self) -> dict[str, object]:
        """Return the form that is stored and recorded."""
        seats = [[[turn.group, turn.quorum, turn.lasts_s] for turn in seat] for seat in self.seats]
        return {"group": self.group, "order": self.order.value, "seats": seats}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Requirement:
        """Read the stored form."""
        seats = tuple(tuple(Turn(*turn) for turn in seat) for seat in data["seats"])
        return cls(data["group"], Order(data["order"]), seats)


@dataclass(frozen=True, slots=True)
class Vote:
    """An approval of exactly the arguments as they stand. `person` is who counts: whom a delegate stands in for."""

    person: UserId
    group: GroupName
    at: Instant


@dataclass(frozen=True, slots=True)
class Escalation:
    """A seat that passed on, since the group that had it did not answer in time."""

    group: GroupName
    to: GroupName
    at: Instant


@dataclass(frozen=True, slots=True)
class Standing:
    """How requirements stand at an instant.

    Attributes:
        fulfilled: every requirement is; never where there are none.
        missing: groups that must still approve, now or later.
        asked: groups that may answer now, sorted; `open` are those of them that may approve, the others can but reject.
        escalations: those that have happened.
        next_at: when time alone changes something next; None where nothing is left to wait for.
        ends_at: when they can not be fulfilled any more, if nobody else approves; None as above.
        given, needed: how many approvals of people there are of those that must be; where several ways lead there,
            those of the shortest.
    """

    fulfilled: bool
    missing: frozenset[GroupName]
    asked: tuple[GroupName, ...]
    open: tuple[GroupName, ...]
    escalations: tuple[Escalation, ...]
    next_at: Instant | None
    ends_at: Instant | None
    given: int
    needed: int


def requirements_of(
    groups: Iterable[GroupName], known: Mapping[GroupName, Group], default_s: int
) -> tuple[Requirement, ...]:
    """Return what the named groups ask for under a release's rules. `default_s`: how long a group has by default."""
    found = []
    for name in groups:
        group = known.get(name, Group(name))
        seats = tuple(tuple(_turns(part, known, default_s)) for part in group.groups or (name,))
        found.append(Requirement(name, group.order, seats))
    return tuple(found)


def _turns(name: GroupName, known: Mapping[GroupName, Group], default_s: int) -> Iterator[Turn]:
    seen: set[GroupName] = set()
    following: GroupName | None = name
    while following is not None and following not in seen:
        seen.add(following)
        group = known.get(following, Group(following))
        yield Turn(following, group.quorum, default_s if group.expires_after_s is None else group.expires_after_s)
        following = group.escalate_to


def standing(requirements: Sequence[Requirement], since: Instant, votes: Sequence[Vote], now: Instant) -> Standing:
    """Work out how requirements stand, given the votes in the order they were given, all after `since`."""
    seen = [_of_requirement(each, since, votes, now) for each in requirements]
    unmet = [each for each in seen if not each.met]
    waiting = {group for each in unmet for group in each.waiting}
    asked = {group for each in seen for group in each.asked} - waiting
    may_approve = {group for each in unmet for seat in each.seats for group in seat.open(now)}
    ends = [each.ends_at for each in unmet if each.ends_at is not None]
    ends_at = min(ends, default=None)
    passing = {seat.next_at(now) for each in unmet for seat in each.seats} - {None}
    escalations = {escalation for each in seen for seat in each.seats for escalation in seat.escalations(now)}
    return Standing(
        fulfilled=bool(seen) and not unmet,
        missing=frozenset(group for each in unmet for group in each.missing(now)),
        asked=tuple(sorted(asked)),
        open=tuple(sorted(may_approve & asked)),
        escalations=tuple(sorted(escalations, key=lambda escalation: (escalation.at, escalation.group))),
        next_at=min((Instant(at) for at in (*passing, ends_at) if at is not None and at > now), default=ends_at),
        ends_at=ends_at,
        given=sum(each.count.given for each in seen),
        needed=sum(each.count.needed for each in seen),
    )


@dataclass(frozen=True, slots=True)
class _Count:
    """How many different people have approved, of how many that must."""

    given: int
    needed: int

    @property
    def left(self) -> int:
        return self.needed - self.given


@dataclass(frozen=True, slots=True)
class _Seat:
    """A seat whose turn has come: when each of its turns begins, when the last ends, and the vote that filled it.

    `counts` are those of its turns.
    """

    turns: tuple[Turn, ...]
    opens: tuple[int, ...]
    ends: int
    filled: int | None
    filled_at: int | None
    counts: tuple[_Count, ...]

    @property
    def nearest(self) -> _Count:
        return min(self.counts, key=lambda count: count.left)

    def asked(self, now: Instant) -> Iterator[GroupName]:
        if self.filled is None and now >= self.ends:
            return
        until = now if self.filled_at is None else self.filled_at
        for turn, opens in zip(self.turns, self.opens, strict=True):
            if opens <= until:
                yield turn.group

    def open(self, now: Instant) -> Iterator[GroupName]:
        if self.filled is None:
            yield from self.asked(now)

    def escalations(self, now: Instant) -> Iterator[Escalation]:
        until = now if self.filled_at is None else self.filled_at
        for before, turn, opens in zip(self.turns, self.turns[1:], self.opens[1:], strict=False):
            if opens <= until:
                yield Escalation(before.group, turn.group, Instant(opens))

    def next_at(self, now: Instant) -> int | None:
        later = [at for at in (*self.opens, self.ends) if at > now]
        return min(later) if later and self.filled is None else None


@dataclass(frozen=True, slots=True)
class _Seen:
    """A requirement at an instant: the seats whose turn has come, and the groups of those that wait for theirs."""

    order: Order
    seats: tuple[_Seat, ...]
    waiting: tuple[GroupName, ...]
    asked: tuple[GroupName, ...]
    met: bool
    ends_at: Instant | None
    count: _Count

    def missing(self, now: Instant) -> Iterator[GroupName]:
        for seat in self.seats:
            if seat.filled is None:
                yield from tuple(seat.open(now)) or (seat.turns[0].group,)
        yield from self.waiting


def _of_requirement(requirement: Requirement, since: Instant, votes: Sequence[Vote], now: Instant) -> _Seen:
    seats: list[_Seat] = []
    first, begins = 0, int(since)
    for turns in requirement.seats:
        seat = _of_seat(turns, begins, votes, first)
        seats.append(seat)
        if requirement.order is Order.CHAIN:
            if seat.filled is None or seat.filled_at is None:
                break
            first, begins = seat.filled + 1, seat.filled_at
    filled = [seat.filled is not None for seat in seats]
    is_met = any(filled) if requirement.order is Order.ANY else len(seats) == len(requirement.seats) and all(filled)
    ends = [seat.ends for seat in seats if seat.filled is None]
    last = (max if requirement.order is Order.ANY else min)(ends, default=None)
    later = requirement.seats[len(seats) :]
    counts = [seat.nearest for seat in seats] + [_Count(0, turns[0].quorum) for turns in later]
    if requirement.order is Order.ANY:
        counts = [min(counts, key=lambda count: count.left)]
    return _Seen(
        order=requirement.order,
        seats=tuple(seats),
        waiting=tuple(turns[0].group for turns in later),
        asked=tuple(group for seat in seats for group in seat.asked(now)),
        met=is_met,
        ends_at=None if is_met or last is None else Instant(last),
        count=_Count(sum(count.given for count in counts), sum(count.needed for count in counts)),
    )


def _of_seat(turns: tuple[Turn, ...], begins: int, votes: Sequence[Vote], first: int) -> _Seat:
    opens = [begins]
    for turn in turns:
        opens.append(opens[-1] + turn.lasts_s * MICROS_PER_SECOND)
    had = tuple(zip(turns, opens, strict=False))
    filled = min((index for turn, at in had for index in _filling(turn, at, votes, first)), default=None)
    filled_at = None if filled is None else int(votes[filled].at)
    counts = tuple(_Count(min(turn.quorum, len(_people(turn, at, votes[first:]))), turn.quorum) for turn, at in had)
    return _Seat(turns, tuple(opens[:-1]), opens[-1], filled, filled_at, counts)


def _people(turn: Turn, opens: int, votes: Sequence[Vote]) -> set[UserId]:
    return {vote.person for vote in votes if vote.group == turn.group and vote.at >= opens}


def _filling(turn: Turn, opens: int, votes: Sequence[Vote], first: int) -> Iterator[int]:
    """Yield the vote that makes a quorum of a group, if there is one: of different people, since it has its turn.

    What a group has said for a seat of its own before this one passed to it does not count here as well.
    """
    people: set[UserId] = set()
    for index, vote in enumerate(votes[first:], first):
        if vote.group == turn.group and vote.at >= opens:
            people.add(vote.person)
            if len(people) == turn.quorum:
                yield index
                return
