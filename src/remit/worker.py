"""A worker: queues segments of workflows, carries them out, and takes over those of workers that are gone.

The only file that names the durable engine, DBOS. It queues: per workspace with a bound on how many are carried out and
begun, urgent ones first, workspaces in turn. It keeps nothing that the journal does not know: what is due is in rows,
and a queue that was lost is filled again from them. DBOS hands a dead worker's segments to no other by itself: each
worker looks who has not been heard of and resumes what they had, through the public client.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from remit.domain.clock import MICROS_PER_SECOND, Clock, Instant
from remit.domain.ids import OwnerId, RunId
from remit.execution.workflows.segments import Segments
from remit.settings import SQLITE
from remit.storage.beside import queue_connections
from remit.storage.journal import Journal, LostRun
from remit.storage.port import StoreError
from remit.storage.timetable import Timetable

if TYPE_CHECKING:
    from dbos import DBOSClient

SEGMENT, QUEUE = "remit.segment", "remit.segments"
VERSION = "remit-1"
"""Of what a queued segment says; workers of another version leave it alone."""
AGAIN_S = 600
"""After how long a segment that was queued and not begun is queued once more."""
MOST_QUEUED = 50
"""Most segments that are queued in one look: what becomes due meanwhile waits for no more than these."""
MOST_AT_ONCE = 500
"""Most segments that are taken over, and most that are forgotten, in one look."""
FORGET_S = 3_600
"""How long segments that have ended are kept in the queue's own tables."""
TIDIED_S = 60.0

_log = logging.getLogger("remit.worker")


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """How a worker works.

    Attributes:
        queue_url: DBOS's own database: a SQLite file of its own, or the PostgreSQL database.
        at_once: most segments that this worker carries out at the same time.
        of_workspace: most of one workspace that all workers carry out at the same time.
        rate: most segments of one workspace that begin in a second; 0: any number.
        lease_s: how long a worker that is not heard of is waited for.
        look_s: how often is looked for what is due.
        stop_s: how long steps under way are waited for when it stops.
    """

    queue_url: str
    at_once: int = 32
    of_workspace: int = 16
    rate: int = 0
    lease_s: float = 10.0
    look_s: float = 0.2
    stop_s: float = 10.0


class Chore(Protocol):
    """Something a worker sees to now and then: schedules, what stops and answers wake. Blocks; raises StoreError."""

    def __call__(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Work:
    """What a worker carries out: made inside its event loop, and let go of there."""

    segments: Segments
    close: Callable[[], Awaitable[None]]


Open = Callable[[OwnerId, Callable[[], None]], Work]
"""Makes the work of a worker with this id, whose second part raises LostRun once it may not act any more."""


class Worker:
    """One worker of this process: there is at most one, as there is one DBOS."""

    def __init__(
        self,
        settings: WorkerSettings,
        journal: Journal,
        timetable: Timetable,
        clock: Clock,
        owner: OwnerId,
        open_work: Open,
        chores: Sequence[tuple[float, Chore]] = (),
    ) -> None:
        """Make a worker; `chores` are seen to every so many seconds."""
        self.owner = owner
        self._settings = settings
        self._journal = journal
        self._timetable = timetable
        self._clock = clock
        self._open_work = open_work
        self._chores = list(chores)
        self._loop = asyncio.new_event_loop()
        self._threads: list[threading.Thread] = []
        self._stopped = threading.Event()
        self._poked = threading.Event()
        self._heard_at = time.monotonic()
        self._work: Work | None = None
        self._client: DBOSClient | None = None
        self._engine: Any = None
        """Of the queue's own file, where it has one."""

    # -- start and stop

    def start(self) -> None:
        """Begin to work. Raises StoreError where the queue can not be opened."""
        self._run(self._turn_loop, "remit-worker-loop")
        self._work = asyncio.run_coroutine_threadsafe(self._opened(), self._loop).result(30)
        self._beat()
        try:
            self._launch()
        except Exception as error:
            raise StoreError(f"the queue of workflows can not be opened: {error}") from error
        self._run(self._keep_alive, "remit-worker-beat")
        self._run(self._keep_looking, "remit-worker-look")
        self._run(self._keep_house, "remit-worker-chores")

    def poke(self) -> None:
        """Look at once whether something is due: somebody in this process has just made it so."""
        self._poked.set()

    def close(self) -> None:
        """Begin nothing more, wait a moment for what is under way, and leave the rest to others."""
        assert self._work is not None, "it was started"
        self._work.segments.stopping = True
        self._stopped.set()
        self._poked.set()
        until = time.monotonic() + self._settings.stop_s
        while self._work.segments.under_way and time.monotonic() < until:
            time.sleep(0.05)
        with contextlib.suppress(StoreError):
            self._timetable.gone(self.owner)
        from dbos import DBOS

        DBOS.destroy(workflow_completion_timeout_sec=0)
        if self._client is not None:
            self._client.destroy()
        if self._engine is not None:
            self._engine.dispose()
        with contextlib.suppress(concurrent.futures.TimeoutError):
            asyncio.run_coroutine_threadsafe(self._ended(), self._loop).result(self._settings.stop_s)
        self._loop.call_soon_threadsafe(self._loop.stop)
        for thread in self._threads:
            thread.join(self._settings.stop_s)
        self._loop.close()

    async def _opened(self) -> Work:
        return self._open_work(self.owner, self._holds)

    async def _ended(self) -> None:
        for task in asyncio.all_tasks():
            if task is not asyncio.current_task():
                task.cancel()
        await asyncio.sleep(0)
        if self._work is not None:
            await self._work.close()

    def _turn_loop(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _run(self, target: Callable[[], None], name: str) -> None:
        thread = threading.Thread(target=target, name=name, daemon=True)
        thread.start()
        self._threads.append(thread)

    # -- the queue

    def _launch(self) -> None:
        # Here and not above: a server whose workspaces have no workflows does without it.
        from dbos import DBOS, DBOSClient, DBOSConfig

        settings = self._settings
        logging.getLogger("dbos").setLevel(logging.ERROR)
        if settings.queue_url.startswith(SQLITE):
            DBOS.migrate(settings.queue_url)  # by itself: it begins its transaction in its own way
            self._engine = queue_connections(settings.queue_url)
        config: DBOSConfig = {
            "name": "remit",
            "system_database_url": settings.queue_url,
            "system_database_engine": self._engine,
            "run_migrations": self._engine is None,
            "executor_id": self.owner,
            "application_version": VERSION,
            "log_level": "ERROR",
            "enable_otlp": False,
            "use_listen_notify": False,
        }
        DBOS(config=config)

        async def segment(run: str, turn: int) -> str:
            return await self._segment(run, turn)

        DBOS.workflow(name=SEGMENT)(segment)
        DBOS.launch()
        limiter: Any = {"limit": settings.rate, "period": 1.0} if settings.rate else None
        DBOS.register_queue(
            QUEUE,
            worker_concurrency=settings.at_once,
            partition_concurrency=settings.of_workspace,
            partition_limiter=limiter,
            polling_interval_sec=settings.look_s,
        )
        self._client = DBOSClient(
            system_database_url=settings.queue_url, system_database_engine=self._engine, application_name="remit"
        )

    async def _segment(self, run: str, turn: int) -> str:
        """Carry out one segment, in the worker's own event loop."""
        assert self._work is not None, "it was started"
        advancing = self._work.segments.advance(RunId(run), turn)
        future = asyncio.run_coroutine_threadsafe(advancing, self._loop)
        return await asyncio.wrap_future(future)

    def _queue(self) -> int:
        """Queue what is due; return how much."""
        assert self._client is not None, "it was started"
        now = self._clock.now()
        due = self._journal.due(now, self._fresh(now), MOST_QUEUED)
        for row in due:
            options: Any = {
                "workflow_name": SEGMENT,
                "queue_name": QUEUE,
                "workflow_id": f"{row.run}.{row.turn}.{row.wakes}.{row.ready_at}",
                "queue_partition_key": row.workspace,
                "priority": row.priority,
                "app_version": VERSION,
            }
            self._client.enqueue(options, row.run, row.turn)
        self._journal.queued(due, Instant(now + AGAIN_S * MICROS_PER_SECOND))
        return len(due)

    def _take_over(self) -> int:
        """Resume the segments of workers that are gone; return how many."""
        assert self._client is not None, "it was started"
        alive = set(self._timetable.workers(self._fresh(self._clock.now())))
        if self.owner not in alive:
            return 0  # others take this one for gone as well
        begun = self._client.list_workflows(
            status="PENDING", queue_name=QUEUE, limit=MOST_AT_ONCE, load_input=False, load_output=False
        )
        left = [each.workflow_id for each in begun if each.executor_id not in alive]
        if left:
            _log.warning("%d segments of workers that are gone are taken over", len(left))
            self._client.resume_workflows(left, queue_name=QUEUE)
        return len(left)

    def _tidy(self) -> bool:
        """Forget segments that have ended: what they came to is in the journal. Return whether there may be more."""
        assert self._client is not None, "it was started"
        before = time.time() - FORGET_S
        ended = self._client.list_workflows(
            status=["SUCCESS", "ERROR", "CANCELLED"],
            end_time=_iso(before),
            queue_name=QUEUE,
            limit=MOST_AT_ONCE,
            load_input=False,
            load_output=False,
        )
        if ended:
            self._client.delete_workflows([each.workflow_id for each in ended])
        self._timetable.forget(Instant(self._clock.now() - FORGET_S * MICROS_PER_SECOND))
        return len(ended) == MOST_AT_ONCE

    # -- being there

    def _fresh(self, now: Instant) -> Instant:
        return Instant(now - int(self._settings.lease_s * MICROS_PER_SECOND))

    def _holds(self) -> None:
        """Raise LostRun once others may take this worker for gone. A part of the lease is left for what is sent now."""
        if time.monotonic() - self._heard_at > self._settings.lease_s * 0.7:
            raise LostRun("this worker could not say in time that it is there")

    def _beat(self) -> None:
        began = time.monotonic()
        self._timetable.beat(self.owner, self._clock.now())
        self._heard_at = began

    def _keep_alive(self) -> None:
        while not self._stopped.wait(self._settings.lease_s / 5):
            self._guarded(self._beat, "could not say that it is there")

    def _keep_looking(self) -> None:
        looked = tidied = time.monotonic()
        while not self._stopped.is_set():
            found = self._guarded(self._queue, "could not queue what is due") or 0
            now = time.monotonic()
            if now - looked > self._settings.lease_s / 5:
                looked = now
                self._guarded(self._take_over, "could not take over what others left")
                self._guarded(self._let_go, "could not let go of what it left")
            if now - tidied > TIDIED_S and not self._guarded(self._tidy, "could not tidy the queue"):
                tidied = now
            if found < MOST_QUEUED:
                self._poked.wait(self._settings.look_s)
                self._poked.clear()

    def _let_go(self) -> None:
        """Give runs back that this worker owns and does not carry out: it could not say so when it left them."""
        assert self._work is not None, "it was started"
        before = set(self._work.segments.under_way)
        for row in self._journal.owned(self.owner):
            if row.run not in before and row.run not in self._work.segments.under_way:
                with contextlib.suppress(LostRun):
                    self._journal.stumble(row, self._clock.now())

    def _keep_house(self) -> None:
        at = dict.fromkeys(range(len(self._chores)), 0.0)
        while not self._stopped.wait(self._settings.look_s):
            for number, (every_s, chore) in enumerate(self._chores):
                if time.monotonic() >= at[number]:
                    at[number] = time.monotonic() + every_s
                    self._guarded(chore, "could not see to its chores")

    def _guarded(self, call: Callable[[], Any], what: str) -> Any:
        try:
            return call()
        except Exception as error:  # noqa: BLE001 - a worker lives on: the next look finds what this one did not
            if not self._stopped.is_set():
                _log.error("the worker %s: %s", what, error)
            return None


def _iso(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
