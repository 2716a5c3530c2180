"""Releases in any order of events: what is active is what somebody applied, byte for byte, and runs keep theirs."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from remit.control.releases import ReleaseRefused, content_id
from remit.domain.finding import Code
from remit.domain.ids import ReleaseId
from remit.domain.run import Run
from tests.worlds import OWNER, WORKSPACE, World, agent, files, reopened

CHANNEL = "production"
PATHS = ("agents/buyer.yaml", "agents/clerk.yaml", "policies/pay.cedar")
VARIANTS: dict[str, list[str | None]] = {
    "agents/buyer.yaml": [agent(), agent(limits={"steps": 3}), agent(tools=["erp.get"])],
    "agents/clerk.yaml": [None, agent("clerk"), agent("clerk", tools=[])],
    "policies/pay.cedar": [None, '@id("none") forbid(principal, action == Action::"erp.drop", resource);'],
}
choices = st.fixed_dictionaries({path: st.sampled_from(VARIANTS[path]) for path in PATHS})
some_paths = st.lists(st.sampled_from(PATHS), min_size=1, max_size=2, unique=True).map(tuple)


class ReleaseStates(RuleBasedStateMachine):
    """Acts on real releases; beside it, a list of what the channel has pointed at."""

    def __init__(self, template: Path) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="releases-"))
        for path in template.iterdir():
            shutil.copy(path, self.folder)
        self.opened = reopened(self.folder / "remit.db")
        self.it: World = self.opened.__enter__()
        self.past: list[ReleaseId] = []
        self.contents: dict[ReleaseId, dict[str, bytes]] = {}
        self.withdrawn: set[ReleaseId] = set()
        self.runs: list[tuple[Run, ReleaseId]] = []

    def teardown(self) -> None:
        self.opened.__exit__(None, None, None)
        shutil.rmtree(self.folder)

    def activated(self, release: ReleaseId, content: dict[str, bytes]) -> None:
        assert release == content_id(content)
        self.past.append(release)
        self.contents[release] = content

    @property
    def active(self) -> dict[str, bytes]:
        return self.contents[self.past[-1]] if self.past else {}

    def merged(self, source: dict[str, bytes], only: tuple[str, ...]) -> dict[str, bytes] | None:
        """What the active files become with just these paths as in the source; None where a path is in neither."""
        result = dict(self.active)
        for path in only:
            if path not in source and path not in result:
                return None
            result.pop(path, None)
            result.update({path: source[path]} if path in source else {})
        return result

    # -- what people do

    @rule(changes=choices)
    def apply(self, changes: dict[str, str | None]) -> None:
        content = files(changes)
        release = self.try_to_activate(content, lambda: self.it.apply(changes).id)
        if release is not None:
            self.activated(release, content)

    def try_to_activate(self, content: dict[str, bytes], act: object) -> ReleaseId | None:
        """Content that was withdrawn does not come back by another door."""
        if content_id(content) in self.withdrawn:
            with pytest.raises(ReleaseRefused, match="withdrawn"):
                act()  # type: ignore[operator]
            return None
        return act()  # type: ignore[operator, no-any-return]

    @precondition(lambda self: self.past)
    @rule(changes=choices, only=some_paths)
    def apply_only(self, changes: dict[str, str | None], only: tuple[str, ...]) -> None:
        source = files(changes)
        content = self.merged(source, only)
        if content is None:
            with pytest.raises(ReleaseRefused, match="neither in the active release nor in what is applied"):
                self.it.plan(source, only=only)
            return

        def act() -> ReleaseId:
            return self.it.releases.apply(self.it.plan(source, only=only), CHANNEL).id

        release = self.try_to_activate(content, act)
        if release is not None:
            self.activated(release, content)

    def before(self) -> ReleaseId | None:
        """The release that going back leads to."""
        earlier = [each for each in reversed(self.past) if each != self.past[-1] and each not in self.withdrawn]
        return earlier[0] if earlier else None

    @precondition(lambda self: self.past)
    @rule()
    def roll_back(self) -> None:
        target = self.before()
        if target is None:
            with pytest.raises(ReleaseRefused, match="there is nothing to go back to"):
                self.it.releases.rollback(WORKSPACE, OWNER, "oops", CHANNEL)
            return
        assert self.it.releases.rollback(WORKSPACE, OWNER, "oops", CHANNEL).id == target
        self.activated(target, self.contents[target])

    @precondition(lambda self: self.past)
    @rule(which=st.integers(0), only=some_paths)
    def roll_back_only(self, which: int, only: tuple[str, ...]) -> None:
        target = sorted(self.contents)[which % len(self.contents)]
        content = self.merged(self.contents[target], only)

        def act() -> ReleaseId:
            return self.it.releases.rollback(WORKSPACE, OWNER, "oops", CHANNEL, target, only).id

        if target in self.withdrawn or content is None:
            with pytest.raises(ReleaseRefused):
                act()
            return
        release = self.try_to_activate(content, act)
        if release is not None:
            self.activated(release, content)

    @precondition(lambda self: self.past)
    @rule(which=st.integers(0))
    def withdraw(self, which: int) -> None:
        target = sorted(self.contents)[which % len(self.contents)]
        if target == self.past[-1]:
            with pytest.raises(ReleaseRefused, match=f"is active on {CHANNEL}: activate another one first"):
                self.it.releases.withdraw(WORKSPACE, target, OWNER, "a hole")
            return
        self.it.releases.withdraw(WORKSPACE, target, OWNER, "a hole")
        self.withdrawn.add(target)

    @precondition(lambda self: self.past)
    @rule()
    def start_run(self) -> None:
        self.runs.append((self.it.start(), self.past[-1]))

    @precondition(lambda self: self.runs)
    @rule(which=st.integers(0))
    def act(self, which: int) -> None:
        run, began_with = self.runs[which % len(self.runs)]
        admission = self.it.door.admit(self.it.door.attempt_tool(run, "erp.get", {"id": "1"}))
        codes = {finding.code for finding in admission.decision.findings}
        assert (Code.RELEASE_WITHDRAWN in codes) == (began_with in self.withdrawn)
        assert self.it.records()[-1]["release"] == began_with

    # -- what must hold

    @invariant()
    def the_channel_points_at_what_was_activated_last(self) -> None:
        expected = self.past[-1] if self.past else None
        assert self.it.store.active(WORKSPACE, CHANNEL) == expected
        assert [each.release for each in self.it.store.activations(WORKSPACE, CHANNEL)] == self.past[::-1]

    @invariant()
    def the_active_release_is_byte_for_byte_what_was_applied(self) -> None:
        if self.past:
            assert dict(self.it.releases.active(WORKSPACE, CHANNEL).files) == self.active  # type: ignore[union-attr]

    def check_all_contents(self) -> None:
        for release, content in self.contents.items():
            found = self.it.store.release(WORKSPACE, release)
            assert dict(found.files) == content
            assert (found.withdrawn_at is not None) == (release in self.withdrawn)
        for run, began_with in self.runs:
            assert run.release == self.it.store.run(run.id).release == began_with


class CheckedAtTheEnd(ReleaseStates):
    def teardown(self) -> None:
        try:
            self.check_all_contents()
        finally:
            super().teardown()


@pytest.mark.slow
def test_releases_are_what_was_applied_in_any_order_of_events(tmp_path: Path) -> None:
    with reopened(tmp_path / "remit.db"):
        pass
    # Reading YAML takes most of the time; a tenth of the examples of the profile is enough here.
    fewer = settings(max_examples=settings().max_examples // 10, stateful_step_count=25)
    run_state_machine_as_test(lambda: CheckedAtTheEnd(tmp_path), settings=fewer)  # type: ignore[arg-type]  # a factory will do
    assert fewer.max_examples >= 10
