"""Who may knock: the addresses that a request may name, and headers that are there once.

A browser that was led to this machine by a foreign page says so in Host and Origin (DNS rebinding).
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from remit.asgi.answers import Refusal, Scope

LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})

_ONCE = frozenset({b"host", b"origin", b"accept", b"remit-run", b"remit-on-behalf-of", b"transfer-encoding"})


class Gate:
    """Looks at the head of a request."""

    def __init__(self, public_url: str, hosts: Iterable[str]) -> None:
        """Let through what names this machine, the host of `public_url` or one of `hosts`."""
        public = urlsplit(public_url).hostname
        self._hosts = LOCAL | {host.lower() for host in hosts} | ({public} if public else frozenset())

    def check(self, scope: Scope) -> None:
        """Raise Refusal for a foreign Host or Origin, and for a header that two readers could take differently."""
        host = origin = None
        seen: set[bytes] = set()
        for name, value in scope["headers"]:
            if name in _ONCE or name.startswith(b"mcp-"):
                if name in seen:
                    shown = name.decode("ascii", "replace")
                    raise Refusal(400, "header_twice", "a header is given twice", "Send it once", field=shown)
                seen.add(name)
            if name == b"host":
                host = value
            elif name == b"origin":
                origin = value
        if host is None or self._name_in(b"//" + host) not in self._hosts:
            remedy = "Use the address in REMIT_PUBLIC_URL, or add the host to REMIT_MCP_HOSTS"
            raise Refusal(421, "host_unknown", "this server is not known by that Host", remedy, field="Host")
        if origin is not None and self._name_in(origin) not in self._hosts:
            remedy = "Pages of other sites may not call this server; add the host to REMIT_MCP_HOSTS if it should"
            raise Refusal(403, "origin_unknown", "the request comes from a foreign page", remedy, field="Origin")

    @staticmethod
    def _name_in(address: bytes) -> str:
        try:
            found = urlsplit(address.decode("ascii"))
            _ = found.port
        except (UnicodeDecodeError, ValueError):
            return ""
        if found.path or found.query or found.fragment or found.username is not None:
            return ""
        return found.hostname or ""
