"""The OpenAPI document: what FastAPI works out, and who may call, what is refused, what is repeated."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from remit.api.access import Access, declared
from remit.api.route import GuardedRoute, Route
from remit.domain.identity import AGENTS, CredentialKind

PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "What was wrong (RFC 9457). `code` is for programs, `remedy` says what would be right.",
    "required": ["type", "title", "status", "code", "detail", "field", "remedy"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "field": {"type": "string"},
        "remedy": {"type": "string"},
        "problems": {"type": "array", "items": {"type": "object"}},
    },
}
SCHEMES: dict[str, Any] = {
    "session": {"type": "apiKey", "in": "cookie", "name": "remit_session", "description": "A signed-in person."},
    "person_token": {"type": "http", "scheme": "bearer", "description": "A person's token, `rmt_p_...`."},
    "agent_key": {"type": "http", "scheme": "bearer", "description": "An agent's key, `rmt_a_...`."},
    "run_token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "A run's token."},
}
IDEMPOTENCY_KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "maxLength": 200, "minLength": 1},
    "description": "Sent again with the same request it gets the first answer, with another one 422.",
}


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the document, made once."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            summary=app.summary,
            routes=app.routes,
            separate_input_output_schemas=False,
        )
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        schemas["Problem"] = PROBLEM
        document["components"]["securitySchemes"] = SCHEMES
        for route in app.routes:
            if isinstance(route, GuardedRoute):
                _complete(document, route, app.state.routes[route.name])
        app.openapi_schema = document
    return app.openapi_schema


def _complete(document: dict[str, Any], route: GuardedRoute, told: Route) -> None:
    operation = document["paths"][route.path_format][told.method.lower()]
    access = declared(route.endpoint)
    answers = operation["responses"]
    answers.pop("422", None)
    for status, words in _refusals(access, told).items():
        schema = {"$ref": "#/components/schemas/Problem"}
        answers[status] = {"description": words, "content": {"application/problem+json": {"schema": schema}}}
    operation["security"] = [{kind.value: []} for kind in sorted(access.kinds)]
    if access.kinds - AGENTS:
        operation["x-remit-roles"] = sorted(access.roles)
    if told.writes:
        operation.setdefault("parameters", []).append(IDEMPOTENCY_KEY)
    if told.method != "GET" and CredentialKind.SESSION in access.kinds:
        operation["x-remit-csrf"] = "X-CSRF-Token"


def _refusals(access: Access, told: Route) -> dict[str, str]:
    found = {"400": "Malformed", "503": "The database does not answer"}
    if not access.is_public or told.path.startswith("/session"):
        found |= {"401": "Not signed in", "429": "Too many attempts"}
    if not access.is_public:
        found |= {"403": "Not allowed"}
    if told.method != "GET" or "{" in told.path or not access.is_public:
        found |= {"422": "A field does not fit"}
    if "{" in told.path or told.path in _LOOKING_UP:
        found |= {"404": "Not there"}
    if told.method != "GET":
        found |= {"408": "Too slow", "409": "Not as things stand", "413": "Too large", "415": "Not JSON", "410": "Gone"}
    elif not access.is_public:
        found |= {"409": "Not as things stand"}
    return found


_LOOKING_UP = frozenset(
    "/agents /tools /prompts /policies /policies/test /policies/run-tests /budgets /records /stops /stops/lift /people"
    " /permissions/for /ledger/checkpoint /ledger/keys /ledger/inclusion /ledger/consistency /backtests /trials".split()
)
