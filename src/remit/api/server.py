"""This server as it runs: its version, how its parts are, and its settings."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from pydantic import Field

from remit.api.access import allow, people
from remit.api.actions import ToldIn
from remit.api.route import Route
from remit.api.shapes import Asker, Shown
from remit.api.use_cases import UseCases
from remit.domain.clock import Instant
from remit.domain.identity import Role
from remit.domain.ids import WorkspaceName
from remit.domain.messages import Language
from remit.domain.setting_words import ARABIC

Waiting = Callable[[], int | None]
"""How many commands wait for the writer; None in a process that has none."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting as it may be shown: `value` of a secret says only whether there is one."""

    name: str
    value: str
    is_default: bool
    description: str


@dataclass(frozen=True, slots=True)
class Process:
    """What does not change while a server runs."""

    version: str
    database: str
    started_at: Instant
    settings: tuple[Setting, ...]


class PartCode(StrEnum):
    """A part of the server that is looked at; whoever shows it has the words."""

    DATABASE = "database"
    SEALING = "sealing"
    POLICY = "policy"
    WRITER = "writer"


class PartShown(Shown):
    """How one part is. `value` is its figure: microseconds of one reading, records not sealed, commands that wait."""

    code: PartCode
    ok: bool
    value: int
    why: str = Field(description="What is wrong, or empty.")


class SettingShown(Shown):
    """A setting, by the name of its environment variable. A secret's value is not here, only whether it is set."""

    name: str
    value: str
    is_default: bool
    description: str


class ServerShown(Shown):
    """The server that answers, at `at`."""

    version: str
    database: str
    started_at: int
    at: int
    parts: list[PartShown]
    settings: list[SettingShown]


class ServerRoutes:
    """The server."""

    def __init__(self, use: UseCases, process: Process, waiting: Waiting) -> None:
        self._use = use
        self._process = process
        self._waiting = waiting

    def routes(self) -> Iterator[Route]:
        """Name the routes."""
        yield Route("GET", "/server", self.one, ServerShown)

    @allow(people(Role.OPERATOR, Role.ADMIN))
    def one(self, caller: Asker, language: ToldIn = "en") -> ServerShown:
        """Return how this server runs: its parts, and its settings without their secrets."""
        process = self._process
        return ServerShown(
            version=process.version,
            database=process.database,
            started_at=process.started_at,
            at=self._use.clock.now(),
            parts=list(self._parts(caller.workspace)),
            settings=[_setting(each, language) for each in process.settings],
        )

    def _parts(self, workspace: WorkspaceName) -> Iterator[PartShown]:
        begun = time.perf_counter_ns()
        self._use.store.workspaces()
        yield PartShown(code=PartCode.DATABASE, ok=True, value=(time.perf_counter_ns() - begun) // 1_000, why="")
        lag = self._use.evidence(workspace).lag(self._use.clock.now())
        yield PartShown(code=PartCode.SEALING, ok=not lag.alarm, value=lag.records, why="")
        rules = self._use.rules(workspace)
        why = "" if rules is None else rules.authorizer.distrusted
        yield PartShown(code=PartCode.POLICY, ok=not why, value=0, why=why)
        waiting = self._waiting()
        if waiting is not None:
            yield PartShown(code=PartCode.WRITER, ok=True, value=waiting, why="")


def _setting(setting: Setting, language: Language) -> SettingShown:
    meaning = setting.description if language == "en" else ARABIC.get(setting.name, setting.description)
    return SettingShown(name=setting.name, value=setting.value, is_default=setting.is_default, description=meaning)
