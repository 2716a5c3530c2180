"""Releases: plan and apply an uploaded folder, activate, go back, withdraw, export."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import Field

from remit.api.access import allow, people
from remit.api.actions import ToldIn
from remit.api.route import Route
from remit.api.shapes import Asker, Body, Channel, Prose, Shown, missing, words
from remit.api.use_cases import UseCases
from remit.asgi.answers import Refusal
from remit.control.policy_tests import Tested
from remit.control.releases import Plan
from remit.domain.consequence import Consequence, say_consequence
from remit.domain.identity import Caller, Role
from remit.domain.ids import ReleaseId, WorkspaceName
from remit.domain.messages import Language, say
from remit.domain.release import Release
from remit.workspace.change import Change
from remit.workspace.files import MAX_FILES, Folder
from remit.workspace.placement import is_configuration

Expect = list[Annotated[str, Field(max_length=64)]]


class Upload(Body):
    """A workspace folder: text by path relative to it. `only` takes over just these paths."""

    files: Annotated[dict[str, str], Field(max_length=MAX_FILES)]
    channel: Channel = "production"
    message: Prose = ""
    only: list[str] = Field(default_factory=list, max_length=1_000)
    expect: Expect = Field(default_factory=list, max_length=1_000)
    expected: Annotated[str, Field(max_length=64, description="The release of a plan that was looked at.")] = ""


class Activation(Body):
    """Which channel, and why; `expect` names flips of the backtest that are wanted."""

    channel: Channel = "production"
    message: Prose = ""
    expect: Expect = Field(default_factory=list, max_length=1_000)


class Rollback(Activation):
    """Where to go back to; by default what the channel pointed at before."""

    to: Annotated[str, Field(max_length=64)] = ""
    only: list[str] = Field(default_factory=list, max_length=1_000)


class ProposalShown(Shown):
    """One person wants a channel to point at the release; it does once another one activates it, too."""

    channel: str
    by: str
    at: int
    message: str


class ReleaseShown(Shown):
    """A release. `active_on` are the channels that point at it.

    `proposed` is who wants a channel to point at it and waits for another person: then nothing has moved yet.
    """

    id: str
    author: str
    message: str
    created_at: int
    withdrawn_at: int | None
    active_on: list[str]
    proposed: list[ProposalShown]


class ReleasesShown(Shown):
    """Releases, newest first."""

    releases: list[ReleaseShown]


class FilesShown(Shown):
    """The files a release was made of."""

    id: str
    files: dict[str, str]


class ChangeShown(Shown):
    """One change, in a reviewer's words."""

    resource: str
    kind: str
    words: str


class ConsequenceShown(Shown):
    """Actions that come out otherwise: `allow`, `deny` or `hold` after instead of before.

    `example` has what the policies read, of a request that does; `recorded` actions do too, `action` among them.
    """

    agents: list[str]
    target: str
    before: str
    after: str
    cause: str
    words: str
    example: dict[str, str]
    action: str
    recorded: int


class TestShown(Shown):
    """One of the workspace's own tests."""

    name: str
    file: str
    line: int
    passed: bool
    misses: list[str]
    verdict: str
    reasons: list[str]


class PlanShown(Shown):
    """What applying would do. Nothing is stored.

    `consequences` are found by search: each is certain, and that there are no others is not.
    """

    release: str
    before: str | None
    is_active: bool
    changes: list[ChangeShown]
    consequences: list[ConsequenceShown]
    tests: list[TestShown]


READS_HISTORY = frozenset({Role.AUTHOR, Role.ADMIN, Role.AUDITOR})
"""Who may try rules on recorded actions, as in a backtest: by what flips, arguments can be found out."""


class ReleaseRoutes:
    """Releases."""

    def __init__(self, use: UseCases) -> None:
        self._use = use

    def routes(self) -> Iterator[Route]:
        """Name the routes."""
        yield Route("GET", "/releases", self.all, ReleasesShown)
        yield Route("POST", "/releases", self.apply, ReleaseShown, 201, writes=True, large=True, heavy=True)
        yield Route("POST", "/releases/plan", self.plan, PlanShown, large=True, heavy=True)
        yield Route("POST", "/releases/rollback", self.rollback, ReleaseShown, writes=True)
        yield Route("GET", "/releases/{release}", self.one, ReleaseShown)
        yield Route("GET", "/releases/{release}/files", self.export, FilesShown)
        yield Route("POST", "/releases/{release}/activate", self.activate, ReleaseShown, writes=True)
        yield Route("POST", "/releases/{release}/withdraw", self.withdraw, ReleaseShown, writes=True)

    @allow(people())
    def all(self, caller: Asker) -> ReleasesShown:
        """List releases, newest first."""
        found = self._use.store.releases(caller.workspace)
        return ReleasesShown(releases=self._all_shown(caller.workspace, found))

    @allow(people())
    def one(self, release: str, caller: Asker) -> ReleaseShown:
        """Return one release."""
        return self._shown(self._existing(release, caller))

    @allow(people())
    def export(self, release: str, caller: Asker) -> FilesShown:
        """Return a release's files, as they were applied."""
        found = self._existing(release, caller)
        return FilesShown(
            id=found.id, files={path: content.decode("utf-8", "replace") for path, content in found.files.items()}
        )

    @allow(people())
    def plan(self, body: Upload, caller: Asker, language: ToldIn = "en") -> PlanShown:
        """Say what applying a folder would change, and how the workspace's own tests come out.

        Recorded actions are looked at where an author, an admin or an auditor asks.
        """
        plan = self._plan(body, caller)
        found = self._use.releases.consequences(plan, with_history=not READS_HISTORY.isdisjoint(caller.roles))
        return PlanShown(
            release=plan.release.id,
            before=None if plan.before is None else plan.before.id,
            is_active=plan.is_active,
            changes=[change_of(each, language) for each in plan.changes],
            consequences=[_consequence(each, language) for each in found],
            tests=[test_of(tested, language) for tested in plan.tested],
        )

    @allow(people(Role.AUTHOR))
    def apply(self, body: Upload, caller: Asker) -> ReleaseShown:
        """Make a release of a folder and point the channel at it; refused where its own tests fail.

        Where the workspace demands two people it is proposed, and another one activates it.
        """
        plan = self._plan(body, caller)
        if body.expected and body.expected != plan.release.id:
            raise Refusal(409, "not_as_planned", "the files are not those of the plan", "Plan again", field="expected")
        return self._shown(self._use.releases.apply(plan, body.channel, body.expect))

    @allow(people(Role.AUTHOR, Role.OPERATOR))
    def rollback(self, caller: Asker, body: Rollback = Rollback()) -> ReleaseShown:  # noqa: B008 - frozen
        """Activate an earlier release again, or make one in which just some paths are as they were there."""
        message = words(body.message, "message")
        by = str(caller.person)
        return self._shown(self._use.releases.rollback(caller.workspace, by, message, body.channel, body.to, body.only))

    @allow(people(Role.AUTHOR, Role.OPERATOR))
    def activate(
        self,
        release: str,
        caller: Asker,
        body: Activation = Activation(),  # noqa: B008 - frozen
    ) -> ReleaseShown:
        """Point a channel at a release, or, where that takes two people, propose it or agree to who has proposed it."""
        found = self._existing(release, caller)
        message = words(body.message, "message")
        by = str(caller.person)
        moved = self._use.releases.activate(caller.workspace, found.id, by, message, body.channel, body.expect)
        return self._shown(moved)

    @allow(people(Role.OPERATOR, Role.ADMIN))
    def withdraw(
        self,
        release: str,
        caller: Asker,
        body: Activation = Activation(),  # noqa: B008 - frozen
    ) -> ReleaseShown:
        """Withdraw a release: runs that began with it are admitted nothing more."""
        found = self._existing(release, caller)
        message = words(body.message, "message")
        self._use.releases.withdraw(caller.workspace, found.id, str(caller.person), message)
        return self._shown(self._existing(found.id, caller))

    def _plan(self, body: Upload, caller: Caller) -> Plan:
        files: dict[str, bytes] = {}
        for path, text in body.files.items():
            if is_configuration(path):
                try:
                    files[path] = text.encode()
                except UnicodeEncodeError:
                    raise Refusal(
                        422, "field_unfit", "a file holds half a character", "Send Unicode text", field="files"
                    ) from None
        folder = Folder(caller.workspace, dict(sorted(files.items())), ())
        message = words(body.message, "message")
        plan = self._use.releases.plan(folder, str(caller.person), message, body.channel, body.only)
        if plan.release.workspace != caller.workspace:
            raise Refusal(
                422,
                "other_workspace",
                f"the folder is of another workspace than {caller.workspace}",
                "Sign in there, or correct workspace.yaml",
                field="files",
            )
        return plan

    def _existing(self, id: str, caller: Caller) -> Release:
        found = self._use.store.release(caller.workspace, ReleaseId(id))
        if found is None:
            raise missing("release", id)
        return found

    def _shown(self, release: Release) -> ReleaseShown:
        return self._all_shown(release.workspace, [release])[0]

    def _all_shown(self, workspace: WorkspaceName, releases: Sequence[Release]) -> list[ReleaseShown]:
        store = self._use.store
        active = {channel: store.active(workspace, channel) for channel in store.channels(workspace)}
        proposals = store.proposals(workspace)
        return [
            ReleaseShown(
                id=release.id,
                author=release.author,
                message=release.message,
                created_at=release.created_at,
                withdrawn_at=release.withdrawn_at,
                active_on=[channel for channel, id in active.items() if id == release.id],
                proposed=[
                    ProposalShown(channel=each.channel, by=each.by, at=each.at, message=each.message)
                    for each in proposals
                    if each.release == release.id
                ],
            )
            for release in releases
        ]


def change_of(change: Change, language: Language) -> ChangeShown:
    """Return a change as the API has it."""
    return ChangeShown(resource=change.resource, kind=change.kind.value, words=change.words(language))


def _consequence(found: Consequence, language: Language) -> ConsequenceShown:
    return ConsequenceShown(
        agents=list(found.agents),
        target=found.target,
        before=found.before,
        after=found.after,
        cause=found.cause,
        words=say_consequence(found, language),
        example=dict(found.example),
        action=found.action,
        recorded=found.recorded,
    )


def test_of(tested: Tested, language: Language) -> TestShown:
    """Return one test's result."""
    return TestShown(
        name=tested.scenario.name,
        file=tested.scenario.file,
        line=tested.scenario.line,
        passed=tested.passed,
        misses=list(tested.misses),
        verdict=tested.decision.verdict.word,
        reasons=[say(reason, language) for reason in tested.decision.reasons],
    )
