"""Who may try a release on live traffic, over HTTP, and who may weaken what is enforced."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from remit.domain.identity import Role
from tests.api.office import PREFIX, TWO_AGENTS, Office, office
from tests.worlds import BIG_PAYMENTS, files

PATH = f"{PREFIX}/trials"


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path) as opened:
        yield opened


@pytest.fixture
def candidate(it: Office) -> str:
    changed = files({**TWO_AGENTS, "policies/pay.cedar": BIG_PAYMENTS.replace("> 500", "> 5")})
    return it.world.releases.apply(it.world.plan(changed, "staging"), "staging").id


def test_a_canary_is_begun_by_an_author_and_weakened_by_an_admin(it: Office, candidate: str) -> None:
    author, admin = it.token(Role.AUTHOR), it.token(Role.ADMIN)
    body = {"release": candidate, "kind": "canary", "agents": ["seller"]}
    assert it.ask("POST", PATH, admin, body).json()["code"] == "role_missing"
    begun = it.ask("POST", PATH, author, body)
    assert begun.status_code == 201, begun.text
    path = f"{PATH}/{begun.json()['id']}"
    assert it.ask("POST", f"{path}/demote", author).status_code == 403
    observed = it.ask("POST", f"{path}/demote", admin).json()
    assert (observed["kind"], observed["agents"], observed["decided"]) == ("observe", ["seller"], 0)
    states = {each["kind"]: each["state"] for each in it.ask("GET", PATH, it.token(Role.VIEWER)).json()["trials"]}
    assert states == {"canary": "stopped", "observe": "running"}


def test_what_is_refused_says_why(it: Office, candidate: str) -> None:
    author = it.token(Role.AUTHOR)
    active = it.world.store.active("tiny", "production")
    same = it.ask("POST", PATH, author, {"release": active, "kind": "observe"})
    assert (same.status_code, same.json()["code"]) == (409, "trial_refused")
    assert it.ask("GET", f"{PATH}/try_none", author).status_code == 404
    for role in (Role.VIEWER, Role.APPROVER, Role.AUDITOR):
        assert it.ask("POST", PATH, it.token(role), {"release": candidate, "kind": "observe"}).status_code == 403
