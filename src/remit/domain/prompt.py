"""What an action says of the prompt of a model call, beside what it is decided on.

One of three: the prompt itself, the SHA-256 of one that is too large to keep, or a number in place of one that could
not be read. It is sealed with the action's arguments and part of their digest, so that an approval holds for this
prompt alone; policies do not see it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from remit.domain.arguments import BadArguments, PayloadLimits, checked
from remit.domain.canonical import canonical, sha256_hex

PROMPT, PROMPT_SHA256, PROMPT_UNREAD = "prompt", "prompt_sha256", "prompt_unread"
PROMPT_FIELDS = (PROMPT, PROMPT_SHA256, PROMPT_UNREAD)

ENVELOPE_BYTES = 4_096
"""Room in a payload for the rest of the arguments of a model call."""


def fitted(told: Mapping[str, Any], limits: PayloadLimits) -> Mapping[str, Any]:
    """Return what is told of a prompt, in place of one beyond the limits its digest."""
    if PROMPT not in told:
        return told
    try:
        checked(told, replace(limits, bytes=limits.bytes - ENVELOPE_BYTES))
    except BadArguments:
        return _digest(told)
    return told


def written(arguments: Mapping[str, Any], told: Mapping[str, Any], limits: PayloadLimits) -> bytes:
    """Return the canonical bytes of a model call's arguments and what is told of its prompt; see `fitted`.

    Raises BadArguments.
    """
    try:
        return checked({**arguments, **told}, limits)
    except BadArguments:
        if PROMPT not in told:
            raise
    return checked({**arguments, **_digest(told)}, limits)


def _digest(told: Mapping[str, Any]) -> Mapping[str, Any]:
    return {PROMPT_SHA256: sha256_hex(canonical(told[PROMPT]))}
