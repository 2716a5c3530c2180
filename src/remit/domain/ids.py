"""Typed ids, so that a run can not be handed over where an agent is wanted."""

from __future__ import annotations

import secrets
import time
from typing import NewType, Protocol

WorkspaceName = NewType("WorkspaceName", str)
AgentName = NewType("AgentName", str)
TeamName = NewType("TeamName", str)
ToolName = NewType("ToolName", str)
ServerName = NewType("ServerName", str)
ModelName = NewType("ModelName", str)
WorkflowName = NewType("WorkflowName", str)
PromptName = NewType("PromptName", str)
UserId = NewType("UserId", str)
GroupName = NewType("GroupName", str)
BudgetName = NewType("BudgetName", str)
RunId = NewType("RunId", str)
ActionId = NewType("ActionId", str)
ApprovalId = NewType("ApprovalId", str)
ReleaseId = NewType("ReleaseId", str)
ScopeId = NewType("ScopeId", str)
KeyId = NewType("KeyId", str)
OwnerId = NewType("OwnerId", str)
CredentialId = NewType("CredentialId", str)


class Ids(Protocol):
    """Where new ids come from. Two calls never return the same id."""

    def new(self, prefix: str) -> str: ...


class RandomIds:
    """Ids that sort by time until 2527: `prefix_` + 44 bits of milliseconds + 56 random bits, in base 32."""

    def new(self, prefix: str) -> str:
        """Return a fresh id such as `run_1m3k...`; 20 characters after the prefix."""
        number = ((time.time_ns() // 1_000_000) & (1 << 44) - 1) << 56 | secrets.randbits(56)
        return prefix + "_" + "".join([_PAIRS[number >> shift & 1023] for shift in range(90, -1, -10)])


_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = tuple(high + low for high in _ALPHABET for low in _ALPHABET)
"""What ten bits are written as."""
