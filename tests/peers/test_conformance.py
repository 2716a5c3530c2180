"""The conformance suite through the gateway says what it says of the server behind it, check by check."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.peers.behind import AGENT, Peer, gateway
from tests.peers.installed import PYTHON, ROOT
from tests.peers.keyed import keyed
from tests.peers.suite import CURRENT, OLDER, Check, Verdicts, judged

OURS = (
    "caching",
    "dns-rebinding-protection",
    "http-custom-header-server-validation",
    "http-header-validation",
    "input-required-result-tampered-state",
    "server-stateless",
)
"""Scenarios that the gateway answers for, whatever is behind it; besides all of `tasks-`."""

STDIO: Mapping[str, Any] = {"command": [str(PYTHON), "-m", "tests.peers.conforming", "--stdio"], "folder": str(ROOT)}


@pytest.fixture(scope="module")
def direct(peers: None, conforming: str, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Verdicts]:
    """What the suite says of the server itself, by revision."""
    folder = tmp_path_factory.mktemp("direct")
    return {revision: judged(conforming, revision, folder / revision) for revision in (OLDER, CURRENT)}


@contextmanager
def through(folder: Path, fields: Mapping[str, Any]) -> Iterator[str]:
    """The URL of the gateway in front of the server, as a client that can send no key reaches it."""
    with (
        gateway(folder, Peer("conforming", fields, bare=True)) as server,
        keyed(server.host, server.port, server.key(AGENT)) as port,
    ):
        yield f"http://127.0.0.1:{port}/mcp"


@pytest.fixture(scope="module")
def at_url(peers: None, conforming: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with through(tmp_path_factory.mktemp("url"), {"url": conforming, "private": True}) as url:
        yield url


def failures(verdicts: Verdicts) -> list[tuple[str, Check]]:
    return [(scenario, check) for scenario, checks in verdicts.items() for check in checks if check.status == "FAILURE"]


def compared(verdicts: Verdicts) -> dict[str, list[tuple[str, str, str]]]:
    return {scenario: [check.verdict for check in checks] for scenario, checks in verdicts.items()}


def check_alike(behind: Verdicts, direct: Verdicts) -> None:
    assert sum(map(len, direct.values())) > 80
    assert failures(direct) == failures(behind) == []
    assert compared(behind) == compared(direct)


def check_ours(behind: Verdicts) -> None:
    assert set(OURS) <= behind.keys()
    assert sum(name.startswith("tasks-") for name in behind) == 10
    assert {check.status for name in OURS for check in behind[name]} == {"SUCCESS"}


def test_gateway_is_judged_as_the_server_behind_it_by_older_clients(
    direct: Mapping[str, Verdicts], at_url: str, tmp_path: Path
) -> None:
    behind = judged(at_url, OLDER, tmp_path)
    check_alike(behind, direct[OLDER])
    assert len(behind) == 33


def test_gateway_is_judged_as_the_server_behind_it_by_current_clients(
    direct: Mapping[str, Verdicts], at_url: str, tmp_path: Path
) -> None:
    behind = judged(at_url, CURRENT, tmp_path)
    check_alike(behind, direct[CURRENT])
    check_ours(behind)


def test_gateway_is_judged_as_the_command_behind_it(direct: Mapping[str, Verdicts], tmp_path: Path) -> None:
    """With older clients it holds too, but each of the suite's many sessions has a process of its own then."""
    with through(tmp_path / "gateway", STDIO) as url:
        behind = judged(url, CURRENT, tmp_path / "results")
    check_alike(behind, direct[CURRENT])
    check_ours(behind)
