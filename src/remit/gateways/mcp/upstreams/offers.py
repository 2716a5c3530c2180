"""What a server offers, read page by page within bounds, and the digest of each definition."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from remit.domain.canonical import canonical, sha256_hex
from remit.domain.ids import ServerName
from remit.domain.upstream import Via
from remit.gateways.mcp.port import Definition, Json, Offer, UpstreamFailed, UpstreamRefused
from remit.gateways.mcp.upstreams.bounds import UpstreamBounds
from remit.gateways.mcp.upstreams.conversation import QUIET, Conversation
from remit.gateways.mcp.upstreams.headers import BadAnnotation, Mirrored, mirrored_by
from remit.gateways.mcp.upstreams.wording import METHOD_NOT_FOUND

_log = logging.getLogger("remit.mcp")

VOLATILE = "_meta"
"""What of a definition is no part of its digest: what servers and proxies note beside it. It goes no further."""
_CHANGING = ("size", "lastModified")
"""Of a resource: what changes with its content and is no description."""


def digest(content: object) -> str:
    """Return `sha256:` and the digest of the canonical JSON of a definition, which has no `_meta` any more."""
    return f"sha256:{sha256_hex(canonical(content))}"


async def read_offer(name: ServerName, conversation: Conversation, bounds: UpstreamBounds) -> Offer:
    """Read all that a server offers now, and note what its tools want mirrored. Raises UpstreamFailed."""
    capabilities = conversation.capabilities
    tools = await _listed(conversation, "tools", "tools/list", "tools", bounds)
    resources = await _listed(conversation, "resources", "resources/list", "resources", bounds)
    templates = await _listed(conversation, "resources", "resources/templates/list", "resourceTemplates", bounds)
    prompts = await _listed(conversation, "prompts", "prompts/list", "prompts", bounds)
    definitions, mirrored = _definitions(name, tools)
    conversation.mirrored = mirrored
    digests = {}
    if "resources" in capabilities:
        parts = [*map(_described, resources), *map(_described, templates)]
        digests[Via.RESOURCE] = digest(sorted(parts, key=canonical))
    if "prompts" in capabilities:
        digests[Via.PROMPT] = digest(sorted(prompts, key=canonical))
    return Offer(
        server=name,
        tools=definitions,
        resources=resources,
        templates=templates,
        prompts=prompts,
        instructions=conversation.instructions,
        capabilities=capabilities,
        digests=digests,
    )


def _definitions(name: ServerName, tools: Sequence[Json]) -> tuple[dict[str, Definition], dict[str, Mirrored]]:
    found: dict[str, Definition] = {}
    mirrored: dict[str, Mirrored] = {}
    for tool in tools:
        called = tool["name"]
        if called in found:
            raise UpstreamFailed("broken", f"{name} offers two tools of one name", sent=False)
        try:
            headers = mirrored_by(tool.get("inputSchema"))
        except BadAnnotation as error:
            _log.warning("a tool of the server %s is left out: its `x-mcp-header` is wrong: %s", name, error)
            continue
        if headers:
            mirrored[called] = headers
        found[called] = Definition(Via.TOOL, called, tool, digest(tool))
    return found, mirrored


async def _listed(
    conversation: Conversation, capability: str, method: str, key: str, bounds: UpstreamBounds
) -> tuple[Json, ...]:
    """Return all entries of one list; none where the server has no such capability."""
    if capability not in conversation.capabilities:
        return ()
    found: list[Json] = []
    size = 0
    params: dict[str, Any] = {}
    for _ in range(bounds.pages):
        try:
            page = await conversation.request(method, params, QUIET)
        except UpstreamRefused as error:
            if error.code == METHOD_NOT_FOUND:  # templates and prompts are often announced and not there
                return tuple(found)
            raise UpstreamFailed("broken", f"{method} was refused: {error}", sent=False) from None
        entries = _entries(page, key, method)
        size += len(canonical(entries))
        if size > bounds.listed_bytes:
            raise UpstreamFailed("broken", f"{method} has more than {bounds.listed_bytes:,} bytes", sent=False)
        found += entries
        if len(found) > bounds.listed:
            raise UpstreamFailed("broken", f"{method} has more than {bounds.listed:,} entries", sent=False)
        cursor = page.get("nextCursor")
        if cursor is None:
            return tuple(found)
        params = {"cursor": cursor}
    raise UpstreamFailed("broken", f"{method} has more than {bounds.pages} pages", sent=False)


_NAMED_BY = {"tools": "name", "prompts": "name", "resources": "uri", "resourceTemplates": "uriTemplate"}


def _entries(page: Json, key: str, method: str) -> list[Json]:
    entries = page.get(key)
    named = _NAMED_BY[key]
    if not isinstance(entries, list) or not all(
        isinstance(each, dict) and isinstance(each.get(named), str) for each in entries
    ):
        raise UpstreamFailed("broken", f"{method} was answered with what is no list of {key}", sent=False)
    return [each if VOLATILE not in each else _lasting(each) for each in entries]


def _lasting(content: Json) -> Json:
    return {key: value for key, value in content.items() if key != VOLATILE}


def _described(resource: Json) -> Json:
    kept = {key: value for key, value in resource.items() if key not in _CHANGING}
    annotations = kept.get("annotations")
    if isinstance(annotations, dict):
        kept["annotations"] = {key: value for key, value in annotations.items() if key not in _CHANGING}
    return kept
