"""What a step of a workflow costs, beside a step of plain DBOS and one of LangGraph with its SQLite checkpointer.

All three do nothing in the step, and what is measured is what keeps it: on SQLite, in one process, in this same run.
Ours is admitted, and its outcome is on record, as well.
"""

from __future__ import annotations

import resource
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypedDict

from bench.measure import Cell, Table
from remit.compose import open_queue
from remit.working import open_worker
from tests.workflows.shop import WORKSPACE, shop, workflow
from tests.workflows.till import till

STEPS, ITEMS, WAITING, WATCHED_S = 300, 1_000, 10_000, 10.0


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


def table(*, quick: bool) -> Iterator[Table]:
    """Measure steps one after the other, a map, and runs that wait."""
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
    yield _waiting(200 if quick else WAITING, 2.0 if quick else WATCHED_S)


def _ours(steps: int) -> tuple[float, float]:
    each = {"tool": "till.get", "arguments": {"n": 1}}
    flow = workflow(*({"id": f"s{number}", **each} for number in range(steps)))
    with _folder() as folder, till(folder, flow) as it:
        it.start()
        it.carry_out()  # once unmeasured: the release is read and compiled
        run = it.start()
        found = _timed(it.carry_out, steps)
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
    """Let runs wait, and see what a worker costs that has them all to look after."""
    flow = workflow({"id": "w", "wait": {"event": "never"}})
    with _folder() as folder, shop(folder, flow) as it:
        queue = open_queue(it.parts)
        worker = open_worker(it.parts, queue)
        worker.start()
        try:
            before = _rest(watched_s)
            _begin(it, runs)
            it.until(lambda: it.journal.counts(WORKSPACE).get("waiting", 0) == runs, 3_600)  # type: ignore[call-overload]
            time.sleep(2)
            after = _rest(watched_s)
        finally:
            worker.close()
            queue.close()
    rows = (("none", *before), (f"{runs:,}", *after))
    note = "One worker with its queue, in a process of its own that does nothing else meanwhile."
    return Table("Runs that wait", ("runs waiting", "CPU per cent of a core", "MB resident"), rows, note)


def _begin(it: Any, runs: int) -> None:
    for _ in range(runs):
        it.start()


def _rest(seconds: float) -> tuple[float, float]:
    cpu = time.process_time()
    time.sleep(seconds)
    used = 100 * (time.process_time() - cpu) / seconds
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6
    return used, resident
