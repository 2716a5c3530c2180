"""For whom an agent acts: verified where it shows an identity token, of a real provider that runs on this machine."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from remit.api import provider as provider_module
from remit.api.provider import KEYS_FRESH_S, KEYS_KEPT_S, Client, Provider, ProviderFailed, TokenUnfit
from remit.control.passwords import Passwords
from remit.control.people import People
from remit.domain.clock import ManualClock, SystemClock
from remit.domain.ids import UserId
from remit.domain.record import RecordKind
from remit.sdk.client import Client as Agents
from remit.sdk.errors import Denied, Refused
from remit.sdk.http import HttpDoor
from remit.sdk.wire import Reach
from remit.workspace.template import template
from tests.served import Served, served
from tests.worlds import WORKSPACE, world

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import oidc_provider_mock  # type: ignore[import-untyped]

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the provider, which runs in this process
ZOE = UserId("user:zoe")
PEOPLE = tuple(oidc_provider_mock.User(sub=sub, claims={"preferred_username": "zoe"}) for sub in ("s-1", "s-2", "s-3"))


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with oidc_provider_mock.run_server_in_thread(user_claims=PEOPLE) as server:
        yield f"http://127.0.0.1:{server.server_port}"


@pytest.fixture
def it(tmp_path: Path, issuer: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """Zoe has signed in here before, and so has somebody who is disabled; s-3 never has."""
    monkeypatch.setenv("REMIT_OIDC_ISSUER", issuer)
    monkeypatch.setenv("REMIT_OIDC_CLIENTS", '["desk"]')
    with world(tmp_path) as opened, served(opened) as server:
        opened.clock.at = SystemClock().now()  # the provider has no other
        people = People(opened.store, opened.clock, opened.ids, Passwords())
        people.add(WORKSPACE, ZOE, [], "user:test", subject=f"{issuer} s-1")
        people.add(WORKSPACE, UserId("user:gone"), [], "user:test", subject=f"{issuer} s-2")
        people.disable(WORKSPACE, "user:gone", "user:test")
        yield server


def token_of(issuer: str, sub: str, client: str = "remit") -> str:
    """Sign in at the provider as an application of the company does, and return the identity token it gets."""
    back = "http://127.0.0.1:1/back"
    query = {"response_type": "code", "client_id": client, "redirect_uri": back, "scope": "openid", "state": "s"}
    signed = httpx.post(f"{issuer}/oauth2/authorize", params=query, data={"sub": sub})
    code = parse_qs(urlsplit(signed.headers["location"]).query)["code"][0]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": back, "client_id": client}
    answer = httpx.post(f"{issuer}/oauth2/token", data=form, auth=(client, "any")).json()
    return str(answer["id_token"])


def connected(it: Served) -> Agents:
    return Agents(HttpDoor(Reach(it.url, it.key())))


def started(it: Served) -> dict[str, Any]:
    """The record of the run that was started last."""
    records = it.world.records(RecordKind.RUN_STARTED)
    return dict(records[-1])


@pytest.mark.parametrize("client", ["remit", "desk"])
def test_a_run_acts_for_whoever_the_token_names_and_that_is_on_record(it: Served, issuer: str, client: str) -> None:
    with connected(it) as agent, agent.run("buyer", identity_token=token_of(issuer, "s-1", client)) as run:
        assert started(it)["run"] == run.id
        assert (started(it)["on_behalf_of"], started(it)["verified"]) == (ZOE, True)


def test_without_a_token_it_is_the_agents_word_and_the_record_says_so(it: Served) -> None:
    it.start(on_behalf_of=ZOE)
    assert (started(it)["on_behalf_of"], started(it)["verified"]) == (ZOE, False)


def test_a_policy_can_ask_that_it_is_known_and_not_just_said(it: Served, issuer: str) -> None:
    known = template("known-person").filled({"tool": "erp.get"})
    it.world.apply({"policies/known.cedar": known})
    with connected(it) as agent, agent.run("buyer", identity_token=token_of(issuer, "s-1")) as run:
        assert run.call("erp.get", {"id": "1"}, using=lambda id: id) == "1"
    with (
        connected(it) as agent,
        agent.run("buyer", on_behalf_of=ZOE) as run,
        pytest.raises(Denied, match="Nobody but the agent says for whom it acts"),
    ):
        run.call("erp.get", {"id": "1"}, using=lambda id: pytest.fail("it was carried out"))
    replayed = [each.agreement.value for each in it.world.replay.all(WORKSPACE)]
    assert replayed == ["same", "same"], "the run knows it for as long as it is kept"


def test_nobody_else_is_acted_for_with_somebodys_token(it: Served, issuer: str) -> None:
    before = it.world.records(RecordKind.RUN_STARTED)
    token = token_of(issuer, "s-1")
    reply = it.ask("POST", "/api/v1/runs", {"on_behalf_of": "user:omar", "identity_token": token})
    assert (reply.status, reply.document["code"]) == (403, "other_person")
    with (
        connected(it) as agent,
        pytest.raises(Refused, match="another person's"),
        agent.run("buyer", on_behalf_of="user:omar", identity_token=token),
    ):
        pytest.fail("the run was started")
    assert it.world.records(RecordKind.RUN_STARTED) == before


@pytest.mark.parametrize(
    ("sub", "client", "code"),
    [("s-2", "remit", "identity_unknown"), ("s-3", "remit", "identity_unknown"), ("s-1", "game", "identity_refused")],
    ids=["a disabled person", "somebody who never signed in", "a token for another application"],
)
def test_whose_token_is_of_no_use(it: Served, issuer: str, sub: str, client: str, code: str) -> None:
    asked = {"on_behalf_of": ZOE, "identity_token": token_of(issuer, sub, client)}
    reply = it.ask("POST", "/api/v1/runs", asked)
    assert (reply.status, reply.document["code"], reply.document["field"]) == (403, code, "identity_token")
    assert it.world.records(RecordKind.RUN_STARTED) == []


def test_a_token_that_is_over_or_was_changed_is_of_no_use(it: Served, issuer: str) -> None:
    token = token_of(issuer, "s-1")
    head, body, signature = token.split(".")
    for unfit in ("", "x", f"{head}.{body}.", f"{head}.{body[:-2]}AA.{signature}", "x" * 20_000):
        reply = it.ask("POST", "/api/v1/runs", {"on_behalf_of": ZOE, "identity_token": unfit})
        assert reply.status in (403, 422), unfit
        assert unfit[:20] == "" or unfit[:20] not in json.dumps(reply.document)
    it.world.clock.advance(30 * 86_400)
    assert it.ask("POST", "/api/v1/runs", {"identity_token": token}).document["code"] == "identity_refused"
    assert it.world.records(RecordKind.RUN_STARTED) == []


def test_a_key_stands_for_one_run_and_one_way_of_knowing_for_whom(it: Served, issuer: str) -> None:
    token = token_of(issuer, "s-1")
    first = it.start(on_behalf_of=ZOE, identity_token=token, id="k")
    assert it.start(on_behalf_of=ZOE, identity_token=token, id="k")["run"] == first["run"]
    claimed = it.ask("POST", "/api/v1/runs", {"on_behalf_of": ZOE, "id": "k"})
    assert (claimed.status, claimed.document["code"]) == (422, "key_reused")


def test_who_can_not_verify_a_token_takes_none(tmp_path: Path) -> None:
    with world(tmp_path) as opened:
        with (
            pytest.raises(Refused, match="by a server only"),
            opened.client.run("buyer", on_behalf_of=ZOE, identity_token="a.b.c"),
        ):
            pytest.fail("the run was started")
        with served(opened) as server:
            reply = server.ask("POST", "/api/v1/runs", {"on_behalf_of": ZOE, "identity_token": "a.b.c"})
            assert (reply.status, reply.document["code"]) == (422, "no_provider")
        assert opened.records(RecordKind.RUN_STARTED) == []


# -- the provider's keys

ISSUER = "https://idp.example"
OLD, NEW = (RSAKey.generate_key(2048, {"kid": kid}) for kid in ("old", "new"))


class Told:
    """A provider whose keys change, and that can be away."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.keys = [OLD]
        self.asked = 0
        self.is_away = False
        self.clock = ManualClock()
        self.provider = Provider(Client(ISSUER, "remit", ""), self.clock)
        monkeypatch.setattr(provider_module, "_fetched", self.fetched)

    def fetched(self, url: str, form: bytes | None = None) -> Any:
        assert form is None
        if self.is_away:
            raise ProviderFailed("the identity provider did not answer")
        if url.endswith("openid-configuration"):
            return {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/j"}
        self.asked += 1
        return {"keys": [key.as_dict(private=False) for key in self.keys]}


def signed(key: RSAKey) -> str:
    claims = {"iss": ISSUER, "aud": "remit", "sub": "s", "exp": 1_700_009_000}
    return jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key, algorithms=["RS256"])


def test_keys_are_kept_a_while_and_a_new_one_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    it = Told(monkeypatch)
    for _ in range(5):
        assert it.provider.holder(signed(OLD))["sub"] == "s"
    assert it.asked == 1
    it.keys = [OLD, NEW]
    it.clock.advance(KEYS_FRESH_S)
    assert it.provider.holder(signed(NEW))["sub"] == "s"
    assert it.asked == 2


def test_a_key_that_was_withdrawn_counts_no_longer_than_it_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    it = Told(monkeypatch)
    it.provider.holder(signed(OLD))
    it.keys = [NEW]
    it.clock.advance(KEYS_KEPT_S)
    with pytest.raises(TokenUnfit):
        it.provider.holder(signed(OLD))


def test_whoever_shows_nonsense_does_not_have_the_provider_asked_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    it = Told(monkeypatch)
    for _ in range(10):
        with pytest.raises(TokenUnfit):
            it.provider.holder("nonsense")
    assert it.asked == 1


def test_a_provider_that_is_away_verifies_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    it = Told(monkeypatch)
    it.is_away = True
    with pytest.raises(ProviderFailed, match="did not answer"):
        it.provider.holder(signed(OLD))
