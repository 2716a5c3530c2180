"""What the policies are asked, and what they answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from remit.domain.ids import AgentName, GroupName
from remit.domain.release import Cap, Mask
from remit.policy.compiled.values import Value
from remit.policy.inputs import Input


class PolicyRequest(NamedTuple):
    """One action put to the policies.

    Attributes:
        action: the tool's name, or `model.call`.
        resource_type: `Tool` or `Model`.
        input: `context.input`, made ahead by `ToolInput.read` or `model_input`.
        call: makes `context.call`, the optional fields of `CALL_FIELDS` only if told so; not called where no policy
            of the slice reads any of it.
    """

    agent: AgentName
    action: str
    resource_type: str
    resource: str
    input: Input
    call: Callable[[bool], dict[str, Value]]


@dataclass(frozen=True, slots=True)
class PolicyHold:
    """A policy that wants somebody of `group` to approve."""

    id: str
    group: GroupName
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PolicyAnswer:
    """What the policies say.

    Attributes:
        permitted: a permit matched, no forbid did, and nothing went wrong. Holds are not counted in.
        permits: the permits that matched, empty where a forbid did.
        forbids: the forbids that matched, each with its `@reason`.
        errors: what could not be evaluated, as `policy:code` or `request:code`, without data. Any of them denies.
        duties: what the permits and the grant demand to be done to the arguments; the lowest cap wins.
    """

    permitted: bool
    permits: tuple[str, ...] = ()
    forbids: tuple[tuple[str, str], ...] = ()
    holds: tuple[PolicyHold, ...] = ()
    errors: tuple[str, ...] = ()
    duties: tuple[Mask | Cap, ...] = ()


@dataclass(frozen=True, slots=True)
class Matched:
    """Which policies of a slice matched or could not be evaluated, however that was found out; ids sorted.

    `permits` and `forbids` are as the official implementation names them: no permits where a forbid matched, and where
    something denies, holds aside. `errors` is as in the answer.
    """

    permits: tuple[str, ...] = ()
    forbids: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
