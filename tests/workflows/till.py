"""Runs of workflows carried out in this process, segment by segment, by tools that are played: for what a queue, a
process or a second of waiting would only make slow.

with till(tmp_path, workflow({...})) as it:
    run = it.start(n=3)
    it.carry_out()
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson

from remit.compose import workflow_doors, workflow_starts
from remit.domain.clock import MICROS_PER_SECOND, Instant, ManualClock
from remit.domain.ids import ActionId, OwnerId, RunId, UserId, WorkflowName, WorkspaceName
from remit.domain.release import Tool
from remit.domain.upstream import ToolServer
from remit.domain.workflow_progress import Progress
from remit.execution.workflows.again import Repeats
from remit.execution.workflows.kinds.handing import AgentKind, Works
from remit.execution.workflows.kinds.tool import ToolKind
from remit.execution.workflows.models import ModelCalls
from remit.execution.workflows.notebook import EVENT, OUTPUTS, STEP, opened, sealed
from remit.execution.workflows.ports import CallFailed, ToolAnswer
from remit.execution.workflows.programs import Programs
from remit.execution.workflows.segments import Bounds, Kit, Segments
from remit.execution.workflows.starting import Start
from remit.execution.workflows.undoing import Undoing
from remit.gateways.mcp.upstreams.offers import digest
from remit.storage.journal import Journal, LostRun, WorkflowEvent, WorkflowRun
from remit.storage.journal_rows import journal_of
from remit.storage.timetable import timetable_of
from remit.working import kinds_of
from tests.workflows.counting_tools import described
from tests.workflows.shop import shop_files
from tests.worlds import CountingIds, World

WORKSPACE = WorkspaceName("shop")
Play = Callable[[Mapping[str, Any]], Any]


class Died(BaseException):
    """The worker is killed at this point. No handler of errors catches it."""


@dataclass
class Played:
    """Tools that do what they are told, and count. `deadly` says at which numbered point the worker is killed."""

    plays: dict[str, Play] = field(default_factory=dict)
    effects: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    is_down: bool = False
    pins: dict[str, str] = field(default_factory=dict)
    points: int = 0
    deadly: int = -1

    def point(self) -> None:
        """Pass a point at which a worker can be killed."""
        self.points += 1
        if self.points == self.deadly:
            raise Died

    async def definition(self, workspace: WorkspaceName, server: ToolServer, tool: Tool) -> str:
        if self.is_down:
            raise CallFailed("unreachable", "nobody is there", sent=False)
        return self.pins.setdefault(tool.upstream, digest(described(tool.upstream)))

    async def call(
        self,
        workspace: WorkspaceName,
        server: ToolServer,
        tool: Tool,
        arguments: Mapping[str, Any],
        action: ActionId,
        timeout_s: float | None,
    ) -> ToolAnswer:
        self.point()
        await asyncio.sleep(0)
        output: Any = {"order": f"o-{arguments.get('n', 0)}", **arguments}
        if tool.upstream == "order_status":
            is_there = any(each[0] == arguments["action"] for each in self.effects)
            output = {"status": "ok" if is_there else "absent", "result": {"order": "told"}}
        elif tool.upstream == "fail":
            return self.output_of(orjson.dumps({"isError": True, "content": []}))
        else:
            is_once = tool.idempotent and any(each[0] == action for each in self.effects)
            if not is_once and tool.effect.value != "read":
                self.effects.append((action, tool.upstream, dict(arguments)))
        self.point()
        play = self.plays.get(tool.upstream)
        if play is not None:
            output = play(arguments)
        return self.output_of(orjson.dumps({"structuredContent": output, "content": []}))

    def output_of(self, raw: bytes) -> ToolAnswer:
        result = orjson.loads(raw)
        return ToolAnswer(result.get("structuredContent"), raw, result.get("isError") is True)

    def names(self) -> list[str]:
        return [f"{tool}({given.get('n', '')})" for _, tool, given in self.effects]


@dataclass
class Till:
    """A world with workflows, and workers that are made and killed as the test likes."""

    world: World
    tools: Played = field(default_factory=Played)
    workers: int = 0
    models: ModelCalls | None = None
    works: Mapping[str, Works] = field(default_factory=dict)
    bounds: Bounds = Bounds(absent_after_s=0)

    @cached_property
    def journal(self) -> Journal:
        return journal_of(self.world.store)

    @cached_property
    def timetable(self) -> Any:
        return timetable_of(self.world.store)

    @cached_property
    def loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.new_event_loop()

    def segments(self, journal: Journal | None = None) -> Segments:
        """A worker that nobody knows of: so whoever comes next may take its runs over at once."""
        self.workers += 1
        parts = self.world.parts
        tools, agents = ToolKind(self.tools, 0.0), AgentKind(self.works)
        starts = workflow_starts(parts, self.world.queue)
        kit = Kit(
            store=parts.store,
            journal=journal or self.journal,
            keys=parts.keys,
            clock=self.world.clock,
            programs=Programs(parts.rulesets),
            doors=workflow_doors(parts, self.world.queue),
            kinds=kinds_of(tools, starts, parts.keys, agents, self.models),
            undoing=Undoing(tools, agents),
            repeats=Repeats(self.journal, Programs(parts.rulesets), starts, parts.keys, parts.store),
            bounds=self.bounds,
        )
        return Segments(kit, OwnerId(f"wrk_{self.workers}"), lambda: None)

    def start(self, name: str = "flow", key: str = "", **inputs: Any) -> RunId:
        start = Start(WORKSPACE, WorkflowName(name), inputs, UserId("user:visitor"), "user:visitor", key, verified=True)
        return workflow_starts(self.world.parts, self.world.queue).start(start)[0].run

    def due(self) -> Sequence[WorkflowRun]:
        return self.journal.due(self.world.clock.now(), Instant(self.world.clock.now() - MICROS_PER_SECOND), 1_000)

    def once(self, segments: Segments | None = None) -> list[str]:
        """Carry out what is due now, and return in a word how each segment ended."""
        segments = segments or self.segments()
        return [self.loop.run_until_complete(segments.advance(each.run, each.turn)) for each in self.due()]

    def carry_out(self, segments: Segments | None = None, *, most: int = 100) -> None:
        """Carry out what is due, and what comes due by that, without any time passing."""
        segments = segments or self.segments()
        for _ in range(most):
            if not self.once(segments):
                return
        raise AssertionError(f"there is always more to do: {self.due()}")

    def pass_time(self, seconds: float) -> None:
        self.world.clock.advance(seconds)
        self.carry_out()

    def tell(self, run: RunId, name: str, data: Any = None, id: str = "") -> bool:
        row = self.run(run)
        id = id or f"evt_{name}_{len(self.journal.events(run, unused=False))}_{run}"
        body = sealed(self.world.parts.keys.of(row.key), id, EVENT, data)
        now = self.world.clock.now()
        return self.journal.tell(WorkflowEvent(id, run, name, now, data=body), now)

    def run(self, run: RunId) -> WorkflowRun:
        found = self.journal.run(run)
        assert found is not None
        return found

    def state(self, run: RunId) -> str:
        return self.run(run).state.value

    def steps(self, run: RunId) -> dict[str, Progress]:
        return {each.progress.path: each.progress for each in self.journal.steps(run)}

    def states(self, run: RunId) -> dict[str, str]:
        return {path: row.state.value for path, row in self.steps(run).items()}

    def output(self, run: RunId, path: str = "") -> Any:
        """What a step came to; with no path, the run."""
        row = self.run(run)
        key = self.world.parts.keys.of(row.key)
        if not path:
            return opened(key, run, OUTPUTS, row.outputs) if row.outputs else None
        (stored,) = [each for each in self.journal.steps(run) if each.progress.path == path]
        return opened(key, run, STEP + path, stored.output) if stored.output else None


class Fragile:
    """A journal at whose writes a worker can be killed, before and after each."""

    def __init__(self, journal: Journal, tools: Played) -> None:
        self._journal = journal
        self._tools = tools

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._journal, name)
        if name not in ("claim", "save", "leave", "end", "give_up", "undone_in"):
            return found

        def call(*args: Any) -> Any:
            self._tools.point()
            result = found(*args)
            self._tools.point()
            return result

        return call


@contextmanager
def till(
    folder: Path, *workflows: str, changes: Mapping[str, str | None] | None = None, clock: ManualClock | None = None
) -> Iterator[Till]:
    """A new database with one release."""
    from remit.control.releases import FolderHasProblems
    from remit.workspace.files import Folder
    from tests.worlds import OWNER

    world = World(folder / "remit.db", clock or ManualClock(), CountingIds())
    it = Till(world)
    try:
        files = shop_files(folder, workflows, changes)
        try:
            plan = world.releases.plan(Folder(WORKSPACE, files, ()), OWNER, "as planned", "production")
        except FolderHasProblems as error:
            raise AssertionError("\n".join(map(str, error.problems))) from None
        world.releases.apply(plan, "production")
        yield it
    finally:
        if "loop" in it.__dict__:
            it.loop.run_until_complete(it.loop.shutdown_default_executor())
            it.loop.close()
        world.close()


__all__ = ["Died", "Fragile", "LostRun", "Played", "Till", "till"]
