"""A whole call through the sdk: prepare, admit, dispatch, settle. One caller, a function that does nothing."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from bench import workspace
from bench.measure import Table, medians, percentile
from remit.compose import connect, open_door, open_parts, open_queue, the_workspace
from remit.domain.action import ActionState, Outcome, OutcomeStatus
from remit.domain.admission import Admission, RunRequest
from remit.domain.ids import AgentName, UserId
from remit.domain.run import Run
from remit.execution.door import InProcessDoor
from remit.kernel.duties import applied
from remit.sdk.run import result_bytes
from remit.settings import Settings

T = TypeVar("T")

TOOL = "erp.get_order"
STEPS = ("prepare", "admit", "dispatch", "settle", "whole run.call")
CALLS_IN_A_RUN = 50


def table(*, quick: bool = False) -> Table:
    """Measure the steps one by one, and whole calls."""
    runs, rounds = (1, 1) if quick else (4, 5)
    with tempfile.TemporaryDirectory(prefix="remit-bench-") as folder:
        settings = workspace.applied(Path(folder))
        measured = [(*_steps(settings, runs), *_whole(settings, runs)) for _ in range(rounds)]
    *steps, whole_us, wall_p50_us = medians(measured)
    rows = [(name, us, None) for name, us in zip(STEPS, steps, strict=False)]
    return Table(
        "A call through the sdk",
        ("step", "CPU µs", "wall p50 µs"),
        (*rows, (STEPS[-1], whole_us, wall_p50_us)),
        f"One synchronous caller, {runs * CALLS_IN_A_RUN} calls in runs of {CALLS_IN_A_RUN}, medians of {rounds}"
        " rounds. CPU of the process, so of the caller and the writer. Each call waits for two durable commits.",
    )


def _arguments(number: int) -> Mapping[str, object]:
    return {"order_id": f"PO-{number}", "currency": "AED"}


def _steps(settings: Settings, runs: int) -> tuple[float, ...]:
    parts = open_parts(settings)
    queue = open_queue(parts)
    door = open_door(parts, queue, the_workspace(parts))
    spent: list[tuple[float, ...]] = []
    try:
        for number in range(runs):
            run = door.start_run(RunRequest(AgentName("buyer"), UserId("user:omar")))
            spent += [_one(door, run, number * CALLS_IN_A_RUN + call) for call in range(CALLS_IN_A_RUN)]
            door.end_run(run, "ok")
    finally:
        queue.close()
        parts.close()
    return medians(spent)


def _one(door: InProcessDoor, run: Run, number: int) -> tuple[float, ...]:
    """Take the steps that run.call takes, one by one."""
    arguments = _arguments(number)
    attempt, prepare_us = _cpu_us(lambda: door.attempt_tool(run, TOOL, arguments))
    admission, admit_us = _cpu_us(lambda: door.admit(attempt))
    assert admission.state is ActionState.ADMITTED, admission
    result, dispatch_us = _cpu_us(lambda: _dispatched(arguments, admission))
    outcome = Outcome(attempt.action, OutcomeStatus.OK)
    _, settle_us = _cpu_us(lambda: door.settle(attempt, outcome, result))
    return prepare_us, admit_us, dispatch_us, settle_us


def _dispatched(arguments: Mapping[str, object], admission: Admission) -> bytes:
    return result_bytes(_get_order(**applied(arguments, admission.decision.duties)))


def _cpu_us(work: Callable[[], T]) -> tuple[T, float]:
    begin = time.process_time_ns()
    result = work()
    return result, (time.process_time_ns() - begin) / 1000


def _whole(settings: Settings, runs: int) -> tuple[float, float]:
    walls: list[float] = []
    begin_cpu = 0
    with connect(settings.database_url) as client:
        for number in range(runs + 1):
            if number == 1:  # the first run has loaded the release
                begin_cpu, walls = time.process_time_ns(), []
            with client.run("buyer", on_behalf_of="user:omar") as run:
                for call in range(CALLS_IN_A_RUN):
                    order = number * CALLS_IN_A_RUN + call
                    begin = time.perf_counter_ns()
                    run.call(TOOL, _arguments(order), using=_get_order)
                    walls.append((time.perf_counter_ns() - begin) / 1000)
        cpu_us = (time.process_time_ns() - begin_cpu) / 1000
    return cpu_us / len(walls), percentile(walls, 0.5)


def _get_order(order_id: str, currency: str) -> Mapping[str, object]:
    total = int(order_id.removeprefix("PO-")) * 37 + 11
    return {"order_id": order_id, "status": "open", "total": total, "currency": currency}
