"""Who may call what: every route with every kind of credential.

The expectation comes from the declarations, and beside them stand lists written by hand, so that a wrong declaration
does not make a wrong expectation right.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from remit.api.access import SAFE, Access, Undeclared, declared
from remit.api.app import _add
from remit.api.route import Route
from remit.domain.identity import AGENTS, CredentialKind, Role
from tests.api.office import NOBODY, PREFIX, Office, Shows, office
from tests.worlds import VISITOR

FOR_AGENTS = {
    ("GET", "/api/v1/me"),
    ("GET", "/api/v1/runs"),
    ("GET", "/api/v1/runs/{run}"),
    ("GET", "/api/v1/runs/{run}/actions"),
    ("GET", "/api/v1/actions/{action}"),
    ("GET", "/api/v1/actions/{action}/explanation"),
    ("POST", "/api/v1/runs/{run}/token"),
}
"""All that an agent may reach here, with any credential. Its own runs and actions; nothing that changes anything."""

FOR_ANYBODY = {
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/sign-in"),
    ("GET", "/api/v1/openapi.json"),
    ("POST", "/api/v1/session"),
    ("POST", "/api/v1/session/link"),
}

ONLY_ROLE = {
    ("POST", "/api/v1/approvals/{approval}/approve"): {Role.APPROVER},
    ("POST", "/api/v1/approvals/{approval}/reject"): {Role.APPROVER},
    ("POST", "/api/v1/approvals/{approval}/edit"): {Role.APPROVER},
    ("POST", "/api/v1/approvals/{approval}/ask"): {Role.APPROVER},
    ("GET", "/api/v1/approvals/{approval}/questions"): {Role.APPROVER, Role.AUDITOR},
    ("POST", "/api/v1/delegations"): {Role.APPROVER, Role.ADMIN},
    ("POST", "/api/v1/delegations/{delegation}/end"): {Role.APPROVER, Role.ADMIN},
    ("POST", "/api/v1/releases"): {Role.AUTHOR},
    ("POST", "/api/v1/stops/lift"): {Role.OPERATOR, Role.ADMIN},
    ("POST", "/api/v1/stops/terminate"): {Role.ADMIN},
    ("POST", "/api/v1/stops/reactivate"): {Role.ADMIN},
    ("POST", "/api/v1/people"): {Role.ADMIN},
    ("PUT", "/api/v1/people/{person}/roles"): {Role.ADMIN},
    ("POST", "/api/v1/keys"): {Role.ADMIN},
    ("GET", "/api/v1/records"): {Role.AUDITOR, Role.ADMIN},
    ("GET", "/api/v1/ledger/inclusion"): {Role.AUDITOR, Role.ADMIN},
    ("GET", "/api/v1/ledger/tile/entries/{place}"): {Role.AUDITOR, Role.ADMIN},
}
"""Who may do what matters most, by hand."""


@pytest.fixture(scope="module")
def it(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with office(tmp_path_factory.mktemp("access")) as opened:
        yield opened


def routes(it: Office) -> list[tuple[str, str, Access]]:
    found = [route for route in it.app.routes if isinstance(route, APIRoute)]
    return [(method, r.path_format, declared(r.endpoint)) for r in found for method in sorted(r.methods or ())]


def filled(path: str) -> str:
    return path.replace("{", "no-").replace("}", "")


def callers(it: Office) -> list[tuple[CredentialKind | None, frozenset[Role], bool, Shows]]:
    """One of each kind and role; the flag says whether a session brings its CSRF token."""
    run = it.world.start("buyer", VISITOR)
    found: list[tuple[CredentialKind | None, frozenset[Role], bool, Shows]] = [
        (None, frozenset(), False, NOBODY),
        (CredentialKind.AGENT_KEY, frozenset(), False, it.agent()),
        (CredentialKind.RUN_TOKEN, frozenset(), False, it.run_token(run.id)),
    ]
    for roles in [frozenset[Role]()] + [frozenset({role}) for role in Role]:
        found.append((CredentialKind.PERSON_TOKEN, roles, False, it.token(*roles)))
        found.append((CredentialKind.SESSION, roles, True, it.session(*roles)))
        found.append((CredentialKind.SESSION, roles, False, it.session(*roles, csrf=False)))
    return found


def test_every_route_with_every_credential(it: Office) -> None:
    every = callers(it)
    kept = [it.session(role) for role in Role]  # the walk signs callers out, too
    assert len(kept) == len(Role)
    wrong = []
    for (method, path, access), (kind, roles, csrf, who) in product(routes(it), every):
        if path == f"{PREFIX}/session" and method == "DELETE":
            continue
        answer = it.ask(method, filled(path), who, None if method in SAFE else {})
        code = answer.json().get("code", "") if "json" in answer.headers["content-type"] else ""
        if access.is_public:
            expected = code not in ("credential_kind", "role_missing", "csrf")
        elif kind is None:
            expected = answer.status_code == 401 and code == "not_signed_in"
        elif kind is CredentialKind.SESSION and method not in SAFE and not csrf:
            expected = answer.status_code == 403 and code == "csrf"
        elif kind not in access.kinds:
            expected = answer.status_code == 403 and code == "credential_kind"
        elif kind not in AGENTS and not roles & access.roles:
            expected = answer.status_code == 403 and code == "role_missing"
        else:
            expected = answer.status_code not in (401, 403, 405, 500)
        if not expected:
            wrong.append(f"{method} {path} by {who.name}: {answer.status_code} {answer.text[:200]}")
    assert wrong == []


def test_agents_reach_what_is_listed_here_and_nothing_else(it: Office) -> None:
    assert {(method, path) for method, path, access in routes(it) if access.kinds & AGENTS} == FOR_AGENTS


def test_an_agents_credential_is_refused_everywhere_else_whatever_it_is_asked_for(it: Office) -> None:
    run = it.world.start("buyer", VISITOR)
    for who in (it.agent(), it.run_token(run.id)):
        for method, path, _ in routes(it):
            if (method, path) in FOR_AGENTS | FOR_ANYBODY:
                continue
            answer = it.ask(method, filled(path), who, None if method in SAFE else {})
            assert (answer.status_code, answer.json()["code"]) == (403, "credential_kind"), (method, path)


def test_only_what_is_listed_here_is_open_to_everybody(it: Office) -> None:
    assert {(method, path) for method, path, access in routes(it) if access.is_public} == FOR_ANYBODY


def test_what_matters_most_needs_just_the_role_listed_here(it: Office) -> None:
    found = {(method, path): access for method, path, access in routes(it)}
    for place, roles in ONLY_ROLE.items():
        assert found[place].roles == roles, place


def test_a_route_without_a_declaration_keeps_the_application_from_being_made(it: Office) -> None:
    def forgotten() -> dict[str, str]:
        return {}

    with pytest.raises(Undeclared, match="does not declare who may call it: add @allow"):
        _add(it.app, PREFIX, Route("GET", "/forgotten", forgotten, dict))


def test_another_agents_runs_and_actions_are_not_there(it: Office) -> None:
    mine, theirs = it.world.start("buyer", VISITOR), it.world.start("seller", VISITOR)
    attempt = it.world.door.attempt_tool(theirs, "erp.get", {"id": "1"})
    it.world.door.admit(attempt)
    buyer = it.agent("buyer")
    for path in (f"/runs/{theirs.id}", f"/runs/{theirs.id}/actions", f"/actions/{attempt.action}"):
        assert it.ask("GET", PREFIX + path, buyer).status_code == 404
        assert it.ask("GET", PREFIX + path, it.agent("seller")).status_code == 200
        assert it.ask("GET", PREFIX + path, it.run_token(mine.id)).status_code == 404
    listed = it.ask("GET", f"{PREFIX}/runs?limit=200", buyer).json()["runs"]
    assert {run["agent"] for run in listed} == {"buyer"}
    other = it.world.start("buyer", VISITOR)
    one = it.ask("GET", f"{PREFIX}/runs", it.run_token(other.id)).json()["runs"]
    assert [run["id"] for run in one] == [other.id]
    assert it.ask("GET", f"{PREFIX}/runs/{mine.id}", it.run_token(other.id)).status_code == 404
    assert it.ask("POST", f"{PREFIX}/runs/{theirs.id}/token", buyer, {}).status_code == 404


def test_facts_are_not_for_agents(it: Office) -> None:
    run = it.world.start("buyer", VISITOR)
    attempt = it.world.door.attempt_tool(run, "erp.get", {"id": "1"})
    it.world.door.admit(attempt)
    assert it.ask("GET", f"{PREFIX}/actions/{attempt.action}", it.agent()).json()["facts"] is None
    assert it.ask("GET", f"{PREFIX}/actions/{attempt.action}", it.token(Role.VIEWER)).json()["facts"] is not None


@pytest.mark.parametrize("channel", ["cookie", "header"])
def test_a_credential_counts_only_where_it_belongs(it: Office, channel: str) -> None:
    token, session = it.token(Role.VIEWER).secret, it.session(Role.VIEWER).secret
    headers = {"Cookie": f"remit_session={token}"} if channel == "cookie" else {"Authorization": f"Bearer {session}"}
    assert it.ask("GET", f"{PREFIX}/me", Shows("mixed up", headers)).json()["code"] == "not_valid"


def test_wrong_keys_slow_their_address_down_and_right_ones_are_let_in(tmp_path: Path) -> None:
    with office(tmp_path) as it:
        good = it.token(Role.VIEWER)
        bad = Shows("guesser", {"Authorization": "Bearer rmt_p_guess"})
        codes = [it.ask("GET", f"{PREFIX}/me", bad).status_code for _ in range(8)]
        assert codes == [401] * 6 + [429] * 2
        assert "Retry-After" in it.ask("GET", f"{PREFIX}/me", bad).headers
        assert it.ask("GET", f"{PREFIX}/me", good).status_code == 200
        it.world.clock.advance(3)
        assert it.ask("GET", f"{PREFIX}/me", bad).status_code == 401
