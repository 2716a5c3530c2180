"""Where the parts of the gateway are joined."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from remit.asgi.commits import Commits
from remit.asgi.reception import Reception
from remit.domain.clock import Clock
from remit.gateways.mcp.calls import Calls
from remit.gateways.mcp.catalogs import Catalogs
from remit.gateways.mcp.flights import Flights
from remit.gateways.mcp.gate import Gate
from remit.gateways.mcp.limits import McpLimits
from remit.gateways.mcp.listening import Listening
from remit.gateways.mcp.methods import Methods
from remit.gateways.mcp.port import Upstreams
from remit.gateways.mcp.rounds import Rounds
from remit.gateways.mcp.route import McpRoute
from remit.gateways.mcp.seal import Seals
from remit.gateways.mcp.sessions import Sessions
from remit.gateways.mcp.tasks import Tasks


@dataclass(frozen=True, slots=True)
class Place:
    """Where the gateway stands: how browsers reach it, and by which other hosts clients may name it."""

    public_url: str
    hosts: Iterable[str] = ()


def open_gateway(
    reception: Reception,
    upstreams: Upstreams,
    commits: Commits,
    clock: Clock,
    place: Place,
    answered: Callable[[str, str, int, float], None],
    limits: McpLimits | None = None,
) -> McpRoute:
    """Join the gateway. The upstreams are its to close, after it has stopped."""
    limits = limits or McpLimits()
    flights = Flights(commits)
    calls = Calls(reception, upstreams, flights)
    catalogs = Catalogs(upstreams)
    rounds = Rounds(calls, Seals(clock), limits, place.public_url)
    tasks = Tasks(calls, upstreams, clock, limits)
    methods = Methods(reception, upstreams, calls, flights, catalogs, rounds, tasks, limits)
    listening = Listening(methods, catalogs, upstreams, limits)
    gate = Gate(place.public_url, place.hosts)
    return McpRoute(reception, gate, methods, Sessions(limits), listening, limits, answered)
