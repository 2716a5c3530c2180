"""A server with the model gateway before a fake endpoint: what these tests begin with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from remit.domain.payload import RESULT
from remit.domain.record import RecordKind
from tests.gateways.llm.fake import Fake, Play, fake_endpoint
from tests.served import Served, served
from tests.worlds import MODEL, World, agent, world, yaml

KEY = "sk-upstream-secret-0123456789"


def route(fake: Fake, **fields: Any) -> dict[str, Any]:
    """A route to a fake endpoint."""
    base = {"dialect": "openai", "url": fake.url, "upstream": "tiny-upstream", "credential": "env:FAKE_KEY"}
    return {**base, "private": True, **fields}


def model(*routes: Mapping[str, Any], name: str = MODEL, **fields: Any) -> str:
    """A document of a model; MODEL has a price in workspace.yaml: 1 micro-USD a token read, 2 a token written."""
    return yaml("Model", name=name, routes=list(routes), **{"max_output_tokens": 1_000, **fields})


@dataclass
class Gateway:
    """The server, its world and what stands behind it."""

    server: Served
    fake: Fake

    @property
    def world(self) -> World:
        return self.server.world

    @property
    def openai(self) -> str:
        return f"{self.server.url}/openai/v1"

    @property
    def anthropic(self) -> str:
        return f"{self.server.url}/anthropic"

    def decisions(self) -> list[dict[str, Any]]:
        return self.world.records(RecordKind.DECISION_MADE)

    def outcomes(self) -> list[dict[str, Any]]:
        return self.world.records(RecordKind.OUTCOME_REPORTED)

    def result(self, action: str) -> dict[str, Any]:
        """What is kept of an action's answer."""
        sealed = self.world.store.payload(action, RESULT)
        assert sealed is not None
        found: dict[str, Any] = orjson.loads(self.world.parts.keys.of(sealed.key).open(sealed))
        return found


@contextmanager
def gateway(
    folder: Path, *plays: Play, changes: Mapping[str, str | None] | None = None, documents: str = "", **fields: Any
) -> Iterator[Gateway]:
    """Serve a world whose agent may use one model, at a fake endpoint. `fields` are the model's."""
    with fake_endpoint(*plays) as fake:
        made = documents or model(route(fake), **fields)
        files = {"models/tiny.yaml": made, "agents/buyer.yaml": agent(), **(changes or {})}
        texts = {path: text and text.replace("FAKE_URL", fake.url) for path, text in files.items()}
        with world(folder, texts) as it, served(it) as server:
            yield Gateway(server, fake)
