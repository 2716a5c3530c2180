"""Where the parts of a server are joined; compose.py joins those it shares with an embedded agent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from anyio.to_thread import run_sync

from remit.api.admission import AgentRoutes, Told
from remit.api.console import ConsoleRoute
from remit.api.events import EventRoute
from remit.api.hooks import HookRoute
from remit.api.identity_tokens import IdentityTokens
from remit.api.listening import ListenRoute
from remit.api.provider import Client, Provider
from remit.api.route import Seam
from remit.api.serving import NotEncrypted, Whole, is_loopback
from remit.asgi.commits import Commits
from remit.asgi.limits import RequestLimits, limits_for
from remit.asgi.outbound import Outbound
from remit.asgi.reception import Reception
from remit.compose import Parts, open_api, tool_servers, vault_of, workflow_triggers
from remit.control.proof import Proof
from remit.control.tokens import RunTokens
from remit.domain.arguments import PayloadLimits
from remit.domain.identity import Caller
from remit.domain.ids import WorkspaceName
from remit.execution.admission import AdmissionQueue
from remit.execution.implied_runs import ImpliedRuns
from remit.execution.served import ServedDoor
from remit.execution.watching import Watch
from remit.gateways.llm.open_calls import CallLimits
from remit.gateways.llm.opening import Behind
from remit.gateways.llm.opening import open_gateway as open_models
from remit.gateways.mcp.limits import McpLimits
from remit.gateways.mcp.opening import Place
from remit.gateways.mcp.opening import open_gateway as open_mcp
from remit.gateways.mcp.port import Upstreams
from remit.settings import Settings
from remit.storage.sealed import KeyFile, Keyring
from remit.storage.seals import seals_of

if TYPE_CHECKING:
    from remit.api.spans import Spans


@dataclass(frozen=True, slots=True)
class OpenServer:
    """A server that is ready to answer. Parts and queue are the caller's to close, after it has stopped."""

    whole: Whole
    limits: RequestLimits


class Recognition:
    """Who calls the raw routes: agents by what was seen a moment ago, everybody else by the database."""

    def __init__(self, proof: Proof, seam: Seam) -> None:
        self._proof = proof
        self._seam = seam

    def quickly(self, headers: Mapping[str, str]) -> Caller | None:
        """See asgi/callers.py."""
        scheme, _, secret = headers.get("authorization", "").partition(" ")
        return self._proof.quickly(secret.strip()) if scheme.lower() == "bearer" else None

    async def identify(self, headers: Mapping[str, str], peer: str) -> Caller:
        """See asgi/callers.py."""
        return await run_sync(self._seam.doorkeeper.identify, headers, peer, limiter=self._seam.identifying)


def open_server(
    parts: Parts,
    queue: AdmissionQueue,
    *,
    secure: bool,
    spans: Spans | None = None,
    upstreams: Upstreams | None = None,
    poke: Callable[[], None] = lambda: None,
) -> OpenServer:
    """Join a server over an open database.

    `secure` says that browsers come over TLS; `spans` are told of all; `upstreams` stand in for the tool servers;
    `poke` has a worker of this process look at once.
    """
    settings, store = parts.settings, parts.store
    payload = PayloadLimits(bytes=settings.max_payload_bytes, depth=settings.max_payload_depth)
    limits = limits_for(payload)
    assert settings.key_path is not None, "parts do not open without a key"
    tokens = RunTokens(store, Keyring(KeyFile(settings.key_path)), parts.clock, parts.ids)
    proof = Proof(store, tokens, parts.clock, settings.session_idle_s)
    application = open_api(parts, queue, secure=secure, proof=proof, poke=poke)
    seam: Seam = application.state.seam
    recognition = Recognition(proof, seam)
    commits = Commits(store.listen)
    told = Told(tokens, settings.run_token_s, seam.figures.answered)
    doors = Doors(parts, queue, payload)
    agents = AgentRoutes(recognition, doors.of, commits, limits, told, _identities(parts))
    seals = seals_of(store)
    events = EventRoute(recognition, store, lambda name: seals.head(name).last_seq, commits, request_limits=limits)
    listening = ListenRoute(recognition, store, commits, parts.clock, limits)
    reception = Reception(recognition, doors.of, ImpliedRuns(parts.clock, settings.conversation_pause_s), limits)
    if spans is not None:
        queue.watch(Watch(spans.told, spans.queued))
    around = None if spans is None else spans.around
    outbound, vault = Outbound(), vault_of(settings)
    behind = Behind(store, parts.rulesets, parts.clock, commits, outbound, vault)
    calls = CallLimits(open=settings.model_calls)
    models = open_models(reception, behind, settings.model_body_bytes, calls, seam.figures.answered)
    servers = upstreams or tool_servers(settings, outbound)
    place = Place(settings.public_url, settings.mcp_hosts)
    mcp = open_mcp(reception, servers, commits, parts.clock, place, seam.figures.answered, _mcp_limits(settings))
    hooks = HookRoute(workflow_triggers(parts, queue), poke, limits)
    routes = (agents, mcp, models, events, listening, hooks, ConsoleRoute())
    return OpenServer(Whole(routes, application, around, (mcp.let_go, outbound.close)), limits)


def _mcp_limits(settings: Settings) -> McpLimits:
    return McpLimits(
        sessions=settings.mcp_sessions,
        sessions_each=settings.mcp_sessions_each,
        session_idle_s=settings.mcp_session_idle_s,
        streams=settings.mcp_streams,
        streams_each=settings.mcp_streams_each,
        questions=settings.mcp_questions,
        question_s=settings.mcp_question_s,
        tasks=settings.mcp_tasks,
        tasks_each=settings.mcp_tasks_each,
        task_s=settings.mcp_task_s,
    )


def _identities(parts: Parts) -> IdentityTokens:
    settings = parts.settings
    if not settings.oidc_issuer:
        return IdentityTokens(None, parts.store)
    client = Client(settings.oidc_issuer, settings.oidc_client_id, redirect="", others=tuple(settings.oidc_clients))
    return IdentityTokens(Provider(client, parts.clock), parts.store)


def open_spans(settings: Settings) -> Spans | None:
    """Begin to send spans where the settings say so; else neither this nor the library is even imported.

    Raises NotEncrypted where they would cross a network in the clear.
    """
    endpoint = settings.otel_endpoint
    if not endpoint:
        return None
    parts = urlsplit(endpoint)
    if parts.scheme != "https" and not settings.unencrypted and not is_loopback(parts.hostname or ""):
        raise NotEncrypted(
            f"REMIT_OTEL_ENDPOINT: spans would go to {parts.hostname} in the clear: write https://, send them to a"
            " collector on this machine, or set REMIT_UNENCRYPTED=1"
        )
    from remit.api.spans import Spans

    return Spans(endpoint, settings.otel_ratio, version("remit"))


class Doors:
    """One door a workspace, made when an agent of it first calls. Owned by the event loop."""

    def __init__(self, parts: Parts, queue: AdmissionQueue, limits: PayloadLimits) -> None:
        self._parts = parts
        self._queue = queue
        self._limits = limits
        self._doors: dict[WorkspaceName, ServedDoor] = {}

    def of(self, workspace: WorkspaceName) -> ServedDoor:
        """Return a workspace's door. Only a credential names a workspace, so there are not more than exist."""
        door = self._doors.get(workspace)
        if door is None:
            parts = self._parts
            door = ServedDoor(
                workspace,
                parts.store,
                self._queue,
                parts.rulesets,
                parts.keys,
                parts.clock,
                parts.ids,
                self._limits,
                parts.settings.action_lease_s,
            )
            self._doors[workspace] = door
        return door
