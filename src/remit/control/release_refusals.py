"""Why a release is not made, or a channel not moved."""

from __future__ import annotations

from collections.abc import Sequence

from remit.control.policy_tests import Tested
from remit.domain.problem import Problem


class ReleaseRefused(Exception):
    """A release can not be made or activated. The message says why and what to do."""


class FolderHasProblems(ReleaseRefused):
    """The files hold mistakes; nothing was made of them."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(
            f"{len(self.problems)} problems; run `remit validate` to see them all. First: {self.problems[0]}"
        )


class TestsFailed(ReleaseRefused):
    """The workspace's own tests do not pass; nothing was made."""

    def __init__(self, failed: Sequence[Tested]) -> None:
        self.failed = tuple(failed)
        first = self.failed[0]
        super().__init__(
            f"{len(self.failed)} of the workspace's tests fail. First: {first.scenario.name}: {'; '.join(first.misses)}"
        )


class GateClosed(ReleaseRefused):
    """A gate of the channel is closed. `gate` names it; the message says what it wants and what to run."""

    def __init__(self, gate: str, message: str) -> None:
        self.gate = gate
        super().__init__(f"the gate {gate} is closed: {message}")
