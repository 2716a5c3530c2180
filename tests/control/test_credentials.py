"""Keys and tokens: known by digest, rotated with overlap, revoked at once; run tokens of one run and no other."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey

from remit.control.credentials import CredentialRefused, digest_of
from remit.control.proof import Proof
from remit.control.tokens import TokenRefused
from remit.domain.identity import CredentialKind, Role
from remit.domain.ids import AgentName, CredentialId, RunId, WorkspaceName
from remit.domain.record import RecordKind
from tests.api.office import Office, office
from tests.worlds import OWNER, WORKSPACE, agent

BUYER = AgentName("buyer")


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path) as opened:
        yield opened


@pytest.fixture
def proof(it: Office) -> Proof:
    return Proof(it.world.store, it.tokens, it.world.clock, 3_600)


def test_a_key_says_which_agent_calls(it: Office, proof: Proof) -> None:
    made = it.credentials.make_agent_key(WORKSPACE, BUYER, OWNER)
    caller = proof.of(made.secret)
    assert caller is not None
    assert (caller.kind, caller.workspace, caller.agent, caller.person, caller.roles) == (
        CredentialKind.AGENT_KEY,
        WORKSPACE,
        BUYER,
        None,
        frozenset(),
    )


def test_no_representation_and_no_record_shows_a_secret(it: Office) -> None:
    made = it.credentials.make_agent_key(WORKSPACE, BUYER, OWNER)
    shown = repr(made) + repr(made.credential) + str(it.world.records())
    assert made.secret not in shown
    assert digest_of(made.secret) not in shown
    assert made.credential.hint == made.secret[:12] + "…"


def test_an_agent_that_the_release_does_not_know_gets_no_key(it: Office) -> None:
    with pytest.raises(CredentialRefused, match="knows no agent buyerr; it knows buyer, seller"):
        it.credentials.make_agent_key(WORKSPACE, AgentName("buyerr"), OWNER)


def test_rotation_lets_both_keys_hold_until_the_overlap_is_over(it: Office, proof: Proof) -> None:
    old = it.credentials.make_agent_key(WORKSPACE, BUYER, OWNER)
    new = it.credentials.rotate(WORKSPACE, old.credential.id, OWNER, 60)
    assert proof.of(old.secret) is not None
    assert proof.of(new.secret) is not None
    with pytest.raises(CredentialRefused, match="is being rotated already"):
        it.credentials.rotate(WORKSPACE, old.credential.id, OWNER, 60)
    it.world.clock.advance(60)
    assert proof.of(old.secret) is None
    assert proof.of(new.secret) is not None


def test_a_revoked_key_is_refused_at_once_and_its_run_tokens_with_it(it: Office, proof: Proof) -> None:
    made = it.credentials.make_agent_key(WORKSPACE, BUYER, OWNER)
    token, _ = it.tokens.issue(WORKSPACE, BUYER, RunId("run_1"), made.credential.id, 900)
    assert proof.of(token) is not None
    it.credentials.revoke(WORKSPACE, made.credential.id, OWNER, "leaked")
    assert proof.of(made.secret) is None
    assert proof.of(token) is None
    with pytest.raises(CredentialRefused, match="holds no longer"):
        it.credentials.revoke(WORKSPACE, made.credential.id, OWNER)


def test_all_that_an_agent_holds_can_be_revoked_in_one_go(it: Office, proof: Proof) -> None:
    made = [it.credentials.make_agent_key(WORKSPACE, BUYER, OWNER) for _ in range(3)]
    other = it.credentials.make_agent_key(WORKSPACE, AgentName("seller"), OWNER)
    assert it.credentials.revoke_all(WORKSPACE, BUYER, OWNER, "terminated") == 3
    assert [proof.of(each.secret) for each in made] == [None] * 3
    assert proof.of(other.secret) is not None


def test_another_workspace_can_not_touch_a_key(it: Office) -> None:
    made = it.credentials.make_agent_key(WORKSPACE, BUYER, OWNER)
    with pytest.raises(CredentialRefused, match="there is no credential"):
        it.credentials.revoke(WorkspaceName("other"), made.credential.id, OWNER)


def test_a_token_has_the_roles_its_person_has_now(it: Office, proof: Proof) -> None:
    person = it.person(Role.VIEWER)
    made = it.credentials.make_person_token(WORKSPACE, person, person, "laptop", 3_600)
    it.people.set_roles(WORKSPACE, it.person(Role.ADMIN), [Role.ADMIN], OWNER)
    it.people.set_roles(WORKSPACE, person, [Role.AUDITOR], OWNER)
    caller = proof.of(made.secret)
    assert caller is not None
    assert caller.roles == {Role.AUDITOR}
    it.people.disable(WORKSPACE, person, OWNER)
    assert proof.of(made.secret) is None
    it.people.enable(WORKSPACE, person, OWNER)
    assert proof.of(made.secret) is None, "what was held before stays revoked"


def test_a_token_expires(it: Office, proof: Proof) -> None:
    person = it.person(Role.VIEWER)
    made = it.credentials.make_person_token(WORKSPACE, person, person, "laptop", 10)
    it.world.clock.advance(10)
    assert proof.of(made.secret) is None


def test_an_agent_is_found_quickly_for_a_second_and_not_after_a_revocation(it: Office, proof: Proof) -> None:
    made = it.credentials.make_agent_key(WORKSPACE, BUYER, OWNER)
    caller = proof.of(made.secret)
    assert caller is not None
    assert proof.quickly(made.secret) is None
    proof.keep(made.secret, caller)
    assert proof.quickly(made.secret) == caller
    proof.forget()
    assert proof.quickly(made.secret) is None
    proof.keep(made.secret, caller)
    it.world.clock.advance(1)
    assert proof.quickly(made.secret) is None


# -- run tokens


def issued(it: Office) -> tuple[str, CredentialId]:
    key = it.credentials.make_agent_key(WORKSPACE, BUYER, OWNER).credential.id
    return it.tokens.issue(WORKSPACE, BUYER, RunId("run_1"), key, 900)[0], key


def test_a_run_token_is_of_one_run(it: Office, proof: Proof) -> None:
    token, _ = issued(it)
    caller = proof.of(token)
    assert caller is not None
    assert (caller.kind, caller.agent, caller.run) == (CredentialKind.RUN_TOKEN, BUYER, "run_1")
    it.world.clock.advance(900)
    assert proof.of(token) is None


def test_every_process_on_the_database_verifies_what_another_one_issued(it: Office) -> None:
    token, _ = issued(it)
    with_other_memory = type(it.tokens)(it.world.store, it.tokens._keyring, it.world.clock, it.world.ids)
    assert with_other_memory.verify(token).run == "run_1"


def claims_of(token: str) -> dict[str, object]:
    part = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    assert isinstance(claims, dict)
    return claims


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def test_a_forged_token_is_refused(it: Office) -> None:
    token, _ = issued(it)
    claims = claims_of(token)
    head, body, signature = token.split(".")
    public = it.tokens._key(WORKSPACE).as_dict(private=False)["x"]
    assert isinstance(public, str)
    secret = OctKey.import_key(public.ljust(43, "A"))
    foreign = OKPKey.generate_key("Ed25519")
    forged = {
        "no signature": f"{encoded({'alg': 'none', 'typ': 'JWT'})}.{body}.",
        "none with the signature": f"{encoded({'alg': 'none'})}.{body}.{signature}",
        "the public key as a secret": jwt.encode({"alg": "HS256"}, claims, secret, algorithms=["HS256"]),
        "another key": jwt.encode({"alg": "Ed25519"}, claims, foreign, algorithms=["Ed25519"]),
        "another run": f"{head}.{encoded(claims | {'run': 'run_2'})}.{signature}",
        "another workspace": f"{head}.{encoded(claims | {'iss': 'remit/elsewhere'})}.{signature}",
        "no issuer": f"{head}.{encoded({})}.{signature}",
        "deep": f"{head}.{base64.urlsafe_b64encode(b'[' * 1200).decode()}.{signature}",
        "long": token + "A" * 3_000,
        "text": "a.b.c",
        "not ascii": "ä.ö.ü",
    }
    for name, text in forged.items():
        with pytest.raises(TokenRefused, match="the token is not valid"):
            it.tokens.verify(text)
        assert name


def test_verifying_makes_no_key_for_a_workspace_that_a_stranger_names(it: Office) -> None:
    token, _ = issued(it)
    head, _, signature = token.split(".")
    stranger = f"{head}.{encoded(claims_of(token) | {'iss': 'remit/elsewhere'})}.{signature}"
    with pytest.raises(TokenRefused):
        it.tokens.verify(stranger)
    assert it.world.store.key("elsewhere/run-tokens") is None


@pytest.mark.parametrize("changed", [{"aud": "others"}, {"exp": "soon"}, {"exp": True}, {"sub": ""}, {"key": None}])
def test_what_is_signed_and_does_not_say_all_is_refused(it: Office, changed: dict[str, object]) -> None:
    token, _ = issued(it)
    claims = claims_of(token) | changed
    signed = jwt.encode({"alg": "Ed25519"}, claims, it.tokens._key(WORKSPACE), algorithms=["Ed25519"])
    with pytest.raises(TokenRefused):
        it.tokens.verify(signed)


def test_a_token_made_for_another_agent_than_its_key_is_refused(it: Office, proof: Proof) -> None:
    _, key = issued(it)
    token, _ = it.tokens.issue(WORKSPACE, AgentName("seller"), RunId("run_1"), key, 900)
    assert proof.of(token) is None


def test_a_key_is_of_a_channel_that_knows_its_agent(it: Office) -> None:
    with pytest.raises(CredentialRefused, match="channel staging knows no agent buyer; it knows none"):
        it.credentials.make_agent_key(WORKSPACE, BUYER, OWNER, channel="staging")
    it.world.apply({"agents/clerk.yaml": agent("clerk")}, "staging")
    made = it.credentials.make_agent_key(WORKSPACE, AgentName("clerk"), OWNER, channel="staging")
    assert it.world.records(RecordKind.KEY_CHANGED)[-1]["channel"] == "staging"
    assert it.world.store.credential(made.credential.id).channel == "staging"
    with pytest.raises(CredentialRefused, match="channel production knows no agent clerk"):
        it.credentials.make_agent_key(WORKSPACE, AgentName("clerk"), OWNER)


def test_each_act_is_on_record(it: Office) -> None:
    made = it.credentials.make_agent_key(WORKSPACE, BUYER, OWNER, "desk")
    new = it.credentials.rotate(WORKSPACE, made.credential.id, OWNER, 60)
    it.credentials.revoke(WORKSPACE, new.credential.id, OWNER, "leaked")
    told = [(r["change"], r["credential"], r["by"]) for r in it.world.records(RecordKind.KEY_CHANGED)]
    assert told == [
        ("made", made.credential.id, OWNER),
        ("made", new.credential.id, OWNER),
        ("rotated", made.credential.id, OWNER),
        ("revoked", new.credential.id, OWNER),
    ]
