"""What Anthropic's interface says where there is no answer."""

from __future__ import annotations

from typing import Any

from remit.gateways.llm.turned import Turned, Why

_TYPES = {
    Why.INVALID: "invalid_request_error",
    Why.UNAUTHENTICATED: "authentication_error",
    Why.DENIED: "permission_error",
    Why.UNKNOWN: "not_found_error",
    Why.HELD: "permission_error",
    Why.TOO_LARGE: "request_too_large",
    Why.SPENT: "rate_limit_error",
    Why.INTERNAL: "api_error",
    Why.UPSTREAM: "api_error",
    Why.OVERLOADED: "overloaded_error",
    Why.TIMED_OUT: "timeout_error",
}


def refusal(turned: Turned) -> dict[str, Any]:
    """Put a refusal into Anthropic's form; `remit` says more to programs that ask."""
    kind = "billing_error" if turned.code.startswith("budget.") else _TYPES[turned.why]
    told = {"code": turned.code, **turned.told}
    return {"type": "error", "error": {"type": kind, "message": turned.text, "remit": told}}
