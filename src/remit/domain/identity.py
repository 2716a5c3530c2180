"""Who calls. What a credential is decides before any role: an agent's can never do what is a person's to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from remit.domain.ids import AgentName, RunId, UserId, WorkspaceName
from remit.domain.release import PRODUCTION


class CredentialKind(StrEnum):
    """What a caller has shown."""

    SESSION = "session"
    """A person signed in, in a browser or on the command line."""
    PERSON_TOKEN = "person_token"  # noqa: S105 - a kind, not a secret
    """A person's API token."""
    AGENT_KEY = "agent_key"
    """A long-lived key of one agent in one workspace."""
    RUN_TOKEN = "run_token"  # noqa: S105 - a kind, not a secret
    """A short-lived signed token of one run."""


class Role(StrEnum):
    """What a person may do in a workspace."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"
    AUTHOR = "author"
    AUDITOR = "auditor"
    ADMIN = "admin"


PEOPLE = frozenset({CredentialKind.SESSION, CredentialKind.PERSON_TOKEN})
AGENTS = frozenset({CredentialKind.AGENT_KEY, CredentialKind.RUN_TOKEN})


@dataclass(frozen=True, slots=True)
class Caller:
    """A verified identity. `person` and `roles` are a person's; `agent` is an agent's, and `run` a run token's.

    `channel` is the one that the runs of an agent's key are of, `issuer` what a run's token rests on.
    """

    kind: CredentialKind
    workspace: WorkspaceName
    credential: str
    person: UserId | None = None
    roles: frozenset[Role] = frozenset()
    agent: AgentName | None = None
    run: RunId | None = None
    channel: str = PRODUCTION
    issuer: str = ""

    @property
    def is_person(self) -> bool:
        """Whether a person calls."""
        return self.kind in PEOPLE
