"""Remit runs AI agents within their remit: every action is decided, reserved and recorded before it happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from remit.connecting import connect
    from remit.domain.arguments import BadArguments
    from remit.sdk.authoring import (
        approval,
        ask,
        branch,
        each,
        hand_over,
        loop,
        output,
        parallel,
        step,
        wait,
        workflow,
    )
    from remit.sdk.client import Client
    from remit.sdk.errors import Denied, Expired, Held, NotAdmitted, Refused, Rejected, RemitError, Stopped, Unavailable
    from remit.sdk.references import expression
    from remit.sdk.run import ActiveRun, Unrecorded

__version__ = "0.1.0"

__all__ = [
    "ActiveRun",
    "BadArguments",
    "Client",
    "Denied",
    "Expired",
    "Held",
    "NotAdmitted",
    "Refused",
    "Rejected",
    "RemitError",
    "Stopped",
    "Unavailable",
    "Unrecorded",
    "__version__",
    "approval",
    "ask",
    "branch",
    "connect",
    "each",
    "expression",
    "hand_over",
    "loop",
    "output",
    "parallel",
    "step",
    "wait",
    "workflow",
]
_AUTHORING = "approval ask branch each hand_over loop output parallel step wait workflow".split()

_HOMES = {
    "ActiveRun": "remit.sdk.run",
    "BadArguments": "remit.domain.arguments",
    "Client": "remit.sdk.client",
    "Unrecorded": "remit.sdk.run",
    "connect": "remit.connecting",
    "expression": "remit.sdk.references",
    **dict.fromkeys(_AUTHORING, "remit.sdk.authoring"),
}


def __getattr__(name: str) -> Any:
    """Import on first use, so that `remit --version` and a light agent load only what they need (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module 'remit' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES.get(name, "remit.sdk.errors")), name)
