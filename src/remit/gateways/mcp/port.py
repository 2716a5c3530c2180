"""What the front of the MCP gateway asks of what stands behind it. Results are plain JSON as the server sent them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from remit.domain.ids import ServerName, WorkspaceName
from remit.domain.upstream import ToolServer, Via

Json = Mapping[str, Any]
Notify = Callable[[str, Json], Awaitable[None]]
"""Takes a notification of the server that belongs to a request: its method and params."""
PAUSED = "remit/paused"
"""A notification of ours: the server has ended the connection of a request, to be asked again for the rest."""
Ask = Callable[[str, Json], Awaitable[Json]]
"""A question of the server that belongs to a request (sampling, elicitation, roots); returns the client's answer."""


class UpstreamFailed(Exception):
    """A call that brought no result.

    Attributes:
        code: `unreachable`, `timed_out`, `crashed`, `broken` (it answered garbage), `busy`, `open` (the breaker is).
        sent: whether the server may have begun to carry the call out: then its outcome is unknown.
    """

    def __init__(self, code: str, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.code = code
        self.sent = sent


TURNED_AWAY = frozenset((-32700, -32600, -32601, -32602, -32002, -32020, -32021, -32022, -32042))
"""Codes of JSON-RPC and MCP for a request that is not carried out: unreadable, unknown, unfit, or too early."""


class UpstreamRefused(Exception):
    """The server answered with a JSON-RPC error.

    Attributes:
        sent: whether the server may have begun to carry the call out, as it may have where it failed inside.
    """

    def __init__(self, code: int, message: str, data: Any = None, *, sent: bool | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.data = data
        self.sent = code not in TURNED_AWAY if sent is None else sent


@dataclass(frozen=True, slots=True)
class Definition:
    """One thing a server offers, as it describes it now.

    Attributes:
        name: of the tool or prompt, or a resource's URI or URI template.
        content: the description as the server sent it, without its `_meta`, which is no part of the digest.
        digest: `sha256:` and the digest of the canonical content; what `pin` of a Tool is compared with.
    """

    via: Via
    name: str
    content: Json
    digest: str


@dataclass(frozen=True, slots=True)
class Offer:
    """All that a server offers now. Resources and prompts are pinned by the digest over all of them together."""

    server: ServerName
    tools: Mapping[str, Definition] = field(default_factory=dict)
    resources: Sequence[Json] = ()
    templates: Sequence[Json] = ()
    prompts: Sequence[Json] = ()
    instructions: str = ""
    capabilities: Json = field(default_factory=dict)
    digests: Mapping[Via, str] = field(default_factory=dict)
    """Of `via: resource` and `via: prompt`."""

    def digest_of(self, via: Via, name: str) -> str:
        """Return what is seen of a tool now; `absent` where the server does not offer it."""
        if via is Via.TOOL:
            found = self.tools.get(name)
            return "absent" if found is None else found.digest
        return self.digests.get(via, "absent")


@dataclass(frozen=True, slots=True)
class Exchange:
    """What accompanies one request to a server.

    Attributes:
        notify: is told of progress and log messages of this request. A progress token is the one in the params, or in
            `meta`: another stands in for it at the server.
        ask: takes what the server asks the client while the request is open, and what a modern server asks in a result
            that says `input_required`. None: such a result is returned as it is, and other questions are refused.
        rounds: whether what a modern server asks in its result goes to `ask` as well; else that is returned as it is.
        client: capabilities that the agent's client declared, which the gateway declares to the server in turn.
        session: groups requests that must meet the same conversation at the server; empty: none does. A legacy server
            gets a connection (a process, where it is a command) for each; one that is modern has no conversations, but
            where it speaks both, a client that can be asked something gets one.
        meta: what `_meta` of the request holds at the server besides what the params say, such as a trace or log level.
        answer_s: overrides the server's own time-out where shorter.
    """

    notify: Notify
    ask: Ask | None = None
    rounds: bool = True
    client: Json = field(default_factory=dict)
    session: str = ""
    meta: Json = field(default_factory=dict)
    answer_s: float | None = None


class Upstreams(Protocol):
    """The tool servers of all workspaces. Each server fails for itself: none keeps another from answering.

    No two workspaces share a process or a connection, even where their servers are written alike.
    """

    async def offer(self, workspace: WorkspaceName, server: ToolServer) -> Offer:
        """Return what a server offers, at most some seconds old and anew after it said that its lists changed.

        Raises UpstreamFailed.
        """
        ...

    async def request(
        self, workspace: WorkspaceName, server: ToolServer, method: str, params: Json, exchange: Exchange
    ) -> Json:
        """Send one request under an id of our own and return its result. Cancelling it cancels it at the server.

        `subscriptions/listen` has no time-out, is not counted among the calls, and works with legacy servers too. What
        it hears goes to `exchange.notify` with an id of its own as subscriptionId, for the caller to replace.

        Raises UpstreamFailed and UpstreamRefused.
        """
        ...

    async def close(self) -> None:
        """Stop every server that was started here."""
        ...
