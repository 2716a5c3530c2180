"""The conformance suite of the protocol, as it judges a server."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.peers.installed import NODE, node_peer
from tests.peers.processes import ran

OLDER, CURRENT = "2025-11-25", "2026-07-28"
WITHIN_S = 180
SUITE = ("@modelcontextprotocol/conformance", "dist/index.js")
RESULT = re.compile(r"server-(.+)-\d{4}-\d\d-\d\dT[\d-]+Z")


@dataclass(frozen=True)
class Check:
    """One thing the suite looked at. What it only notes is left out: it counts what happened to come by."""

    id: str
    name: str
    status: str
    why: str

    @property
    def verdict(self) -> tuple[str, str, str]:
        return (self.id, self.name, self.status)


Verdicts = Mapping[str, Sequence[Check]]
"""The checks of each scenario, in the order they were made."""


def judged(url: str, revision: str, folder: Path) -> Verdicts:
    """Have the suite judge a server by all that a revision requires and all that it offers besides."""
    command = (str(NODE), node_peer(*SUITE), "server", "--url", url, "--requirements", revision, "-o", str(folder))
    done = ran(command, within_s=WITHIN_S)
    found = {}
    for each in sorted(folder.iterdir()):
        scenario = RESULT.fullmatch(each.name)
        assert scenario, each.name
        checks = json.loads((each / "checks.json").read_text())
        found[scenario[1]] = [
            Check(check["id"], check["name"], check["status"], str(check.get("errorMessage", "")))
            for check in checks
            if check["status"] != "INFO"
        ]
    assert found, done.stdout + done.stderr
    return found
