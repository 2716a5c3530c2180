"""Remit's own database of the demonstration: made fresh, given the workspace, and read when all is done."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from gulf_trading.workspace import COPY
from remit.compose import Parts, open_parts
from remit.domain.action import Assurance
from remit.domain.decision import Decision
from remit.domain.finding import Verdict
from remit.domain.ids import WorkspaceName
from remit.domain.record import RecordKind
from remit.domain.release import Configuration, Effect
from remit.execution.replay import Agreement, Replay
from remit.settings import Settings

MADE_HERE = ("remit.db*", "remit.key", "company*.db*", "server.log", "worker.log", "remit.queue.db*")
BUNDLE = "bundle"
MOST_RECORDS = 10_000


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision as the ledger has it. `number` is its place there."""

    number: int
    agent: str
    target: str
    decision: Decision


@dataclass(frozen=True, slots=True)
class Accounts:
    """What is on record.

    Attributes:
        kinds: records by kind.
        decided: decisions in the order they were made.
        enforced: how many of them were made at a door that holds the credentials.
        replayed: how many decisions, made again from their records alone, came out the same.
    """

    kinds: Mapping[str, int]
    decided: tuple[Decided, ...]
    enforced: int
    replayed: int


def fresh(folder: Path) -> Path:
    """Make the folder, or take away what an earlier demonstration left in it, and nothing else."""
    folder.mkdir(parents=True, exist_ok=True)
    for pattern in MADE_HERE:
        for path in folder.glob(pattern):
            path.unlink()
    for made in (BUNDLE, COPY):
        shutil.rmtree(folder / made, ignore_errors=True)
    return folder


def url_of(folder: Path) -> str:
    """Return the address of the database in a folder."""
    return f"sqlite:///{folder / 'remit.db'}"


def accounts(url: str, workspace: WorkspaceName) -> Accounts:
    """Read everything back, and decide it all again."""
    with _opened(url) as parts:
        bodies = parts.store.records(workspace, limit=MOST_RECORDS)
        records = [(number, orjson.loads(body)) for number, body in bodies]
        replay = Replay(parts.store, parts.rulesets, parts.keys)
        same = sum(replayed.agreement is Agreement.SAME for replayed in replay.all(workspace))
    kinds = Counter(record["kind"] for _, record in records)
    decided = [one for one in records if one[1]["kind"] == RecordKind.DECISION_MADE]
    enforced = sum(record["assurance"] == Assurance.ENFORCED for _, record in decided)
    return Accounts(kinds, tuple(_decided(*one) for one in decided), enforced, same)


def _decided(number: int, record: Mapping[str, Any]) -> Decided:
    return Decided(number, record["agent"], record["target"], Decision.from_json(record["decision"]))


def weighty(decided: Decided, configuration: Configuration) -> bool:
    """Tell whether a decision is one to look at: about money, or not an allowance."""
    tool = next((tool for tool in configuration.tools.values() if tool.name == decided.target), None)
    pays = tool is not None and tool.effect is Effect.PAY
    return pays or decided.decision.verdict is not Verdict.ALLOW


@contextmanager
def _opened(url: str) -> Iterator[Parts]:
    parts = open_parts(Settings(database_url=url))
    try:
        yield parts
    finally:
        parts.close()
