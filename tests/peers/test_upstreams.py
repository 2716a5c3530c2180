"""Servers that others wrote, from npm and PyPI, behind the gateway: listed, called, denied, kept out once changed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.peers.behind import Peer, gateway
from tests.peers.clients import CLIENTS, At, refusal, said
from tests.peers.installed import NODE, OLDER_PEERS, node_peer, python_peer
from tests.served import Served

Json = dict[str, Any]


@dataclass(frozen=True)
class Known:
    """One server: how it is started, a call that is allowed and what it says, a tool that is not granted, and one
    whose definition is not the one that was accepted."""

    command: tuple[str, ...]
    call: str
    arguments: Json
    says: str
    denied: str
    changed: str
    folder: str = ""

    def peer(self, name: str) -> Peer:
        fields: Json = {"command": list(self.command), **({"folder": self.folder} if self.folder else {})}
        granted = [f"{name}.{tool}" for tool in (self.call, self.changed)]
        return Peer(name, fields, granted=granted, changed=(f"{name}.{self.changed}",))


def repository(folder: Path) -> None:
    folder.mkdir()
    (folder / "notes.txt").write_text("written down")
    me = ("-c", "user.name=tests", "-c", "user.email=tests@example.com")
    for command in (("init", "--quiet"), ("add", "."), (*me, "commit", "--quiet", "-m", "The first note")):
        subprocess.run(("git", "-C", str(folder), *command), check=True)


def known(folder: Path) -> dict[str, Known]:
    """The servers, each with something of its own in a folder."""
    repository(folder / "repository")
    everything = node_peer("@modelcontextprotocol/server-everything", "dist/index.js")
    files = node_peer("@modelcontextprotocol/server-filesystem", "dist/index.js")
    place = folder / "repository"
    notes = str(place / "notes.txt")
    timing = {"source_timezone": "Asia/Dubai", "time": "12:00", "target_timezone": "UTC"}
    select = {"query": "select 20 + 22 as answer"}
    return {
        "everything": Known(
            (str(NODE), everything, "stdio"), "echo", {"message": "salam"}, "salam", "get-sum", "get-tiny-image"
        ),
        "files": Known(
            (str(NODE), files, str(folder)),
            "read_text_file",
            {"path": notes},
            "written down",
            "write_file",
            "edit_file",
        ),
        "git": Known(
            (python_peer("mcp-server-git"), "--repository", str(place)),
            "git_log",
            {"repo_path": str(place)},
            "The first note",
            "git_reset",
            "git_commit",
        ),
        "time": Known(
            (python_peer("mcp-server-time"), "--local-timezone", "Asia/Dubai"),
            "convert_time",
            timing,
            "08:00",
            "no_such_tool",
            "get_current_time",
        ),
        "sqlite": Known(
            (python_peer("mcp-server-sqlite", OLDER_PEERS), "--db-path", str(folder / "peers.db")),
            "read_query",
            select,
            "42",
            "write_query",
            "create_table",
        ),
    }


SERVERS = ("everything", "files", "git", "sqlite", "time")


@dataclass(frozen=True)
class Behind:
    """The gateway and what is known of the servers behind it."""

    server: Served
    known: dict[str, Known]


@pytest.fixture(scope="module")
def behind(peers: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    folder = tmp_path_factory.mktemp("upstreams")
    servers = known(folder)
    with gateway(folder / "remit", *(each.peer(name) for name, each in servers.items())) as server:
        yield Behind(server, servers)


def codes(brought: Json) -> set[str]:
    """Why a call was not let through."""
    outcome = brought["result"]["_meta"]["remit/outcome"]
    return {finding["code"] for finding in outcome["findings"]}


@pytest.mark.parametrize("name", SERVERS)
def test_server_is_held_to_what_was_granted_and_accepted(name: str, behind: Behind) -> None:
    it = behind.known[name]
    listed, told, denied, changed = CLIENTS["python-modern"](
        At.of(behind.server),
        [
            ("tools/list", {}),
            ("tools/call", {"name": f"{name}.{it.call}", "arguments": it.arguments}),
            ("tools/call", {"name": f"{name}.{it.denied}", "arguments": {}}),
            ("tools/call", {"name": f"{name}.{it.changed}", "arguments": {}}),
        ],
    )
    names = [tool["name"] for tool in listed["result"]["tools"]]
    assert [each for each in names if each.startswith(f"{name}_")] == [f"{name}_{it.call}"]
    assert it.says in said(told)
    assert told["result"].get("isError") is not True
    assert refusal(denied).startswith(f"{name}.{it.denied} was denied")
    assert codes(denied) & {"grant.tool_not_granted", "grant.tool_unknown"}
    assert "otherwise than it was accepted" in refusal(changed)
    assert "grant.tool_changed" in codes(changed)


def processes_of(script: str) -> list[int]:
    """The processes of this machine that were started with a script, as we started them."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (place / "cmdline").read_bytes().decode(errors="replace")
            parent = (place / "stat").read_text().rpartition(")")[2].split()[1]
            if script in command and int(parent) == os.getpid():
                found.append(int(place.name))
    return found


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="this machine does not list its processes under /proc")
def test_server_that_is_killed_is_started_again_and_the_others_never_noticed(behind: Behind) -> None:
    work, at = CLIENTS["python-modern"], At.of(behind.server)
    everything = behind.known["everything"]
    calls = {
        name: ("tools/call", {"name": f"{name}.{it.call}", "arguments": it.arguments})
        for name, it in behind.known.items()
    }
    work(at, [calls["everything"]])
    killed = processes_of(everything.command[1])
    assert killed
    for process in killed:
        os.kill(process, signal.SIGKILL)
    others = [name for name in SERVERS if name != "everything"]
    for name, brought in zip(others, work(at, [calls[name] for name in others]), strict=True):
        assert behind.known[name].says in said(brought)
    assert everything.says in until_said(everything.says, lambda: said(work(at, [calls["everything"]])[0]))
    assert not set(killed) & set(processes_of(everything.command[1]))


def until_said(wanted: str, ask: Callable[[], str]) -> str:
    """Ask until the answer is the wanted one, a few times: a server may need a pause before it starts again."""
    answer = ask()
    for _ in range(20):
        if wanted in answer:
            break
        time.sleep(0.5)
        answer = ask()
    return answer
