"""A gateway with real servers behind it, whose tools were imported and accepted as an operator does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from ruamel.yaml import YAML

from remit.cli.main import cli
from remit.domain.upstream import Via
from tests.served import Served, served
from tests.worlds import agent, documents, files, world, yaml

AGENT = "tester"
OTHER_PIN = "sha256:" + 64 * "0"
"""Of a definition that no server has: as if the server had changed since."""

Json = dict[str, Any]


@dataclass(frozen=True)
class Peer:
    """A server, and what is made of its tools.

    `fields` are those of its document; `bare` says that its tools have here the names they have there; `granted` is
    what the agent may use, everything where left out; `changed` are tools whose pins are of something else.
    """

    name: str
    fields: Mapping[str, Any]
    bare: bool = False
    granted: Sequence[str] | None = None
    changed: Sequence[str] = ()

    @property
    def place(self) -> str:
        return f"servers/{self.name}.yaml"

    @property
    def document(self) -> str:
        return yaml("ToolServer", name=self.name, start_within="60s", **self.fields)

    def tools(self, workspace: Path) -> list[Json]:
        """The documents of its tools, as they are imported into a workspace."""
        command = ("tools", "import", self.name, "--dir", str(workspace), "--all")
        done = CliRunner().invoke(cli, command)
        assert done.exit_code == 0, done.output
        written = (workspace / "tools" / f"{self.name}.yaml").read_text("utf-8")
        return [self._here(document) for document in YAML(typ="safe").load_all(written)]

    def _here(self, document: Json) -> Json:
        name = str(document["name"])
        if name in self.changed:
            return {**document, "pin": OTHER_PIN}
        if not self.bare or "via" in document:
            return document
        there = name.removeprefix(f"{self.name}.")
        return {**document, "name": there, "server": self.name, "upstream": there}


def imported(workspace: Path, peers: Sequence[Peer]) -> dict[str, str]:
    """Return the files of a workspace with the tools that the servers offer, as they are now, granted to the agent."""
    texts = files({peer.place: peer.document for peer in peers})
    for path, text in texts.items():
        (workspace / path).parent.mkdir(parents=True, exist_ok=True)
        (workspace / path).write_bytes(text)
    granted: list[str] = []
    found = {peer.place: peer.document for peer in peers}
    for peer in peers:
        tools = peer.tools(workspace)
        found[f"tools/{peer.name}.yaml"] = documents(*(yaml(**tool) for tool in tools))
        names = [str(tool["name"]) for tool in tools]
        granted += [name for name in names if peer.granted is None or name in peer.granted]
    return {**found, f"agents/{AGENT}.yaml": agent(AGENT, tools=granted, models=[])}


@contextmanager
def gateway(folder: Path, *peers: Peer, **more: str) -> Iterator[Served]:
    """Serve a world with these servers behind its gateway, and `more` files."""
    folder.mkdir(exist_ok=True)
    with world(folder, {**imported(folder / "workspace", peers), **more}) as it, served(it) as server:
        yield server


def resources_of(peer: Peer) -> str:
    """The name of the tool that stands for reading a server's resources."""
    return f"{peer.name}.{Via.RESOURCE.value}s"


def prompts_of(peer: Peer) -> str:
    """The name of the tool that stands for getting a server's prompts."""
    return f"{peer.name}.{Via.PROMPT.value}s"
