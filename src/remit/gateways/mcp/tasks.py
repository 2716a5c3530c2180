"""Calls that may outlast their request: for clients that know tasks, and for those that can be asked in between.

A call of such a client is carried out by a task of the event loop. Where it is over soon, nobody notices. Else a client
that knows tasks is told of one, and a server's question is asked in the result of the request, or in the task's.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import Counter, OrderedDict
from dataclasses import replace
from typing import Any

from remit.asgi.reception import Visit
from remit.domain.clock import Clock
from remit.domain.ids import WorkspaceName
from remit.domain.upstream import ToolServer
from remit.gateways.mcp import words
from remit.gateways.mcp.asked import TASKS, Asked
from remit.gateways.mcp.calls import INPUT_REQUIRED, TASK, Admitted, Calls, Done, Held, NotDone
from remit.gateways.mcp.catalog import Target
from remit.gateways.mcp.flights import Flight
from remit.gateways.mcp.limits import McpLimits
from remit.gateways.mcp.port import Exchange, Json, UpstreamFailed, UpstreamRefused, Upstreams
from remit.gateways.mcp.rpc import INVALID_PARAMS, MISSING_CAPABILITY, RpcError
from remit.gateways.mcp.task import Owner, Task, owner_of

_LEAST_POLL_S, _MOST_POLL_S = 0.05, 5.0
_log = logging.getLogger("remit.gateways.mcp")


class Tasks:
    """All tasks of one process. Owned by the event loop."""

    def __init__(self, calls: Calls, upstreams: Upstreams, clock: Clock, limits: McpLimits) -> None:
        self._calls = calls
        self._upstreams = upstreams
        self._clock = clock
        self._limits = limits
        self._kept: OrderedDict[str, Task] = OrderedDict()  # the one that was looked at last at the end
        self._each: Counter[Owner] = Counter()

    # -- calls

    async def carry_out(self, asked: Asked, it: Admitted, exchange: Exchange) -> Done | Task:
        """Carry a call out; return its result, or the task that it became: one that goes on, or that asks.

        Raises as Calls.carry_out.
        """
        task = self._made(asked.visit)
        exchange = replace(exchange, ask=task.ask, rounds=False)
        task.runner = asyncio.create_task(self._run(task, it, exchange, asked))
        asked.reply.watch(lambda: self._hung_up(task))
        return await self.awaited(asked, task)

    async def awaited(self, asked: Asked, task: Task) -> Done | Task:
        """Wait until a call is over, asks something, or has taken so long that it goes on as a task."""
        assert task.runner is not None
        news = asyncio.create_task(task.news.wait())
        longest_s = self._limits.task_after_s if asked.knows_tasks else None
        try:
            await asyncio.wait((task.runner, news), timeout=longest_s, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            task.cut("cancelled")
            raise
        finally:
            news.cancel()
        if not task.runner.done():
            if task.news.is_set() or self._has_room(task.owner):
                self._keep(task, shown=asked.knows_tasks)
                return task
            await asyncio.wait((task.runner,))
        self._drop(task)
        return task.runner.result()

    def _hung_up(self, task: Task) -> None:
        if task.id not in self._kept:
            task.cut("hung_up")

    async def _run(self, task: Task, it: Admitted, exchange: Exchange, asked: Asked) -> Done:
        def watch(flight: Flight) -> None:
            task.flight = flight

        done = await self._calls.carry_out(it, exchange, asked.language, watch)
        for _ in range(self._limits.rounds):
            if done.result.get("resultType") == TASK:
                task.news.set()
                work = self._followed(task, it, done.result, exchange)
                return await self._calls.settled(it, asked.language, watch, work)
            if not done.is_open or not task.is_shown:
                return done
            # The request is answered: what the server wants to know is asked in the task.
            requests = done.result.get("inputRequests")
            inputs = {"inputResponses": await task.gather(requests if isinstance(requests, dict) else {})}
            if "requestState" in done.result:
                inputs["requestState"] = done.result["requestState"]
            it = replace(it, wish=replace(it.wish, inputs=inputs))
            done = await self._calls.carry_out(it, exchange, asked.language, watch)
        return done

    async def _followed(self, task: Task, it: Admitted, created: Json, exchange: Exchange) -> dict[str, Any]:
        """Follow a task of the server to its end, and return the result."""
        server, workspace = it.wish.target.server, it.visit.door.workspace
        assert server is not None
        named = {"taskId": created.get("taskId")}
        pause_s = created.get("pollIntervalMs")
        pause_s = pause_s / 1_000 if isinstance(pause_s, int) else self._limits.poll_ms / 1_000
        try:
            while True:
                await asyncio.sleep(min(max(pause_s, _LEAST_POLL_S), _MOST_POLL_S))
                seen = await self._asked_of(workspace, server, "tasks/get", named, exchange)
                match seen.get("status"):
                    case "completed":
                        result = seen.get("result")
                        return dict(result) if isinstance(result, dict) else {}
                    case "failed" | "cancelled" as status:
                        error = seen.get("error")
                        error = error if isinstance(error, dict) else {}
                        code = error.get("code")
                        said = str(error.get("message", f"the server's task is {status}"))
                        code = code if isinstance(code, int) else -32000
                        raise UpstreamRefused(code, said, error.get("data"), sent=False)
                    case "input_required":
                        requests = seen.get("inputRequests")
                        answers = await self._answers(task, requests if isinstance(requests, dict) else {})
                        told = {**named, "inputResponses": answers}
                        await self._asked_of(workspace, server, "tasks/update", told, exchange)
        except asyncio.CancelledError:
            ending = asyncio.ensure_future(self._upstreams.request(workspace, server, "tasks/cancel", named, exchange))
            ending.add_done_callback(_heed)
            raise

    async def _asked_of(
        self, workspace: WorkspaceName, server: ToolServer, method: str, params: Json, exchange: Exchange
    ) -> Json:
        """Ask a server about a task of its own. That it can not be asked, or tells nothing, does not end the task."""
        try:
            return await self._upstreams.request(workspace, server, method, params, exchange)
        except UpstreamFailed as error:
            raise UpstreamFailed(error.code, str(error), sent=True) from None
        except UpstreamRefused as error:
            text = f"{server.name} does not say what became of its task (code {error.code})"
            raise UpstreamFailed("broken", text, sent=True) from None

    @staticmethod
    async def _answers(task: Task, requests: Json) -> Json:
        """Ask the client what a task of the server wants to know: without an answer that goes on, or ends by itself."""
        try:
            return await task.gather(requests)
        except UpstreamRefused as error:
            raise UpstreamFailed("timed_out", str(error), sent=True) from None

    # -- holds

    def hold(self, asked: Asked, held: Held, said: str) -> Task | None:
        """Return a task that waits for people; None where there is no room for it."""
        owner = owner_of(asked.visit)
        if not self._has_room(owner):
            return None
        task = self._made(asked.visit)
        task.held, task.message = held, said
        self._keep(task, shown=True)
        return task

    async def _go_on(self, asked: Asked, task: Task, held: Held) -> None:
        """Find out what people have said, and act on it."""
        found = await asyncio.to_thread(asked.visit.door.approval, held.approval)
        if task.held is None or (found is not None and found.state.value == "pending"):
            return
        task.held = None  # whoever asks at the same time finds it going on

        async def run() -> Done:
            target = await self._seen_now(asked, held.wish.target)
            wish = replace(held.wish, target=target, under=held.approval)
            admitted = await self._calls.admit(asked.visit, held.run, wish, asked.language)
            if isinstance(admitted, Held):
                task.held = held
                raise _StillHeld
            task.message = ""
            exchange = Exchange(_silent, task.ask, rounds=False, client=asked.declared)
            return await self._run(task, admitted, exchange, asked)

        task.runner = asyncio.create_task(run())
        task.runner.add_done_callback(lambda runner: self._finish(task, runner))

    async def _seen_now(self, asked: Asked, target: Target) -> Target:
        """Return a target with what its server says of it now: it may have changed while people thought it over."""
        if target.server is None or target.tool is None:
            return target
        try:
            offer = await self._upstreams.offer(asked.visit.door.workspace, target.server)
        except UpstreamFailed as error:
            raise NotDone(*words.failed(target.name, error.code, str(error), "", asked.language)) from None
        return replace(target, definition=offer.digest_of(target.via, target.upstream))

    # -- the methods

    async def get(self, asked: Asked) -> dict[str, Any]:
        """tasks/get."""
        task = self._of(asked)
        if task.held is not None and task.runner is None:
            await self._go_on(asked, task, task.held)
        return task.detailed()

    async def update(self, asked: Asked) -> dict[str, Any]:
        """tasks/update."""
        task = self._of(asked)
        responses = asked.params.get("inputResponses")
        if not isinstance(responses, dict):
            raise RpcError(
                INVALID_PARAMS, "params.inputResponses must be an object", {"field": "params.inputResponses"}
            )
        task.hear(responses)
        return {"resultType": "complete"}

    async def cancel(self, asked: Asked) -> dict[str, Any]:
        """tasks/cancel."""
        task = self._of(asked)
        if not task.is_over:
            task.cut("cancelled")
        return {"resultType": "complete"}

    def parked(self, visit: Visit, id: str) -> Task | None:
        """Return a call that waits for its client's next round."""
        task = self._kept.get(id)
        return task if task is not None and task.owner == owner_of(visit) and not task.is_shown else None

    def close(self) -> None:
        """End all: this process stops."""
        for task in list(self._kept.values()):
            if not task.is_over:
                task.cut("closing")
        self._kept.clear()
        self._each.clear()

    # -- the shelf

    def _made(self, visit: Visit) -> Task:
        return Task(f"task_{secrets.token_urlsafe(24)}", owner_of(visit), self._clock, self._limits)

    def _of(self, asked: Asked) -> Task:
        if not asked.knows_tasks:
            needed: Json = {"requiredCapabilities": {"extensions": {TASKS: {}}}}
            raise RpcError(MISSING_CAPABILITY, "this needs the tasks extension", needed)
        id = asked.text("taskId")
        task = self._kept.get(id) if id else None
        if task is None or not task.is_shown or task.owner != owner_of(asked.visit):
            remedy = "Call the tool again: what was approved is done once"
            raise RpcError(INVALID_PARAMS, "there is no such task", {"taskId": id, "remedy": remedy})
        task.used = time.monotonic()
        self._kept.move_to_end(task.id)
        return task

    def _has_room(self, owner: Owner) -> bool:
        self._sweep()
        limits = self._limits
        if len(self._kept) < limits.tasks and self._each[owner] < limits.tasks_each:
            return True
        mine = (each for each in self._kept.values() if each.is_over and each.owner == owner)
        oldest = next(mine, None) or next((each for each in self._kept.values() if each.is_over), None)
        if oldest is None or (self._each[owner] >= limits.tasks_each and oldest.owner != owner):
            return False
        self._drop(oldest)
        return True

    def _keep(self, task: Task, *, shown: bool) -> None:
        task.news.clear()
        task.used = time.monotonic()
        if task.id in self._kept:
            return
        task.is_shown = shown
        self._kept[task.id] = task
        self._each[task.owner] += 1
        if task.runner is not None:
            task.runner.add_done_callback(lambda runner: self._finish(task, runner))

    def _finish(self, task: Task, runner: asyncio.Task[Done]) -> None:
        if not runner.cancelled() and isinstance(runner.exception(), _StillHeld):
            task.runner = None
            return
        task.finish(runner)
        error = None if runner.cancelled() else runner.exception()
        if error is not None and not isinstance(error, RpcError | UpstreamFailed | UpstreamRefused):
            _log.info("the call of a task came to %s", type(error).__name__)

    def _drop(self, task: Task) -> None:
        if self._kept.pop(task.id, None) is not None:
            self._each[task.owner] -= 1
            self._each += Counter()  # drops the zeros

    def _sweep(self) -> None:
        limit = time.monotonic() - self._limits.task_s
        while self._kept:
            oldest = next(iter(self._kept.values()))
            if oldest.used > limit:
                return
            if not oldest.is_over:
                oldest.cut("forgotten")
            self._drop(oldest)


class _StillHeld(Exception):
    """An approval was taken back between two looks at it."""


async def _silent(_: str, __: Json) -> None:
    """Nobody listens: the request was answered with the task."""


def _heed(task: asyncio.Future[Any]) -> None:
    if not task.cancelled():
        task.exception()


def created(task: Task) -> dict[str, Any]:
    """Return the result that tells a client of a task."""
    return {"resultType": TASK, **task.document()}


def asking(task: Task, state: str) -> dict[str, Any]:
    """Return the result that asks a client for what a parked call waits for."""
    return {"resultType": INPUT_REQUIRED, "inputRequests": task.requests, "requestState": state}
