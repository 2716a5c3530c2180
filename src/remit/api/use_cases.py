"""What the routes of the control plane may use; compose hands it in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from remit.api.access import Doorkeeper
from remit.asgi.answers import Refusal
from remit.control.approval_detail import Details, approval_link
from remit.control.approvals import Approvals
from remit.control.credentials import Credentials
from remit.control.delegations import Delegations
from remit.control.edits import Edits
from remit.control.evidence import LiveEvidence
from remit.control.people import People
from remit.control.questions import Questions
from remit.control.releases import Releases
from remit.control.repeats import Repeats
from remit.control.signing_in import SigningIn
from remit.control.stops import Stops
from remit.control.terminations import Terminations
from remit.control.tokens import RunTokens
from remit.domain.clock import Clock
from remit.domain.ids import ApprovalId, Ids, ReleaseId, WorkspaceName
from remit.execution.keys import Keys
from remit.execution.rulesets import Rulesets
from remit.kernel.ruleset import Ruleset
from remit.storage.port import Store


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long things last, in seconds."""

    session_idle_s: int
    session_max_s: int
    run_token_s: int


@dataclass(frozen=True, slots=True)
class Answering:
    """What people do about approvals beyond yes and no."""

    edits: Edits
    questions: Questions
    delegations: Delegations


@dataclass(frozen=True, slots=True)
class UseCases:
    """Everything the routes call."""

    store: Store
    clock: Clock
    ids: Ids
    keys: Keys
    rulesets: Rulesets
    releases: Releases
    approvals: Approvals
    answering: Answering
    details: Details
    stops: Stops
    terminations: Terminations
    people: People
    credentials: Credentials
    signing_in: SigningIn
    tokens: RunTokens
    repeats: Repeats
    doorkeeper: Doorkeeper
    lifetimes: Lifetimes
    evidence: Callable[[WorkspaceName], LiveEvidence]
    """The ledger of a workspace as it is now."""
    public_url: str
    """Where browsers reach the server, without a slash at its end."""
    home: WorkspaceName | None
    """The workspace of who signs in without naming one."""

    def link_to(self, approval: ApprovalId) -> str:
        """Return where a person looks at an approval and answers it."""
        return approval_link(self.public_url, approval)

    def home_workspace(self) -> WorkspaceName:
        """Return the workspace of who signs in without naming one: the setting's, or the only one with people."""
        if self.home is not None:
            return self.home
        known = self.store.workspaces_with_people()
        if len(known) != 1:
            raise Refusal(422, "field_missing", "which workspace is not said", "Name it", field="workspace")
        return known[0]

    def rules(self, workspace: WorkspaceName, release: str = "", channel: str = "production") -> Ruleset | None:
        """Return the rules of a release, by default the active one; None where there is none."""
        id = ReleaseId(release) if release else self.store.active(workspace, channel)
        if id is None or (release and self.store.release(workspace, id) is None):
            return None
        return self.rulesets.of(workspace, id)
