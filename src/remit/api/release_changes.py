"""What a release changed, in a reviewer's words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import Query

from remit.api.access import allow, people
from remit.api.actions import ToldIn
from remit.api.policies import rules_of
from remit.api.releases import ChangeShown, change_of
from remit.api.route import Route
from remit.api.shapes import Asker, Shown
from remit.api.use_cases import UseCases
from remit.domain.ids import ReleaseId, WorkspaceName
from remit.workspace.difference import changes


class ReleaseChanges(Shown):
    """What is other in a release than in the one `before`; null: nothing was, and everything is new."""

    release: str
    before: str | None
    changes: list[ChangeShown]


class ReleaseChangeRoutes:
    """What releases changed."""

    def __init__(self, use: UseCases) -> None:
        self._use = use

    def routes(self) -> Iterator[Route]:
        """Name the routes."""
        yield Route("GET", "/releases/{release}/changes", self.all, ReleaseChanges)

    @allow(people())
    def all(
        self,
        release: str,
        caller: Asker,
        before: Annotated[str, Query(max_length=64, description="By default the release made before it.")] = "",
        language: ToldIn = "en",
    ) -> ReleaseChanges:
        """Say in words what a release changed."""
        after = rules_of(self._use, caller, release)
        earlier = before or self._made_before(caller.workspace, after.release)
        old = None if earlier is None else rules_of(self._use, caller, earlier)
        found = changes(None if old is None else old.configuration, after.configuration)
        return ReleaseChanges(
            release=after.release,
            before=earlier,
            changes=[change_of(each, language) for each in found],
        )

    def _made_before(self, workspace: WorkspaceName, release: ReleaseId) -> str | None:
        known = [each.id for each in self._use.store.releases(workspace)]
        place = known.index(release) + 1
        return known[place] if place < len(known) else None
