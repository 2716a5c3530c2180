"""Where the policies that decided an action stand, in the files of its release."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from remit.cli.home import Home, get, part
from remit.cli.turned import Turned

MOST_LINES = 30


@dataclass(frozen=True, slots=True)
class PolicyText:
    """A policy by name, and where it stands; without `file` it was not found."""

    policy: str
    file: str = ""
    line: int = 0
    text: str = ""


def policy_texts(at: Home, release: str, policies: Sequence[str]) -> Iterator[PolicyText]:
    """Yield each policy with its lines: a written one by its `@id`, a grant by its line in the agent's remit."""
    if not policies:
        return
    try:
        files: Mapping[str, str] = get(at, f"/releases/{part(release)}/files")["files"]
    except Turned:
        files = {}
    for policy in policies:
        place, _, rest = policy.partition("#")
        if place.endswith(".cedar"):  # a statement without `@id` is named by its file and number
            yield PolicyText(policy, place)
        elif rest:
            yield _grant(policy, place.removeprefix("agents/"), rest, files)
        else:
            yield _written(policy, files)


def _written(policy: str, files: Mapping[str, str]) -> PolicyText:
    wanted = re.compile(rf'@id\(\s*"{re.escape(policy)}"\s*\)')
    for path, text in files.items():
        found = wanted.search(text) if path.endswith(".cedar") else None
        if found is None:
            continue
        lines = text.splitlines()
        at = text.count("\n", 0, found.start())
        first = at
        while first and lines[first - 1].lstrip().startswith("@"):
            first -= 1
        last = next((n for n in range(at, len(lines)) if lines[n].rstrip().endswith(";")), len(lines) - 1)
        return PolicyText(policy, path, first + 1, "\n".join(lines[first : min(last + 1, first + MOST_LINES)]))
    return PolicyText(policy)


def _grant(policy: str, agent: str, tool: str, files: Mapping[str, str]) -> PolicyText:
    named = re.compile(rf"""\bname["']?\s*:\s*["']?{re.escape(agent)}(?![\w.-])""")
    granted = re.compile(rf"(?<![\w.-]){re.escape(tool)}(?![\w-])")
    for path, text in files.items():
        own = named.search(text) if "Agent" in text else None
        if own is None:
            continue
        for number, written in enumerate(text.splitlines(), 1):
            if granted.search(written) and number > text.count("\n", 0, own.start()):
                return PolicyText(policy, path, number, written.strip()[:200])
    return PolicyText(policy)
