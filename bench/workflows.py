"""What a step of a workflow costs, beside a step of plain DBOS and one of LangGraph with its SQLite checkpointer.

All three do nothing in the step, and what is measured is what keeps it: on SQLite, in one process, in this same run.
Ours is admitted, and its outcome is on record, as well. What waiting runs cost is measured at a worker process.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypedDict

from bench.measure import Cell, Table
from bench.servers import cpu_s_of, resident_kib_of
from remit.compose import open_queue, workflow_starts
from remit.domain.ids import UserId, WorkflowName
from remit.domain.workflow_progress import WorkflowState
from remit.execution.workflows.starting import Start
from tests.workflows.shop import WORKSPACE, Shop, shop, workflow
from tests.workflows.till import till

STEPS, ITEMS, WAITING = 300, 1_000, 1_000
WATCHED_S, CALM_S = 60.0, 5.0
"""How long a worker is watched, and how long it is left alone before."""
STARTERS = 8


@contextmanager
def _folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="remit-bench-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _timed(work: Callable[[], object], count: int) -> tuple[float, float]:
    """Return milliseconds of time and of CPU for each of `count`."""
    began, cpu = time.perf_counter(), time.process_time()
    work()
    return (time.perf_counter() - began) * 1000 / count, (time.process_time() - cpu) * 1000 / count


def table(*, quick: bool, waiting: int = WAITING) -> Iterator[Table]:
    """Measure steps one after the other, a map, and so many runs that wait."""
    steps = 40 if quick else STEPS
    ours, dbos, chain = _ours(steps), _dbos(steps), _langgraph(steps)
    rows: list[tuple[Cell, ...]] = [
        ("Remit: admitted, settled, on record", *ours, ours[0] / dbos[0], ours[1] / dbos[1]),
        ("DBOS step", *dbos, 1.0, 1.0),
    ]
    if chain is not None:
        rows.append(("LangGraph node, SqliteSaver", *chain, chain[0] / dbos[0], chain[1] / dbos[1]))
    note = f"{steps} steps one after the other, each of which does nothing; wal and full durability where there is one."
    if chain is None:
        note += " LangGraph is left out: langgraph-checkpoint-sqlite is not installed."
    yield Table("A step of a workflow", ("what", "ms", "CPU ms", "time to DBOS", "CPU to DBOS"), tuple(rows), note)
    yield _map(100 if quick else ITEMS)
    yield _waiting(50, 1.0) if quick else _waiting(waiting, WATCHED_S)


def _ours(steps: int) -> tuple[float, float]:
    each = {"tool": "till.get", "arguments": {"n": 1}}
    flow = workflow(*({"id": f"s{number}", **each} for number in range(steps)))
    with _folder() as folder, till(folder, flow) as it:
        worker = it.segments()
        it.start()
        it.carry_out(worker)  # once unmeasured: a worker reads and compiles a release once
        run = it.start()
        found = _timed(lambda: it.carry_out(worker), steps)
        assert it.state(run) == "succeeded", it.run(run).error
        return found


def _dbos(steps: int) -> tuple[float, float]:
    from dbos import DBOS

    from remit.storage.beside import queue_file

    with _folder() as folder:
        path = queue_file(folder / "floor.db")
        DBOS(config={"name": "floor", "system_database_url": f"sqlite:///{path}", "log_level": "ERROR"})

        @DBOS.step()
        def nothing(number: int) -> int:
            return number

        @DBOS.workflow()
        def chain() -> int:
            return sum(nothing(number) for number in range(steps))

        DBOS.launch()
        try:
            chain()
            return _timed(chain, steps)
        finally:
            DBOS.destroy(destroy_registry=True)


class _State(TypedDict):
    count: int


def _langgraph(steps: int) -> tuple[float, float] | None:
    try:
        from langgraph.checkpoint.sqlite import SqliteSaver
    except ImportError:
        return None
    from langgraph.graph import END, START, StateGraph

    def node(state: _State) -> _State:
        return {"count": state["count"] + 1}

    graph: Any = StateGraph(_State)
    graph.add_node("step", node)
    graph.add_edge(START, "step")
    graph.add_conditional_edges("step", lambda state: END if state["count"] >= steps else "step")
    with _folder() as folder, SqliteSaver.from_conn_string(str(folder / "graph.db")) as saver:
        app = graph.compile(checkpointer=saver)

        def chain(thread: str) -> object:
            config = {"configurable": {"thread_id": thread}, "recursion_limit": steps + 10}
            return app.invoke({"count": 0}, config, durability="sync")

        chain("first")
        return _timed(lambda: chain("second"), steps)


def _map(items: int) -> Table:
    each = {"id": "one", "tool": "till.get", "arguments": {"n": "${item}"}}
    rows: list[tuple[Cell, ...]] = []
    for concurrency in (8, 64):
        over = {"over": "inputs.items", "concurrency": concurrency, "at_most": items, "steps": [each]}
        with _folder() as folder, till(folder, workflow({"id": "all", "map": over})) as it:
            run = it.start(items=list(range(items)))
            took, cpu = _timed(it.carry_out, items)
            assert it.state(run) == "succeeded", it.run(run).error
            rows.append((concurrency, took * items / 1000, took, cpu, 1000 / took))
    columns = ("at a time", "seconds in all", "ms an item", "CPU ms an item", "items a second")
    return Table(f"A map of {items:,} items", columns, tuple(rows), "Each item is one admitted tool call.")


def _waiting(runs: int, watched_s: float) -> Table:
    """Let runs wait, and see what they cost the worker that has brought them there, and one that comes anew."""
    flow = workflow({"id": "w", "wait": {"event": "never"}})
    with _folder() as folder, shop(folder, flow) as it:
        with it.worker(REMIT_WORKER_LEASE_S="10") as first:
            rows = [("a new worker", 0, *_watched(first.pid, watched_s))]
            _begin(it, runs)
            it.until(lambda: it.journal.counts(WORKSPACE).get(WorkflowState.WAITING, 0) == runs, 7_200)
            rows.append(("the worker that has carried them out so far", runs, *_watched(first.pid, watched_s)))
        with it.worker(REMIT_WORKER_LEASE_S="10") as second:
            rows.append(("a new worker", runs, *_watched(second.pid, watched_s)))
    note = f"One `remit worker` on SQLite, watched from outside for {watched_s:.0f} s in which nothing happens."
    return Table("Runs that wait", ("who", "runs waiting", "CPU per cent of a core", "MB resident"), tuple(rows), note)


def _begin(it: Shop, runs: int) -> None:
    who = UserId("user:visitor")
    start = Start(WORKSPACE, WorkflowName("flow"), {}, who, who, verified=True)
    queue = open_queue(it.parts)
    try:
        starts = workflow_starts(it.parts, queue)
        with ThreadPoolExecutor(STARTERS) as pool:
            list(pool.map(starts.start, [start] * runs))
    finally:
        queue.close()


def _watched(pid: int, seconds: float) -> tuple[float, float]:
    time.sleep(CALM_S)
    cpu_s = cpu_s_of(pid)
    time.sleep(seconds)
    return 100 * (cpu_s_of(pid) - cpu_s) / seconds, resident_kib_of(pid) * 1024 / 1e6
