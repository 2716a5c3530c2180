"""Where the parts of the model gateway are joined."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from remit.asgi.commits import Commits
from remit.asgi.outbound import Outbound
from remit.asgi.reception import Reception
from remit.domain.clock import Clock
from remit.domain.ids import WorkspaceName
from remit.execution.rulesets import Rulesets
from remit.execution.under_way import Looking
from remit.gateways.llm.calls import Calls
from remit.gateways.llm.dispatch import Dispatch
from remit.gateways.llm.gate import ModelGate
from remit.gateways.llm.masking import Screen
from remit.gateways.llm.models import Models
from remit.gateways.llm.open_calls import CallLimits, OpenCalls
from remit.gateways.llm.routes import Random
from remit.storage.port import Reads
from remit.storage.vault import Vault

DEEPEST, MOST_VALUES = 64, 1_000_000
"""How deep a request may be nested, and how many values it may hold."""


@dataclass(frozen=True, slots=True)
class Behind:
    """What the gateway stands on."""

    store: Reads
    rulesets: Rulesets
    clock: Clock
    commits: Commits
    outbound: Outbound
    vault: Vault


def open_gateway(
    reception: Reception,
    behind: Behind,
    body_bytes: int,
    limits: CallLimits,
    answered: Callable[[str, str, int, float], None],
    draw: Random = random.random,
) -> ModelGate:
    """Join the gateway. The way out is the caller's to close, after it has stopped."""

    def looking(workspace: WorkspaceName) -> Looking:
        return Looking(workspace, behind.store, behind.rulesets, behind.clock)

    requests = replace(reception.limits, body_bytes=body_bytes, depth=DEEPEST, values=MOST_VALUES)
    open_calls = OpenCalls(looking, behind.commits, limits)
    calls = Calls(reception, open_calls, Screen(), Dispatch(behind.outbound, behind.vault, draw, behind.clock))
    models = Models(behind.store, behind.rulesets)
    return ModelGate(reception, requests, calls, models, answered)
