"""What all of OpenAI's interfaces share: errors, and what a request may not ask for."""

from __future__ import annotations

from typing import Any

from remit.gateways.llm.turned import Turned, Why

_TYPES = {
    Why.INVALID: "invalid_request_error",
    Why.UNAUTHENTICATED: "authentication_error",
    Why.DENIED: "permission_error",
    Why.UNKNOWN: "invalid_request_error",
    Why.HELD: "conflict_error",
    Why.TOO_LARGE: "invalid_request_error",
    Why.SPENT: "insufficient_quota",
    Why.INTERNAL: "server_error",
    Why.UPSTREAM: "upstream_error",
    Why.OVERLOADED: "server_error",
    Why.TIMED_OUT: "upstream_error",
}


def refusal(turned: Turned) -> dict[str, Any]:
    """Put a refusal into OpenAI's form; `remit` says more to programs that ask."""
    return {
        "error": {
            "message": turned.text,
            "type": _TYPES[turned.why],
            "param": turned.told.get("field"),
            "code": turned.code,
            "remit": {"code": turned.code, **turned.told},
        }
    }


HOSTED_TOOLS = (
    "is a tool that the provider carries out itself, out of reach of this agent's remit: use tools of your own"
)
PRICED_OTHERWISE = "is priced otherwise than the lists say, so nothing could be reserved for it: leave it out"
KEPT_THERE = "makes the provider keep a part of the conversation, whose size nobody here knows: send all of it"
