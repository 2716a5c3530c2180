"""Signing in through a real OpenID Connect provider, which runs on this machine; and through one that lies."""

from __future__ import annotations

import base64
import hmac
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi.testclient import TestClient
from joserfc import jwt
from joserfc.jwk import RSAKey

from remit.api import provider as provider_module
from remit.api.oidc import ClaimRules
from remit.api.provider import ALGORITHMS, Begun, Client, Provider, ProviderFailed
from remit.domain.clock import ManualClock, SystemClock
from remit.settings import Settings
from tests.api.office import PREFIX, Office, office
from tests.worlds import WORKSPACE

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import oidc_provider_mock  # type: ignore[import-untyped]

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the provider, which runs in this process
BEGIN = f"{PREFIX}/session/oidc"
PEOPLE = (
    oidc_provider_mock.User(sub="s-1", claims={"preferred_username": "zoe@example.com", "groups": ["remit-audit"]}),
    oidc_provider_mock.User(sub="s-2", claims={"preferred_username": "max", "groups": ["others"]}),
    oidc_provider_mock.User(sub="s-3", claims={"preferred_username": "omar", "groups": "remit-audit"}),
    oidc_provider_mock.User(sub="s-4", claims={"preferred_username": "a b", "groups": ["remit-audit"]}),
)


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with oidc_provider_mock.run_server_in_thread(user_claims=PEOPLE, require_nonce=True) as server:
        yield f"http://127.0.0.1:{server.server_port}"


@pytest.fixture
def it(tmp_path: Path, issuer: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    monkeypatch.setenv("REMIT_OIDC_ISSUER", issuer)
    monkeypatch.setenv("REMIT_OIDC_ROLES", '{"remit-audit": ["auditor", "viewer"]}')
    monkeypatch.setenv("REMIT_OIDC_CLIENT_SECRET", "client-secret-of-ours")
    monkeypatch.setenv("REMIT_PUBLIC_URL", "http://testserver")
    with office(tmp_path) as opened:
        opened.world.clock.at = SystemClock().now()  # the provider has no other
        opened.people.add(WORKSPACE, "user:omar", [], "user:test")
        yield opened


def signed_at_provider(browser: TestClient, sub: str) -> str:
    """Begin here, sign in there, and return the address the provider sends the browser back to."""
    begun = browser.get(BEGIN, follow_redirects=False)
    assert begun.status_code == 303
    answer = httpx.post(begun.headers["location"], data={"sub": sub})
    assert answer.status_code == 302
    back = answer.headers["location"]
    assert back.startswith(f"http://testserver{BEGIN}/callback?")
    return str(back)


def test_a_person_signs_in_and_is_known_the_next_time(it: Office) -> None:
    for _ in range(2):
        with TestClient(it.app) as browser:
            answer = browser.get(signed_at_provider(browser, "s-1"), follow_redirects=False)
            assert (answer.status_code, answer.headers["location"]) == (303, "/")
            me = browser.get(f"{PREFIX}/me").json()
            assert (me["kind"], me["person"], me["roles"]) == ("session", "user:zoe", ["auditor", "viewer"])
    assert [account.id for account in it.people.all(WORKSPACE)] == ["user:omar", "user:zoe"]


@pytest.mark.parametrize(
    ("sub", "status", "said"),
    [("s-2", 401, "no role here"), ("s-3", 409, "there is a person user:omar"), ("s-4", 401, "no name")],
    ids=["no group of ours", "the name is taken", "no name"],
)
def test_who_is_not_let_in(it: Office, sub: str, status: int, said: str) -> None:
    with TestClient(it.app) as browser:
        answer = browser.get(signed_at_provider(browser, sub), follow_redirects=False)
    assert answer.status_code == status
    assert said in answer.json()["detail"]
    assert "remit_session" not in answer.headers.get("set-cookie", "")


def test_who_is_out_of_every_group_has_no_role_and_no_session_from_the_next_sign_in_on(
    it: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    with TestClient(it.app) as browser:
        browser.get(signed_at_provider(browser, "s-1"), follow_redirects=False)
        assert browser.get(f"{PREFIX}/me").status_code == 200
        monkeypatch.setattr(ClaimRules, "roles_of", lambda _, claims: frozenset())
        with TestClient(it.app) as other:
            answer = other.get(signed_at_provider(other, "s-1"), follow_redirects=False)
        assert (answer.status_code, "no role here" in answer.json()["detail"]) == (401, True)
        assert browser.get(f"{PREFIX}/me").status_code == 401
    assert it.people.named(WORKSPACE, "user:zoe").roles == frozenset()


def test_a_sign_in_that_another_browser_began_is_refused(it: Office) -> None:
    with TestClient(it.app) as attacker, TestClient(it.app) as victim:
        back = signed_at_provider(attacker, "s-1")
        assert victim.get(back, follow_redirects=False).json()["code"] == "not_signed_in"
        victim.get(BEGIN, follow_redirects=False)
        assert victim.get(back, follow_redirects=False).json()["code"] == "not_signed_in"


def test_a_code_works_once_and_not_for_ever(it: Office) -> None:
    with TestClient(it.app) as browser:
        back = signed_at_provider(browser, "s-1")
        cookie = browser.cookies["remit_oidc"]
        assert browser.get(back, follow_redirects=False).status_code == 303
        browser.cookies.set("remit_oidc", cookie)
        assert browser.get(back, follow_redirects=False).json()["code"] == "provider_failed"
    with TestClient(it.app) as browser:
        again = signed_at_provider(browser, "s-1")
        it.world.clock.advance(600)
        assert browser.get(again, follow_redirects=False).json()["code"] == "not_signed_in"


def test_the_cookie_in_between_is_sealed(it: Office) -> None:
    with TestClient(it.app) as browser:
        began = browser.get(BEGIN, follow_redirects=False)
    state = parse_qs(urlsplit(began.headers["location"]).query)["state"][0]
    assert state not in began.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=lax"} <= set(began.headers["set-cookie"].split("; "))
    with TestClient(it.app) as forger:
        forger.cookies.set("remit_oidc", "Zm9yZ2Vk")
        answer = forger.get(f"{BEGIN}/callback?state=x&code=y", follow_redirects=False)
    assert answer.json()["code"] == "not_signed_in"


def test_without_a_provider_there_is_no_such_route(tmp_path: Path) -> None:
    with office(tmp_path) as it:
        assert it.ask("GET", BEGIN).json()["code"] == "no_route"


def test_the_clients_secret_shows_nowhere(it: Office) -> None:
    assert "client-secret-of-ours" not in repr(it.world.parts.settings) + repr(vars(it.app.state))
    assert "client-secret-of-ours" not in repr(Client("i", "c", "r", "client-secret-of-ours"))
    assert Settings().oidc_client_secret.get_secret_value() == "client-secret-of-ours"


# -- a provider that lies

KEY = RSAKey.generate_key(2048, {"kid": "k1"})
ISSUER = "https://idp.example"
BEGUN = Begun("state", "nonce", "verifier")
GOOD = {"iss": ISSUER, "aud": "remit", "sub": "s", "exp": 1_700_000_100, "iat": 1_700_000_000, "nonce": "nonce"}


def claims_through(monkeypatch: pytest.MonkeyPatch, token: object, **told: object) -> Any:
    described = {
        "issuer": ISSUER,
        "authorization_endpoint": f"{ISSUER}/a",
        "token_endpoint": f"{ISSUER}/t",
        "jwks_uri": f"{ISSUER}/j",
        **told,
    }

    def fetched(url: str, form: bytes | None = None) -> Any:
        if url.endswith("openid-configuration"):
            return described
        return {"id_token": token} if form is not None else {"keys": [KEY.as_dict(private=False)]}

    monkeypatch.setattr(provider_module, "_fetched", fetched)
    return Provider(Client(ISSUER, "remit", "http://x"), ManualClock()).identity("code", BEGUN)


def signed(claims: dict[str, object], algorithm: str = "RS256") -> str:
    return jwt.encode({"alg": algorithm, "kid": "k1"}, claims, KEY, algorithms=[algorithm])


def test_an_honest_token_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    assert claims_through(monkeypatch, signed(GOOD))["sub"] == "s"
    assert claims_through(monkeypatch, signed(GOOD | {"aud": ["remit", "x"], "azp": "remit"}))["sub"] == "s"


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://other.example"},
        {"aud": "another-client"},
        {"aud": ["remit", "x"]},
        {"exp": 1_699_999_000},
        {"exp": None},
        {"nonce": "another"},
        {"nonce": None},
        {"sub": ""},
        {"sub": 7},
    ],
    ids=str,
)
def test_a_token_for_something_else_is_refused(monkeypatch: pytest.MonkeyPatch, changed: dict[str, object]) -> None:
    with pytest.raises(ProviderFailed):
        claims_through(monkeypatch, signed(GOOD | changed))


def test_a_token_that_the_provider_did_not_sign_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    other = RSAKey.generate_key(2048, {"kid": "k1"})
    body = signed(GOOD).split(".")[1]
    head = base64.urlsafe_b64encode(b'{"alg":"HS256"}').decode().rstrip("=")
    start = f"{head}.{body}"
    mac = hmac.digest(KEY.as_pem(private=False), start.encode(), "sha256")  # the public key taken for a secret
    for token in (
        jwt.encode({"alg": "RS256", "kid": "k1"}, GOOD, other, algorithms=["RS256"]),
        f"{start}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}",
        f"eyJhbGciOiJub25lIn0.{body}.",
        "no token",
        None,
    ):
        with pytest.raises(ProviderFailed):
            claims_through(monkeypatch, token)


@pytest.mark.parametrize(
    "told", [{"issuer": "https://evil"}, {"token_endpoint": "http://plain.example/t"}, {"jwks_uri": 7}], ids=str
)
def test_a_description_that_leads_elsewhere_is_refused(
    monkeypatch: pytest.MonkeyPatch, told: dict[str, object]
) -> None:
    with pytest.raises(ProviderFailed):
        claims_through(monkeypatch, signed(GOOD), **told)


def test_no_shared_secret_and_no_missing_signature_is_an_algorithm() -> None:
    assert not any(name.startswith("HS") or name.lower() == "none" for name in ALGORITHMS)
