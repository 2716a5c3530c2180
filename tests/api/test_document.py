"""The OpenAPI document is a golden file, and what it says holds: schemathesis asks everything it describes.

`REMIT_UPDATE_GOLDEN=1 pytest tests/api/test_document.py` writes the document anew; the difference is to be reviewed.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import APIOperation, Case, openapi
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from remit.domain.clock import Instant
from remit.domain.identity import Role
from tests.api.office import PREFIX, Office, office
from tests.worlds import LINA, SARA, VISITOR, WORKSPACE

GOLDEN = Path(__file__).parent / "golden" / "openapi.json"
UPDATE = bool(os.environ.get("REMIT_UPDATE_GOLDEN"))
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 200 if os.environ.get("REMIT_NIGHTLY") else 12
SIGNING_OUT = ("/api/v1/session", "/api/v1/me/password", "/disable", "/password", "/roles")
"""What would end the session of who asks."""


@pytest.fixture(scope="module")
def it(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with office(tmp_path_factory.mktemp("document")) as opened:
        yield opened


def document(it: Office) -> dict[str, Any]:
    found = it.ask("GET", f"{PREFIX}/openapi.json").json()
    assert isinstance(found, dict)
    return found


def test_the_document_is_the_golden_one(it: Office) -> None:
    text = json.dumps(document(it), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    if UPDATE:
        GOLDEN.write_text(text, "utf-8")
    assert text == GOLDEN.read_text("utf-8"), "run with REMIT_UPDATE_GOLDEN=1 and review the difference"


def test_every_route_is_in_the_document_and_says_who_may_call_it(it: Office) -> None:
    paths = document(it)["paths"]
    for route in it.app.routes:
        assert isinstance(route, APIRoute)
        for method in route.methods or ():
            operation = paths[route.path_format][method.lower()]
            assert "security" in operation
            assert operation["description"]


def test_what_writes_takes_an_idempotency_key(it: Office) -> None:
    reading = {
        "/policies/test",
        "/policies/run-tests",
        "/prompts/{prompt}/render",
        "/releases/plan",
        "/session",
        "/session/link",
        "/runs/{run}/token",
    }
    for path, operations in document(it)["paths"].items():
        for method, operation in operations.items():
            takes = any(p["name"] == "Idempotency-Key" for p in operation.get("parameters", []))
            assert takes is (method != "get" and path.removeprefix(PREFIX) not in reading), (method, path)


@pytest.mark.slow
def test_what_the_document_says_holds(it: Office) -> None:
    run = it.world.start("buyer", VISITOR)
    held = it.world.door.admit(it.world.door.attempt_tool(run, "erp.pay", {"amount": 900}))
    real = {
        "run": run.id,
        "action": held.action,
        "approval": str(held.approval),
        "release": run.release,
        "agent": run.agent,
        "tool": "erp.pay",
        "person": it.person(),
        "size": "1",
        "position": "1",
        "level": "0",
        "place": "000.p/1",
        "trial": "trl_none",
        "prompt": "none",
        "workflow": "none",
        "schedule": "none~0",
        "stop": "stop_00000000000000000000",
        "backtest": it.ask("POST", f"{PREFIX}/backtests", it.token(Role.AUTHOR), {"release": run.release}).json()["id"],
        "key": it.credentials.make_agent_key(WORKSPACE, run.agent, "user:test").credential.id,
    }
    now = it.world.clock.now()
    away = it.world.delegations.make(WORKSPACE, SARA, SARA, LINA, now, Instant(now + 1_000_000))
    real["delegation"] = away.id
    admin = it.session(*Role)
    schema = openapi.from_asgi(f"{PREFIX}/openapi.json", it.app)
    asked = 0
    for found in schema.get_all_operations():
        operation = found.ok()  # type: ignore[union-attr]  # an error in the document is one of the test
        if operation.method != "get" and operation.path.endswith(SIGNING_OUT):
            continue
        ask_often(operation, admin.headers, real)
        asked += 1
    assert asked > 40


def ask_often(operation: APIOperation, headers: Mapping[str, str], real: Mapping[str, str]) -> None:
    """Ask with generated values, and two times out of three with ids of what is there."""
    counted = itertools.count()

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def once(case: Case) -> None:
        case.headers.pop("Authorization", None)
        case.headers.update(headers)
        case.cookies = {}
        if next(counted) % 3:
            case.path_parameters = {name: real[name] for name in case.path_parameters or {}}
        case.validate_response(case.call(), checks=CHECKS)

    once()
