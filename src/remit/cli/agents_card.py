"""`remit agents card`: what an A2A agent says of itself, and the digest to pin that by."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from remit.cli.output import TABLE, document, fields, line, note, output_option
from remit.cli.session import Failed, work_folder_option
from remit.domain.ids import AgentName
from remit.domain.release import Endpoint, EndpointKind
from remit.workspace.files import read_folder
from remit.workspace.reading import agents_of

if TYPE_CHECKING:
    from remit.gateways.agents.card import Card

EXAMPLES = """\b
Examples:
  remit agents card market-researcher
  remit agents card market-researcher --dir company
  remit agents card market-researcher --dir company --check

Look at what the card says; then write its digest as `pin:` of the agent's
`endpoint`. From then on any other card is refused.

Exit code: 0 done; 1 with --check, the card is not the one that is pinned; 2
the agent or the folder can not be read."""


@click.command(epilog=EXAMPLES)
@click.argument("agent")
@work_folder_option
@click.option("--check", is_flag=True, help="Exit with 1 unless the card is the one that is pinned.")
@output_option
@click.pass_context
def card(ctx: click.Context, agent: str, folder: Path, check: bool, output: str) -> None:
    """Show the card of the A2A agent AGENT now, and its digest."""
    endpoint = _endpoint(folder, agent)
    shown = _shown(agent, endpoint)
    standing = _standing(endpoint, shown)
    if output != TABLE:
        told = {"agent": agent, "url": endpoint.url, "digest": shown.digest, "pin": endpoint.pin, "standing": standing}
        document({**told, "card": dict(shown.document)}, output)
    else:
        _write(shown, standing)
    ctx.exit(1 if check and standing != "pinned" else 0)


def _endpoint(folder: Path, name: str) -> Endpoint:
    agents = agents_of(read_folder(folder).files)
    found = agents.get(AgentName(name))
    if found is None:
        known = f"it has {', '.join(sorted(agents))}" if agents else "it has none"
        raise Failed(f"{folder} has no Agent `{name}` that can be read: {known}.")
    if found.endpoint is None:
        raise Failed(f"{name} has no endpoint: the built-in agent works for it, and shows no card.")
    if found.endpoint.kind is not EndpointKind.A2A:
        raise Failed(f"{name} is spoken to by {found.endpoint.kind}: only an agent with `kind: a2a` shows a card.")
    return found.endpoint


def _shown(name: str, endpoint: Endpoint) -> Card:
    from remit.execution.workflows.ports import CallFailed  # as below: only where it is asked for
    from remit.sdk.errors import Refused

    try:
        return asyncio.run(_asked(endpoint))
    except (CallFailed, Refused) as error:
        raise Failed(f"{name} could not be asked for its card: {error}.") from None


async def _asked(endpoint: Endpoint) -> Card:
    from remit.asgi.outbound import Outbound
    from remit.compose import vault_of
    from remit.gateways.agents.away import Away
    from remit.gateways.agents.card import card_of
    from remit.sdk.environment import settings_from

    outbound = Outbound()
    try:
        return await card_of(Away(outbound, vault_of(settings_from())), endpoint)
    finally:
        await outbound.close()


def _standing(endpoint: Endpoint, shown: Card) -> str:
    if not endpoint.pin:
        return "not pinned"
    return "pinned" if endpoint.pin == shown.digest else "changed"


def _write(shown: Card, standing: str) -> None:
    said = shown.document
    fields([(key, said.get(key)) for key in ("name", "description", "version")])
    for each in _listed(said, "supportedInterfaces"):
        line(f"speaks {each.get('protocolBinding')} {each.get('protocolVersion')} at {each.get('url')}")
    for each in _listed(said, "skills"):
        line(f"skill {each.get('name')}: {each.get('description')}")
    line(f"pin: {shown.digest}")
    if standing == "not pinned":
        note("No card is pinned: write this line under `endpoint`, or any card will do.")
    elif standing == "changed":
        note("This is not the card that is pinned: work is not handed to the agent. Look at it, then pin it anew.")


def _listed(said: Any, key: str) -> list[dict[str, Any]]:
    """Return what a card lists, whatever it holds: nobody has looked at it yet."""
    found = said.get(key)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
