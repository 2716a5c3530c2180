"""What changes about tool servers and models: where calls go, with whose credentials, and what a model may see."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce

from remit.domain.money import Micros, micros_to_usd
from remit.domain.said import Part, Said
from remit.domain.upstream import Model, ModelRoute, ToolServer
from remit.workspace.wording import changed_from, differing_fields, said, shown


def server_summary(server: ToolServer) -> Iterator[Said]:
    """Say what a new tool server is."""
    yield said("server.new", name=server.name, reached=_reached(server))


def server_changes(before: ToolServer, after: ToolServer) -> Iterator[Said]:
    """Say what changes about a tool server."""
    name = after.name
    for changed in differing_fields(before, after):
        old, new = getattr(before, changed), getattr(after, changed)
        match changed:
            case "command" | "url":
                yield said("server.its", name=name, field=changed, new=_text(new), old=_text(old))
            case "env" | "headers":
                yield from _pairs(name, changed, old, new)
            case "private":
                yield said("server.private" if new else "server.not_private", name=name)
            case _:
                yield changed_from(said("thing.tool_server", name=name), changed, shown(old), shown(new))


def model_summary(model: Model) -> Iterator[Said]:
    """Say what a new model is."""
    yield said("model.new", name=model.name, routes=_routes(model.routes))
    yield said("model.may_see", name=model.name, sees=shown(model.sees))


def model_changes(before: Model, after: Model) -> Iterator[Said]:
    """Say what changes about a model."""
    name = after.name
    for changed in differing_fields(before, after):
        old, new = getattr(before, changed), getattr(after, changed)
        match changed:
            case "routes":
                yield said("model.routes", name=name, new=_routes(new), old=_routes(old))
            case "sees":
                yield said("model.sees", name=name, new=shown(new), old=shown(old))
            case "input_price" | "output_price":
                yield said(f"model.{changed}", name=name, new=_usd(new), old=_usd(old))
            case _:
                yield changed_from(said("thing.model", name=name), changed, shown(old), shown(new))


def _reached(server: ToolServer) -> Said:
    if server.command:
        return said("server.started", command=_text(server.command))
    return said("server.at", url=server.url)


def _text(value: str | tuple[str, ...]) -> Part:
    text = (
        value if isinstance(value, str) else " ".join(repr(each) if " " in each or not each else each for each in value)
    )
    return text or said("none")


def _pairs(name: str, field: str, before: dict[str, str], after: dict[str, str]) -> Iterator[Said]:
    for key in sorted(before.keys() | after.keys()):
        if before.get(key) != after.get(key):
            now, was = shown(after.get(key)), shown(before.get(key))
            yield said("server.pair", name=name, field=field, key=key, new=now, old=was)


def _routes(routes: tuple[ModelRoute, ...]) -> Part:
    """Return routes one after the other; each has commas of its own."""
    return reduce(lambda first, second: said("then", first=first, second=second), map(_route, routes))


def _route(route: ModelRoute) -> Said:
    details: list[Part] = [route.dialect.value, said("route.weight", weight=str(route.weight))]
    details.append(said("route.key", key=route.credential) if route.credential else said("route.no_key"))
    details += [said("route.region", region=route.region)] if route.region else []
    details += [said("route.private")] if route.private else []
    details.append(said("route.answers", seconds=str(route.answer_s)))
    return said("route", upstream=route.upstream, url=route.url, details=tuple(details))


def _usd(price: Micros | None) -> Part:
    return said("price.lists") if price is None else micros_to_usd(price)
