"""Keys of agents, tokens of people, tokens of runs. A secret is told once, when it is made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from remit.api.access import agent_keys, allow, signed_in
from remit.api.route import Route
from remit.api.shapes import Asker, Body, Channel, Named, Reason, Shown, missing, words
from remit.api.use_cases import UseCases
from remit.control.credentials import LONGEST_OVERLAP_S, LONGEST_S, Made
from remit.domain.clock import MICROS_PER_SECOND
from remit.domain.facts import ScopeKind, scope_id
from remit.domain.identity import Role
from remit.domain.ids import AgentName, CredentialId, RunId, UserId
from remit.domain.release import PRODUCTION
from remit.storage.identity import Credential, SecretKind

Label = Annotated[str, Field(max_length=200)]


class NewKey(Body):
    """A key for an agent, whose runs are of `channel`; without `lasting_s` it holds until it is revoked."""

    agent: Named
    label: Label = ""
    lasting_s: Annotated[int, Field(ge=1, le=10 * LONGEST_S)] | None = None
    channel: Channel = PRODUCTION


class NewToken(Body):
    """A token for oneself, with one's own roles."""

    label: Label
    lasting_s: Annotated[int, Field(ge=1, le=LONGEST_S)] = 30 * 86_400


class Rotation(Body):
    """How long the old key holds beside the new one."""

    overlap_s: Annotated[int, Field(ge=0, le=LONGEST_OVERLAP_S)] = 86_400


class KeyShown(Shown):
    """A key or token. `secret` is told once; `hint` is how it begins; `channel` is an agent's key's."""

    id: str
    kind: str
    holder: str
    channel: str | None
    hint: str
    label: str
    created_by: str
    created_at: int
    expires_at: int | None
    revoked_at: int | None
    seen_at: int | None
    successor: str | None
    holds: bool
    secret: str | None = None


class KeysShown(Shown):
    """Keys and tokens."""

    keys: list[KeyShown]


class RunTokenShown(Shown):
    """A token of one run; it works for nothing else."""

    run: str
    secret: str | None
    expires_at: int


class KeyRoutes:
    """Keys and tokens."""

    def __init__(self, use: UseCases) -> None:
        self._use = use

    def routes(self) -> Iterator[Route]:
        """Name the routes."""
        yield Route("GET", "/keys", self.all, KeysShown)
        yield Route("POST", "/keys", self.make, KeyShown, 201, writes=True)
        yield Route("POST", "/keys/{key}/rotate", self.rotate, KeyShown, 201, writes=True)
        yield Route("POST", "/keys/{key}/revoke", self.revoke, KeyShown, writes=True)
        yield Route("GET", "/me/tokens", self.mine, KeysShown)
        yield Route("POST", "/me/tokens", self.make_mine, KeyShown, 201, writes=True)
        yield Route("POST", "/me/tokens/{key}/revoke", self.revoke_mine, KeyShown, writes=True)
        yield Route("POST", "/runs/{run}/token", self.run_token, RunTokenShown, 201)

    @allow(signed_in(Role.ADMIN, Role.AUDITOR))
    def all(self, caller: Asker, holder: str = "") -> KeysShown:
        """List agents' keys and people's tokens, newest first."""
        return KeysShown(keys=[self._shown(key) for key in self._use.credentials.all(caller.workspace, holder)])

    @allow(signed_in(Role.ADMIN))
    def make(self, body: NewKey, caller: Asker) -> KeyShown:
        """Make a key for an agent."""
        made = self._use.credentials.make_agent_key(
            caller.workspace, AgentName(body.agent), str(caller.person), body.label, body.lasting_s, body.channel
        )
        return self._told(made)

    @allow(signed_in(Role.ADMIN))
    def rotate(self, key: str, caller: Asker, body: Rotation = Rotation()) -> KeyShown:  # noqa: B008 - frozen
        """Make the successor of an agent's key; both hold until the overlap is over."""
        made = self._use.credentials.rotate(caller.workspace, CredentialId(key), str(caller.person), body.overlap_s)
        return self._told(made)

    @allow(signed_in(Role.ADMIN))
    def revoke(self, key: str, caller: Asker, body: Reason = Reason()) -> KeyShown:  # noqa: B008 - frozen
        """Make a key or token worthless at once, and the run tokens made with it."""
        self._existing(key, caller)
        return self._revoked(key, caller, body)

    @allow(signed_in())
    def mine(self, caller: Asker) -> KeysShown:
        """List one's own tokens."""
        mine = self._use.credentials.all(caller.workspace, str(caller.person), SecretKind.PERSON_TOKEN)
        return KeysShown(keys=[self._shown(key) for key in mine])

    @allow(signed_in())
    def make_mine(self, body: NewToken, caller: Asker) -> KeyShown:
        """Make a token for oneself."""
        person = UserId(str(caller.person))
        made = self._use.credentials.make_person_token(caller.workspace, person, person, body.label, body.lasting_s)
        return self._told(made)

    @allow(signed_in())
    def revoke_mine(self, key: str, caller: Asker, body: Reason = Reason()) -> KeyShown:  # noqa: B008 - frozen
        """Make a token of one's own worthless at once."""
        if self._existing(key, caller).holder != caller.person:
            raise missing("key", key)
        return self._revoked(key, caller, body)

    @allow(agent_keys())
    def run_token(self, run: str, caller: Asker) -> RunTokenShown:
        """Make a short-lived token for a run of the agent's own that has not ended."""
        found = self._use.store.run(RunId(run))
        if found is None or (found.workspace, found.agent) != (caller.workspace, caller.agent):
            raise missing("run", run)
        scope = self._use.store.scope(scope_id(ScopeKind.RUN, found.workspace, found.id))
        if scope is not None and scope.progress is not None and scope.progress.ended_at:
            raise missing("open run", run)
        token, expires_s = self._use.tokens.issue(
            found.workspace,
            found.agent,
            found.id,
            CredentialId(caller.credential),
            self._use.lifetimes.run_token_s,
        )
        return RunTokenShown(run=found.id, secret=token, expires_at=expires_s * MICROS_PER_SECOND)

    def _existing(self, key: str, caller: Asker) -> Credential:
        found = self._use.store.credential(CredentialId(key))
        if found is None or found.workspace != caller.workspace:
            raise missing("key", key)
        return found

    def _revoked(self, key: str, caller: Asker, body: Reason) -> KeyShown:
        reason = words(body.reason, "reason")
        revoked = self._use.credentials.revoke(caller.workspace, CredentialId(key), str(caller.person), reason)
        self._use.doorkeeper.forget()
        return self._shown(revoked)

    def _told(self, made: Made) -> KeyShown:
        return self._shown(made.credential).model_copy(update={"secret": made.secret})

    def _shown(self, key: Credential) -> KeyShown:
        return KeyShown(
            id=key.id,
            kind=key.kind.value,
            holder=key.holder,
            channel=key.channel if key.kind is SecretKind.AGENT_KEY else None,
            hint=key.hint,
            label=key.label,
            created_by=key.created_by,
            created_at=key.created_at,
            expires_at=key.expires_at,
            revoked_at=key.revoked_at,
            seen_at=key.seen_at,
            successor=key.successor,
            holds=key.holds_at(self._use.clock.now()),
        )
