"""One request of an agent's client, as every method sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from remit.asgi.reception import Visit
from remit.domain.messages import Language
from remit.gateways.mcp.port import PAUSED, Ask, Json
from remit.gateways.mcp.reply import Reply
from remit.gateways.mcp.rpc import notification

META = "io.modelcontextprotocol/"
"""How the keys of `_meta` begin that are the protocol's own."""
TASKS = "io.modelcontextprotocol/tasks"
"""The tasks extension (SEP-2663)."""


class Era(Enum):
    """How a client speaks: with a handshake and a session, or with all that matters in each request."""

    LEGACY = "legacy"
    MODERN = "modern"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client asks for.

    Attributes:
        conversation: which conversation the request is of; a run is found by it where none is named.
        session: of a legacy client, empty for a modern one.
        capabilities: what the client has declared.
        ask: puts a question of the server to the client, where it can be asked in the middle of a request.
        level: how grave a log message must be to be passed on; empty: none is.
        cuts: where a legacy client's cancellations find what they cut, by the id of the request.
    """

    visit: Visit
    id: str | int
    method: str
    params: dict[str, Any]
    era: Era
    reply: Reply
    conversation: str
    session: str = ""
    capabilities: Json = field(default_factory=dict)
    ask: Ask | None = None
    level: str = ""
    cuts: dict[str | int, Callable[[str], None]] = field(default_factory=dict)

    @property
    def language(self) -> Language:
        """The language that reasons are put into."""
        return "ar" if self.visit.headers.get("accept-language", "").lower().startswith("ar") else "en"

    @property
    def meta(self) -> Json:
        """What stands in `_meta`."""
        found = self.params.get("_meta")
        return found if isinstance(found, dict) else {}

    @property
    def knows_tasks(self) -> bool:
        """Whether the client understands an answer that is a task."""
        extensions = self.capabilities.get("extensions")
        return self.era is Era.MODERN and isinstance(extensions, dict) and TASKS in extensions

    @property
    def can_be_asked(self) -> bool:
        """Whether a modern client answers what a server asks in a result."""
        return self.era is Era.MODERN and not _ASKABLE.isdisjoint(self.capabilities)

    @property
    def declared(self) -> Json:
        """What servers are told of the capabilities: those that there are, and nothing a client has made up."""
        found: dict[str, Any] = {}
        for name, parts in _DECLARED.items():
            own = self.capabilities.get(name)
            if isinstance(own, dict):
                found[name] = {part: {} for part in parts if isinstance(own.get(part), dict)}
        if self.knows_tasks:
            found["extensions"] = {TASKS: {}}
        return found

    @property
    def opens_urls(self) -> bool:
        """Whether the client can send a person to an address."""
        elicitation = self.capabilities.get("elicitation")
        return isinstance(elicitation, dict) and isinstance(elicitation.get("url"), dict)

    def text(self, name: str) -> str | None:
        """Return a parameter that is a text; None where it is none."""
        found = self.params.get(name)
        return found if isinstance(found, str) else None

    async def notify(self, method: str, params: Json) -> None:
        """Pass a notification of the server on, where the client wants it."""
        if method == PAUSED:
            self.reply.pause()
            return
        if method == "notifications/message" and not is_grave(params.get("level"), self.level):
            return
        self.reply.tell(notification(method, params))


_DECLARED = {"sampling": ("context", "tools"), "elicitation": ("form", "url"), "roots": ()}
_ASKABLE = frozenset(_DECLARED)
LEVELS = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")


def is_grave(level: object, least: str) -> bool:
    """Tell whether a log message is wanted where `least` is the level that was set; without one none is."""
    return level in LEVELS and least in LEVELS and LEVELS.index(str(level)) >= LEVELS.index(least)
