"""People sign in, by password or by a link that works once; who guesses is slowed down and learns nothing."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from remit.control.attempts import FREE, LONGEST_WAIT_S, TooManyAttempts
from remit.control.passwords import Passwords, PasswordUnfit
from remit.control.people import PersonRefused
from remit.control.proof import Proof
from remit.control.signing_in import MAX_SESSIONS, SignedIn, SignInRefused
from remit.domain.facts import ScopeKind, scope_id
from remit.domain.identity import Role
from remit.domain.ids import UserId, WorkspaceName
from remit.domain.record import RecordKind
from tests.api.office import Office, office
from tests.worlds import WORKSPACE

NINA = UserId("user:nina")
RIGHT, OTHER = "correct horse battery", "another horse battery"
HERE = "127.0.0.1"


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path) as opened:
        opened.people.add(WORKSPACE, NINA, [Role.VIEWER], "user:test", name="Nina", password=RIGHT)
        yield opened


@pytest.fixture
def proof(it: Office) -> Proof:
    return Proof(it.world.store, it.tokens, it.world.clock, 3_600)


def test_real_parameters_are_argon2id_as_rfc_9106_has_them() -> None:
    stored = Passwords().hash(RIGHT)
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert RIGHT not in stored
    assert Passwords().is_right(stored, RIGHT)
    assert not Passwords().is_right(stored, OTHER)


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("short", "at least 12"),
        ("x" * 300, "at most 256"),
        ("ababababababab", "does not repeat"),
        ("\ud800" * 13 + "abcdefg", "UTF-8"),
    ],
    ids=["short", "long", "two letters", "half characters"],
)
def test_an_unfit_password_is_refused_and_not_repeated(password: str, said: str) -> None:
    with pytest.raises(PasswordUnfit, match=said) as refused:
        Passwords().hash(password)
    assert password not in str(refused.value)


def test_a_person_signs_in_and_out(it: Office, proof: Proof) -> None:
    signed = it.signing_in.by_password(WORKSPACE, NINA, RIGHT, HERE)
    caller = proof.of(signed.secret)
    assert caller is not None
    assert caller.person == NINA
    assert caller.roles == {Role.VIEWER}
    it.signing_in.sign_out(WORKSPACE, signed.session.id)
    assert proof.of(signed.secret) is None


def test_a_session_ends_when_nothing_is_done_and_at_the_latest_after_its_time(it: Office, proof: Proof) -> None:
    signed = it.signing_in.by_password(WORKSPACE, NINA, RIGHT, HERE)
    for _ in range(12):
        it.world.clock.advance(3_000)
        assert proof.of(signed.secret) is not None
    it.world.clock.advance(3_600)
    assert proof.of(signed.secret) is None
    again = it.signing_in.by_password(WORKSPACE, NINA, RIGHT, HERE)
    for _ in range(15):
        it.world.clock.advance(3_000)
        proof.of(again.secret)
    assert proof.of(again.secret) is None, "43,200 s are over"


@pytest.mark.parametrize(
    ("person", "password"), [(NINA, OTHER), ("user:nobody", RIGHT), ("user:gone", RIGHT), ("user:linked", RIGHT)]
)
def test_whoever_is_not_let_in_hears_the_same(it: Office, person: str, password: str) -> None:
    it.people.add(WORKSPACE, "user:boss", [Role.ADMIN], "user:test")
    it.people.add(WORKSPACE, "user:gone", [], "user:test", password=RIGHT)
    it.people.disable(WORKSPACE, "user:gone", "user:test")
    it.people.add(WORKSPACE, "user:linked", [], "user:test")
    with pytest.raises(SignInRefused, match=r"^name or password is not right$"):
        it.signing_in.by_password(WORKSPACE, person, password, HERE)


def test_guesses_are_slowed_down_by_account_and_by_address(it: Office) -> None:
    def guess(person: str, peer: str) -> str:
        try:
            it.signing_in.by_password(WORKSPACE, person, OTHER, peer)
        except SignInRefused:
            return "refused"
        except TooManyAttempts as error:
            return f"wait {error.wait_s}"
        return "in"

    by_account = [guess(NINA, f"10.0.0.{number}") for number in range(8)]
    assert by_account == ["refused"] * 6 + ["wait 2"] * 2
    with pytest.raises(TooManyAttempts):
        it.signing_in.by_password(WORKSPACE, NINA, RIGHT, "10.0.0.99")
    it.world.clock.advance(2)
    assert it.signing_in.by_password(WORKSPACE, NINA, RIGHT, "10.0.0.99").account.id == NINA
    by_address = [guess(f"user:n{number}", "10.9.9.9") for number in range(8)]
    assert by_address == ["refused"] * 6 + ["wait 2"] * 2


def test_the_wait_grows_and_has_an_end(it: Office) -> None:
    waits = []
    for _ in range(30):
        try:
            it.signing_in.by_password(WORKSPACE, NINA, OTHER, HERE)
        except TooManyAttempts as error:
            waits.append(error.wait_s)
            it.world.clock.advance(error.wait_s)
        except SignInRefused:
            pass
    assert waits == sorted(waits)
    assert waits[0] == 2
    assert waits[-1] == 900


def test_a_link_works_once(it: Office, proof: Proof) -> None:
    link = it.signing_in.one_time_link(WORKSPACE, NINA, "user:test")
    assert proof.of(link.secret) is None, "a link is no credential"
    assert it.signing_in.by_link(link.secret, HERE).account.id == NINA
    with pytest.raises(SignInRefused, match="works once, for 15 minutes"):
        it.signing_in.by_link(link.secret, HERE)


def test_a_link_works_once_even_where_two_come_at_once(it: Office) -> None:
    link = it.signing_in.one_time_link(WORKSPACE, NINA, "user:test")

    def use(_: int) -> SignedIn | None:
        try:
            return it.signing_in.by_link(link.secret, HERE)
        except SignInRefused:
            return None

    with ThreadPoolExecutor(8) as threads:
        used = [signed for signed in threads.map(use, range(8)) if signed is not None]
    assert len(used) == 1


def test_a_link_expires(it: Office) -> None:
    link = it.signing_in.one_time_link(WORKSPACE, NINA, "user:test")
    it.world.clock.advance(900)
    with pytest.raises(SignInRefused):
        it.signing_in.by_link(link.secret, HERE)


def test_a_new_password_ends_every_other_session_and_link(it: Office, proof: Proof) -> None:
    kept, lost = (it.signing_in.by_password(WORKSPACE, NINA, RIGHT, HERE) for _ in range(2))
    link = it.signing_in.one_time_link(WORKSPACE, NINA, "user:test")
    with pytest.raises(PersonRefused, match="password so far is not right"):
        it.people.change_password(WORKSPACE, NINA, OTHER, OTHER, kept.session.id)
    it.people.change_password(WORKSPACE, NINA, RIGHT, OTHER, kept.session.id)
    assert proof.of(kept.secret) is not None
    assert proof.of(lost.secret) is None
    with pytest.raises(SignInRefused):
        it.signing_in.by_link(link.secret, HERE)
    it.people.reset_password(WORKSPACE, NINA, RIGHT, "user:test")
    assert proof.of(kept.secret) is None


def test_a_person_has_so_many_sessions_and_the_oldest_ends(it: Office, proof: Proof) -> None:
    signed = []
    for _ in range(MAX_SESSIONS + 1):
        it.world.clock.advance(1)
        signed.append(it.signing_in.by_password(WORKSPACE, NINA, RIGHT, HERE))
    assert proof.of(signed[0].secret) is None
    assert all(proof.of(each.secret) for each in signed[1:])


def test_the_first_admin_is_made_once(it: Office, tmp_path: Path) -> None:
    assert it.signing_in.first_admin(WORKSPACE) is None, "there are people already"
    empty = WorkspaceName("empty")
    link = it.signing_in.first_admin(empty)
    assert link is not None
    assert it.signing_in.by_link(link.secret, HERE).account.roles == set(Role)
    assert it.signing_in.first_admin(empty) is None


def test_the_last_admin_stays(it: Office) -> None:
    boss = it.person(Role.ADMIN)
    for change in (  # both would leave nobody
        lambda: it.people.set_roles(WORKSPACE, boss, [Role.VIEWER], boss),
        lambda: it.people.disable(WORKSPACE, boss, boss),
    ):
        with pytest.raises(PersonRefused, match="is the only admin"):
            change()
    it.people.set_roles(WORKSPACE, NINA, [Role.ADMIN], boss)
    assert it.people.disable(WORKSPACE, boss, NINA).disabled_at is not None


@pytest.mark.parametrize("id", ["nina", "user:", "user:a b", "user:a\u202eb", "agent:buyer"])
def test_an_unfit_id_is_refused(it: Office, id: str) -> None:
    with pytest.raises(PersonRefused, match="a person's id is"):
        it.people.add(WORKSPACE, id, [], "user:test")


def test_a_person_is_of_one_workspace(it: Office) -> None:
    with pytest.raises(PersonRefused, match="there is no person user:nina in workspace other"):
        it.people.named(WorkspaceName("other"), NINA)
    with pytest.raises(SignInRefused):
        it.signing_in.by_password(WorkspaceName("other"), NINA, RIGHT, HERE)


def test_each_act_is_on_record_without_a_secret(it: Office) -> None:
    signed = it.signing_in.by_password(WORKSPACE, NINA, RIGHT, HERE)
    it.people.change_password(WORKSPACE, NINA, RIGHT, OTHER)
    told = [(r["person"], r["change"], r["by"]) for r in it.world.records(RecordKind.PERSON_CHANGED)]
    assert told == [(NINA, "added", "user:test"), (NINA, "password", NINA)]
    (entry,) = it.world.records(RecordKind.SIGNED_IN)
    assert (entry["person"], entry["session"], entry["how"]) == (NINA, signed.session.id, "password")
    everything = str(it.world.records()) + repr(signed) + repr(it.people.named(WORKSPACE, NINA))
    assert not any(secret in everything for secret in (RIGHT, OTHER, signed.secret, "$argon2"))


def test_of_many_guesses_at_once_no_more_are_looked_at_than_of_as_many_in_turn(
    it: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    is_right = Passwords.is_right

    def look(self: Passwords, stored: str, password: str) -> bool:
        looked.append(password)
        return is_right(self, stored, password)

    monkeypatch.setattr(Passwords, "is_right", look)

    def guess(number: int) -> str:
        try:
            it.signing_in.by_password(WORKSPACE, NINA, f"a wrong guess {number}", f"198.51.100.{number}")
        except (SignInRefused, TooManyAttempts) as refused:
            return type(refused).__name__
        return "in"

    with ThreadPoolExecutor(24) as pool:
        came = sorted(pool.map(guess, range(24)))
    assert came == ["SignInRefused"] * (FREE + 1) + ["TooManyAttempts"] * (24 - FREE - 1)
    assert len(looked) == FREE + 1


def test_who_names_a_workspace_that_is_not_there_makes_none(it: Office) -> None:
    invented = WorkspaceName("nobodys")
    for _ in range(FREE + 1):
        with pytest.raises(SignInRefused, match="name or password is not right"):
            it.signing_in.by_password(invented, NINA, OTHER, HERE)
        it.world.clock.advance(LONGEST_WAIT_S)
    assert it.world.store.scopes_of([scope_id(ScopeKind.WORKSPACE, invented)]) == []


def test_whom_the_provider_gives_no_role_any_more_has_none_and_holds_nothing(it: Office, proof: Proof) -> None:
    subject = "https://idp sub-7"
    signed = it.signing_in.by_subject(WORKSPACE, subject, frozenset({Role.OPERATOR}), UserId("user:zoe"))
    token = it.credentials.make_person_token(WORKSPACE, UserId("user:zoe"), "user:zoe", "", 3_600)
    for _ in range(2):
        with pytest.raises(SignInRefused, match="no role here"):
            it.signing_in.turn_away(WORKSPACE, subject)
    assert it.people.named(WORKSPACE, "user:zoe").roles == frozenset()
    assert (proof.of(signed.secret), proof.of(token.secret)) == (None, None)
    with pytest.raises(SignInRefused, match="no role here"):
        it.signing_in.turn_away(WORKSPACE, "https://idp nobody")
    again = it.signing_in.by_subject(WORKSPACE, subject, frozenset({Role.VIEWER}), UserId("user:zoe"))
    assert again.account.roles == {Role.VIEWER}


def test_the_only_admin_keeps_the_role_and_has_to_sign_in_anew(it: Office, proof: Proof) -> None:
    signed = it.signing_in.by_subject(WORKSPACE, "https://idp boss", frozenset({Role.ADMIN}), UserId("user:zoe"))
    with pytest.raises(SignInRefused):
        it.signing_in.turn_away(WORKSPACE, "https://idp boss")
    assert it.people.named(WORKSPACE, "user:zoe").roles == {Role.ADMIN}
    assert proof.of(signed.secret) is None


def test_an_identity_provider_brings_people_with_roles(it: Office) -> None:
    first = it.signing_in.by_subject(WORKSPACE, "https://idp sub-7", frozenset({Role.VIEWER}), UserId("user:zoe"))
    assert first.account.id == "user:zoe"
    later = it.signing_in.by_subject(WORKSPACE, "https://idp sub-7", frozenset({Role.AUDITOR}), UserId("user:any"))
    assert later.account.id == "user:zoe"
    assert later.account.roles == {Role.AUDITOR}
    with pytest.raises(PersonRefused, match="there is a person user:nina"):
        it.signing_in.by_subject(WORKSPACE, "https://idp sub-8", frozenset(), NINA)
    it.person(Role.ADMIN)
    it.people.disable(WORKSPACE, "user:zoe", "user:test")
    with pytest.raises(SignInRefused):
        it.signing_in.by_subject(WORKSPACE, "https://idp sub-7", frozenset({Role.AUDITOR}), UserId("user:zoe"))
