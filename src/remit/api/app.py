"""The control plane as one FastAPI application: every noun's routes, through one seam."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from remit.api.access import PUBLIC, Undeclared, allow
from remit.api.actions import ActionRoutes
from remit.api.agents import AgentRoutes
from remit.api.approval_details import ApprovalDetailRoutes
from remit.api.approvals import ApprovalRoutes
from remit.api.backtests import BacktestRoutes
from remit.api.budgets import BudgetRoutes
from remit.api.bundle import BundleRoutes
from remit.api.conversations import ConversationRoutes
from remit.api.delegations import DelegationRoutes
from remit.api.figures import Figures
from remit.api.health import HealthRoutes
from remit.api.incidents import IncidentRoutes
from remit.api.keys import KeyRoutes
from remit.api.ledger import LedgerRoutes
from remit.api.openapi import describe
from remit.api.overview import OverviewRoutes
from remit.api.people import PeopleRoutes
from remit.api.permissions import PermissionRoutes
from remit.api.policies import PolicyRoutes
from remit.api.policy_matches import MatchRoutes
from remit.api.policy_reach import ReachRoutes
from remit.api.policy_reasons import ReasonRoutes
from remit.api.prompts import PromptRoutes
from remit.api.records import RecordRoutes
from remit.api.release_changes import ReleaseChangeRoutes
from remit.api.releases import ReleaseRoutes
from remit.api.route import GuardedRoute, Identifies, Route, Seam, in_threads, problem
from remit.api.runs import RunRoutes
from remit.api.sessions import SessionRoutes
from remit.api.sign_in_page import SignInPage
from remit.api.stops import StopRoutes
from remit.api.trials import TrialRoutes
from remit.api.upstreams import UpstreamRoutes
from remit.api.use_cases import UseCases
from remit.asgi.answers import Refusal
from remit.asgi.limits import RequestLimits


class Noun(Protocol):
    """The routes of one noun."""

    def routes(self) -> Iterator[Route]: ...


Nouns = Iterable[Noun]

PREFIX = "/api/v1"
UPLOAD_BYTES = 32 * 1_048_576
"""Largest workspace folder that is taken over HTTP."""
UPLOAD_VALUES = 100_000


def control_plane(
    use: UseCases,
    figures: Figures,
    limits: RequestLimits,
    version: str,
    more: Nouns = (),
    present: Identifies | None = None,
) -> FastAPI:
    """Make the application.

    Args:
        use: what the routes call.
        figures: where requests are counted.
        limits: bounds of one request.
        version: of this server.
        more: nouns that need more than `use`: the server itself, an identity provider.
        present: knows who calls without a credential; never for an application that others can reach.

    Raises:
        Undeclared: a route does not say who may call it.
    """
    app = FastAPI(
        title="Remit",
        version=version,
        summary="The control plane: what each agent may do, what it did, and what people decided.",
        openapi_url=None,  # a route of ours, that declares who may call it as all do
        docs_url=None,  # they load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
    )
    app.router.route_class = GuardedRoute
    seam = Seam(
        present or use.doorkeeper,
        use.repeats,
        figures,
        limits,
        RequestLimits(limits.head_bytes, UPLOAD_BYTES, limits.depth, UPLOAD_VALUES, 60.0),
    )
    app.state.seam = seam
    app.state.routes = {}
    for route in HealthRoutes(use, figures).routes():
        _add(app, "", route)
    for route in SignInPage().routes():
        _add(app, "", route)
    for route in (*_routes(use), *(route for noun in more for route in noun.routes())):
        _add(app, PREFIX, route)
    _add(app, PREFIX, Route("GET", "/openapi.json", _Document(app).openapi, None))
    undeclared = [route for route in app.routes if not isinstance(route, GuardedRoute)]
    if undeclared:
        raise Undeclared(f"{undeclared[0]} does not pass the seam")
    app.add_exception_handler(HTTPException, _unrouted)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]
    return app


class _Document:
    def __init__(self, app: FastAPI) -> None:
        self._app = app

    @allow(PUBLIC)
    def openapi(self) -> JSONResponse:
        """Return this document."""
        return JSONResponse(self._app.openapi())


def _routes(use: UseCases) -> Iterator[Route]:
    incidents = IncidentRoutes(use)
    nouns: Nouns = (
        SessionRoutes(use),
        PeopleRoutes(use),
        KeyRoutes(use),
        RunRoutes(use),
        ActionRoutes(use),
        ConversationRoutes(use),
        ReleaseRoutes(use),
        ReleaseChangeRoutes(use),
        BacktestRoutes(use),
        TrialRoutes(use),
        AgentRoutes(use),
        UpstreamRoutes(use),
        PolicyRoutes(use),
        PermissionRoutes(use),
        PromptRoutes(use),
        ReachRoutes(use),
        MatchRoutes(use),
        ReasonRoutes(use),
        BudgetRoutes(use),
        OverviewRoutes(use, incidents),
        incidents,
        ApprovalRoutes(use),
        DelegationRoutes(use),
        ApprovalDetailRoutes(use),
        StopRoutes(use),
        RecordRoutes(use),
        LedgerRoutes(use),
        BundleRoutes(use),
    )
    for noun in nouns:
        yield from noun.routes()


def _add(app: FastAPI, prefix: str, route: Route) -> None:
    """Add one route; its name is the noun's file and the function's, as `runs.all`."""
    noun = route.function.__module__.rpartition(".")[2]
    name = f"{noun}.{route.function.__name__}"
    app.state.routes[name] = route
    threads = app.state.seam.threads_of(route)
    app.router.add_api_route(
        prefix + route.path,
        route.function if threads is None else in_threads(route.function, threads),
        methods=[route.method],
        response_model=route.answer,
        status_code=route.status,
        response_class=route.form,
        name=name,
        operation_id=name.replace(".", "_"),
        tags=[noun],
    )


async def _unrouted(_: Request, error: Exception) -> Response:
    """Answer for a path or method that is not there, as for everything else."""
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        return problem(Refusal(405, "no_method", "there is no such method here", "The OpenAPI document lists them"))
    if error.status_code == 404:
        return problem(Refusal(404, "no_route", "there is no such route", "The OpenAPI document lists them"))
    return problem(Refusal(error.status_code, "refused", "the request was refused", "Correct it"))
