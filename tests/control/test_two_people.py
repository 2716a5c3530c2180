"""Where a workspace demands two people, nobody changes alone what agents may do, whichever way they take."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from remit.control.releases import ReleaseRefused
from remit.domain.identity import Role
from remit.domain.ids import ReleaseId, UserId
from remit.domain.record import RecordKind
from remit.domain.release import Release
from remit.workspace.files import Folder
from tests.api.office import office
from tests.worlds import LINA, OWNER, SARA, TWO_PEOPLE, WORKSPACE, World, agent, files, world

TWO = {"workspace.yaml": TWO_PEOPLE}
LAXER = {**TWO, "policies/pay.cedar": None}


@pytest.fixture
def it(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path, TWO) as opened:
        yield opened


def applied(it: World, by: UserId, changes: dict[str, str | None], channel: str = "production") -> Release:
    plan = it.releases.plan(Folder(WORKSPACE, files(changes), ()), by, "why", channel)
    return it.releases.apply(plan, channel)


def active(it: World, channel: str = "production") -> ReleaseId | None:
    found: ReleaseId | None = it.store.active(WORKSPACE, channel)
    return found


def agreed(it: World, by: UserId, release: Release, channel: str = "production") -> Release:
    return it.releases.activate(WORKSPACE, release.id, by, "agreed", channel)


def test_the_first_release_of_an_empty_workspace_needs_nobody_else(it: World) -> None:
    assert active(it) is not None
    (record,) = it.records(RecordKind.RELEASE_ACTIVATED)
    assert (record["by"], record["proposed_by"]) == (OWNER, None)


def test_one_proposes_and_another_activates(it: World) -> None:
    before = active(it)
    new = applied(it, SARA, LAXER)
    waiting = it.releases.waiting(new, "production")
    assert waiting is not None
    assert (active(it), waiting.by, waiting.before) == (before, SARA, before)
    assert it.store.release(WORKSPACE, new.id) is not None, "it can be looked at"
    agreed(it, LINA, new)
    assert (active(it), it.releases.waiting(new, "production")) == (new.id, None)
    (proposed,) = it.records(RecordKind.RELEASE_PROPOSED)
    record = it.records(RecordKind.RELEASE_ACTIVATED)[-1]
    assert (proposed["by"], proposed["release"], proposed["before"]) == (SARA, new.id, before)
    assert (record["by"], record["proposed_by"], record["release"]) == (LINA, SARA, new.id)
    assert len(it.records(RecordKind.RELEASE_MADE)) == 2


def test_nobody_agrees_with_themselves(it: World) -> None:
    before, new = active(it), applied(it, SARA, LAXER)
    for again in (lambda: agreed(it, SARA, new), lambda: applied(it, SARA, LAXER)):
        with pytest.raises(ReleaseRefused, match=r"user:sara has proposed .* and it takes another person"):
            again()
    assert active(it) == before
    assert len(it.records(RecordKind.RELEASE_PROPOSED)) == 1


def test_it_is_not_turned_off_in_the_change_that_it_would_have_to_pass(it: World) -> None:
    before = active(it)
    off = applied(it, SARA, {"policies/pay.cedar": None})
    assert active(it) == before
    agreed(it, LINA, off)
    assert active(it) == off.id
    assert applied(it, SARA, {}).id == active(it), "now one is enough"


@pytest.mark.parametrize("channel", ["staging", "new"])
def test_no_channel_is_a_way_around(it: World, channel: str) -> None:
    new = applied(it, SARA, LAXER, channel)
    assert active(it, channel) is None
    agreed(it, LINA, new, channel)
    assert active(it, channel) == new.id


def test_what_is_active_already_is_not_proposed(it: World) -> None:
    now_active = it.store.release(WORKSPACE, active(it))
    assert now_active is not None
    agreed(it, SARA, now_active)
    assert it.store.proposals(WORKSPACE) == []
    assert it.records(RecordKind.RELEASE_PROPOSED) == []


def test_going_back_takes_two_as_well(it: World) -> None:
    first = it.store.release(WORKSPACE, active(it))
    assert first is not None
    agreed(it, LINA, applied(it, SARA, LAXER))
    gone_back = it.releases.rollback(WORKSPACE, LINA, "oops", "production")
    assert gone_back.id == first.id != active(it)
    agreed(it, SARA, first)
    assert active(it) == first.id


def test_a_proposal_is_void_once_the_channel_points_elsewhere(it: World) -> None:
    stale = applied(it, SARA, LAXER)
    agreed(it, LINA, applied(it, SARA, {**TWO, "agents/seller.yaml": agent("seller")}))
    moved = active(it)
    assert it.releases.waiting(stale, "production") is None
    agreed(it, LINA, stale)
    assert active(it) == moved, "Lina has proposed it anew, and nothing has moved"
    waiting = it.releases.waiting(stale, "production")
    assert waiting is not None
    assert waiting.by == LINA


def test_another_release_or_channel_is_not_what_was_proposed(it: World) -> None:
    before, new = active(it), applied(it, SARA, LAXER)
    other = applied(it, LINA, {**TWO, "agents/seller.yaml": agent("seller")})
    assert active(it) == before
    assert {each.release for each in it.store.proposals(WORKSPACE)} == {new.id, other.id}


def test_a_second_person_who_applies_the_same_files_agrees(it: World) -> None:
    new = applied(it, SARA, LAXER)
    assert applied(it, LINA, LAXER).id == active(it) == new.id


def test_an_admin_can_be_two_people_and_the_record_shows_it(tmp_path: Path) -> None:
    """Who may make people and their links can sign in as one of them. Nothing of it can be hidden."""
    with office(tmp_path, TWO) as it:
        admin = it.token(Role.ADMIN, Role.AUTHOR)
        new = applied(it.world, UserId(admin.name), LAXER)
        it.people.add(WORKSPACE, UserId("user:sock"), [Role.AUTHOR], admin.name)
        link = it.signing_in.one_time_link(WORKSPACE, UserId("user:sock"), admin.name)
        sock = it.signing_in.by_link(link.secret, "127.0.0.1").account.id
        agreed(it.world, sock, new)
        assert active(it.world) == new.id
        (added,) = (each for each in it.world.records(RecordKind.PERSON_CHANGED) if each["person"] == sock)
        (made,) = (each for each in it.world.records(RecordKind.KEY_CHANGED) if each["holder"] == sock)
        (came,) = (each for each in it.world.records(RecordKind.SIGNED_IN) if each["person"] == sock)
        moved = it.world.records(RecordKind.RELEASE_ACTIVATED)[-1]
        assert (added["by"], made["by"], came["how"]) == (admin.name, admin.name, "link")
        assert (moved["proposed_by"], moved["by"]) == (admin.name, sock)


def test_a_withdrawn_release_is_not_activated_by_two_either(it: World) -> None:
    new = applied(it, SARA, LAXER)
    it.releases.withdraw(WORKSPACE, new.id, OWNER, "granted too much")
    with pytest.raises(ReleaseRefused, match="was withdrawn"):
        agreed(it, LINA, new)


def test_settings_nobody_can_read_may_demand_it(it: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("remit.control.releases.settings_of", lambda *_: None)
    before = active(it)
    applied(it, SARA, LAXER)
    assert active(it) == before
