"""What changes about tool servers and models: where calls go, with whose credentials, and what a model may see."""

from __future__ import annotations

from collections.abc import Iterator

from remit.domain.money import Micros, micros_to_usd
from remit.domain.upstream import Model, ModelRoute, ToolServer
from remit.workspace.wording import differing_fields, shown


def server_summary(server: ToolServer) -> Iterator[str]:
    """Say what a new tool server is."""
    yield f"tool server {server.name} is new, {_reached(server)}"


def server_changes(before: ToolServer, after: ToolServer) -> Iterator[str]:
    """Say what changes about a tool server."""
    name = after.name
    for changed in differing_fields(before, after):
        old, new = getattr(before, changed), getattr(after, changed)
        match changed:
            case "command" | "url":
                yield f"tool server {name}: its {changed} is now {_text(new)} instead of {_text(old)}"
            case "env" | "headers":
                yield from _pairs(f"tool server {name}: {changed}", old, new)
            case "private":
                yield f"tool server {name} may {'now' if new else 'no longer'} be at a private address"
            case _:
                yield f"tool server {name}: {changed} changed from {shown(old)} to {shown(new)}"


def model_summary(model: Model) -> Iterator[str]:
    """Say what a new model is."""
    yield f"model {model.name} is new, served by {'; '.join(_route(route) for route in model.routes)}"
    yield f"model {model.name} may be shown {shown(model.sees)}; what is found of other data is masked"


def model_changes(before: Model, after: Model) -> Iterator[str]:
    """Say what changes about a model."""
    name = after.name
    for changed in differing_fields(before, after):
        old, new = getattr(before, changed), getattr(after, changed)
        match changed:
            case "routes":
                yield f"model {name} is now served by {_routes(new)} instead of {_routes(old)}"
            case "sees":
                yield f"model {name} may now be shown {shown(new)} instead of {shown(old)}"
            case "input_price" | "output_price":
                direction = changed.partition("_")[0]
                yield f"model {name}: a million tokens of {direction} cost {_usd(new)} instead of {_usd(old)}"
            case _:
                yield f"model {name}: {changed} changed from {shown(old)} to {shown(new)}"


def _reached(server: ToolServer) -> str:
    return f"started as {_text(server.command)}" if server.command else f"at {server.url}"


def _text(value: str | tuple[str, ...]) -> str:
    if isinstance(value, str):
        return value or "none"
    return " ".join(repr(part) if " " in part or not part else part for part in value) or "none"


def _pairs(what: str, before: dict[str, str], after: dict[str, str]) -> Iterator[str]:
    for key in sorted(before.keys() | after.keys()):
        if before.get(key) != after.get(key):
            yield f"{what} {key} is now {shown(after.get(key))} instead of {shown(before.get(key))}"


def _routes(routes: tuple[ModelRoute, ...]) -> str:
    return "; ".join(_route(route) for route in routes)


def _route(route: ModelRoute) -> str:
    said = f"{route.upstream} at {route.url} ({route.dialect.value}, weight {route.weight}"
    said += f", key {route.credential}" if route.credential else ", no key"
    said += f", in {route.region}" if route.region else ""
    said += ", private addresses allowed" if route.private else ""
    return f"{said}, {route.answer_s} s to answer)"


def _usd(price: Micros | None) -> str:
    return "what the lists say" if price is None else micros_to_usd(price)
