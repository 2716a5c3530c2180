"""Asks a tool server what it offers, once, from a command."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from remit.cli.session import Failed
from remit.domain.ids import WorkspaceName
from remit.domain.upstream import ToolServer, Via

if TYPE_CHECKING:
    from remit.gateways.mcp.port import Offer
    from remit.workspace.proposals.comparison import Offered


def offered_by(server: ToolServer) -> list[Offered]:
    """Return what a server offers now, sorted. Raises Failed where it can not be asked."""
    from remit.gateways.mcp.port import UpstreamFailed, UpstreamRefused
    from remit.sdk.errors import Refused
    from remit.workspace.proposals.comparison import ALL_OF, Offered

    try:
        offer = asyncio.run(_offer(server))
    except (UpstreamFailed, UpstreamRefused, Refused) as error:
        raise Failed(f"{server.name} could not be asked what it offers: {error}") from None
    found = [Offered(Via.TOOL, name, one.content, one.digest) for name, one in sorted(offer.tools.items())]
    contents = {Via.RESOURCE: [*offer.resources, *offer.templates], Via.PROMPT: list(offer.prompts)}
    for via, digest in offer.digests.items():
        if contents[via]:
            listed = sorted(contents[via], key=lambda each: str(each.get("uri") or each.get("name")))
            found.append(Offered(via, ALL_OF[via], listed, digest))
    return found


async def _offer(server: ToolServer) -> Offer:
    from remit.asgi.outbound import Outbound
    from remit.compose import tool_servers
    from remit.sdk.environment import settings_from

    outbound = Outbound()
    servers = tool_servers(settings_from(), outbound)
    try:
        return await servers.offer(WorkspaceName("import"), server)
    finally:
        await servers.close()
        await outbound.close()
