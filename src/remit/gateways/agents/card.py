"""The card of an A2A agent: what it says of itself, and the digest by which an Agent document pins it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from remit.domain.canonical import sha256_hex
from remit.domain.release import Endpoint
from remit.execution.workflows.ports import CallFailed
from remit.gateways.agents.away import Away

CARD = "/.well-known/agent-card.json"
"""Below the agent's address (A2A 1.0, section 8.2)."""


@dataclass(frozen=True, slots=True)
class Card:
    """A card as it was shown. `digest` is the SHA-256 of the document with its keys in order, without blanks."""

    document: Mapping[str, Any]
    digest: str


async def card_of(away: Away, endpoint: Endpoint) -> Card:
    """Return the card that an agent shows now. Raises CallFailed."""
    status, document = await away.ask(endpoint, "GET", endpoint.url.rstrip("/") + CARD, {})
    if status != 200 or not isinstance(document, dict):
        raise CallFailed("no_card", "the agent shows no card", sent=False)
    return Card(document, sha256_hex(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)))
