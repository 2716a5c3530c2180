"""Which actions a change allows, denies or holds that were not before: an example of each, and words for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

MOST_NAMED = 3
"""Agents that a sentence names."""


@dataclass(frozen=True, slots=True)
class Consequence:
    """Actions that are decided otherwise by policies and grants.

    Attributes:
        agents: whose actions; the example is the first one's.
        target: a tool, or a model as `provider/name`.
        before, after: `allow`, `deny` or `hold`.
        cause: the policy that speaks against the action now, or did before; else what does, such as `not granted`.
        example: the attributes that the policies read, as a request has them that comes out otherwise.
        action: a recorded action that does; empty where none was found and the example is made up.
        recorded: how many of the recorded actions that were looked at do.
    """

    agents: tuple[str, ...]
    target: str
    before: str
    after: str
    cause: str
    example: Mapping[str, str] = field(default_factory=dict)
    action: str = ""
    recorded: int = 0


_BECOMES: Mapping[str, str] = MappingProxyType({"allow": "allowed", "deny": "denied", "hold": "held"})


def say_consequence(found: Consequence) -> str:
    """Put into words what becomes of some actions: `buyer, erp.pay: held instead of allowed (big), such as ...`."""
    named = ", ".join(found.agents[:MOST_NAMED])
    if len(found.agents) > MOST_NAMED:
        named += f" and {len(found.agents) - MOST_NAMED} more"
    said = f"{named}, {found.target}: {_BECOMES[found.after]} instead of {_BECOMES[found.before]}"
    if found.cause:
        said += f" ({found.cause})" if found.after != "allow" else f" (so far {found.cause})"
    if found.example:
        said += ", such as with " + ", ".join(f"{path} = {value}" for path, value in found.example.items())
    if found.recorded:
        said += f"; {found.recorded} recorded, such as {found.action}"
    return said
