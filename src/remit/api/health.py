"""Health, readiness and figures."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi.responses import PlainTextResponse

from remit.api.access import PUBLIC, allow, people
from remit.api.figures import Figures
from remit.api.route import Route
from remit.api.shapes import Asker, Shown
from remit.api.use_cases import UseCases
from remit.api.workspace_figures import WorkspaceFigures
from remit.asgi.answers import Refusal
from remit.storage.port import StoreError


class Healthy(Shown):
    """The process answers."""

    status: str = "ok"


class HealthRoutes:
    """Health, readiness and figures."""

    def __init__(self, use: UseCases, figures: Figures) -> None:
        self._use = use
        self._figures = figures

    def routes(self) -> Iterator[Route]:
        """Name the routes; they stand outside /api/v1."""
        yield Route("GET", "/healthz", self.health, Healthy)
        yield Route("GET", "/readyz", self.ready, Healthy)
        yield Route("GET", "/metrics", self.metrics, None, form=PlainTextResponse)

    @allow(PUBLIC)
    def health(self) -> Healthy:
        """Say that the process answers."""
        return Healthy()

    @allow(PUBLIC)
    def ready(self) -> Healthy:
        """Say that the database answers; 503 where it does not."""
        try:
            self._use.store.workspaces()
        except StoreError:
            raise Refusal(503, "not_ready", "the database does not answer", "Wait", retry_after_s=1) from None
        return Healthy()

    @allow(people())
    def metrics(self, caller: Asker) -> PlainTextResponse:
        """Return figures in the text format of Prometheus: of this process, and of the caller's workspace."""
        mine = WorkspaceFigures(self._use, self._figures.admissions, caller.workspace)
        return PlainTextResponse(self._figures.text(mine), media_type="text/plain; version=0.0.4; charset=utf-8")
