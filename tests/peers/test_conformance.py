"""The conformance suite through the gateway says what it says of the server behind it, check by check."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.behind import AGENT, Peer, gateway
from tests.peers.keyed import keyed
from tests.peers.suite import REVISIONS, Check, Verdicts, judged

OURS = (
    "caching",
    "dns-rebinding-protection",
    "http-custom-header-server-validation",
    "http-header-validation",
    "input-required-result-tampered-state",
    "server-stateless",
)
"""Scenarios that the gateway answers for, whatever is behind it; besides all of `tasks-`."""

OF_STREAMS = {
    "server-sse-multiple-streams": {"server-sse-streams-functional"},
    "server-sse-polling": {"server-sse-priming-event", "server-sse-retry-field", "server-sse-disconnect-resume"},
}
"""Checks of streams, by scenario. The SDK's server opens one for each call of an older client; the gateway only where
something is said before the answer, and the suite then notes that there is nothing to check."""


@pytest.fixture(scope="module")
def through(peers: None, conforming: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the gateway in front of the conforming server, for a client that can send no key."""
    peer = Peer("conforming", {"url": conforming, "private": True})
    with (
        gateway(tmp_path_factory.mktemp("gateway"), peer) as server,
        keyed(server.host, server.port, server.key(AGENT)) as port,
    ):
        yield f"http://127.0.0.1:{port}/mcp"


def failures(verdicts: Verdicts) -> list[tuple[str, Check]]:
    return [(scenario, check) for scenario, checks in verdicts.items() for check in checks if check.status == "FAILURE"]


def compared(verdicts: Verdicts) -> dict[str, list[tuple[str, str, str]]]:
    """The verdicts of each scenario, without those of streams that need not be there."""
    return {
        scenario: [check.verdict for check in checks if check.id not in OF_STREAMS.get(scenario, ())]
        for scenario, checks in verdicts.items()
    }


@pytest.mark.parametrize("revision", REVISIONS)
def test_gateway_is_judged_as_what_is_behind_it(revision: str, through: str, conforming: str, tmp_path: Path) -> None:
    direct = judged(conforming, revision, tmp_path / "direct")
    behind = judged(through, revision, tmp_path / "gateway")
    assert sum(map(len, direct.values())) > 80
    assert failures(direct) == failures(behind) == []
    assert compared(behind) == compared(direct)
    if revision == "2026-07-28":
        assert set(OURS) <= behind.keys()
        assert sum(name.startswith("tasks-") for name in behind) == 10
        assert {check.status for name in OURS for check in behind[name]} == {"SUCCESS"}
