"""The tasks extension: calls that go on after they were answered, kept in memory."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from pydantic import Field

from tests.peers.conforming import inputs
from tests.peers.conforming.said import Context, Json, Offered, always, result, schema, text

EXTENSION = "io.modelcontextprotocol/tasks"
KEPT_MS = 600_000
ASKED_EVERY_MS = 100


class TaskParams(types.RequestParams):
    """Names a task."""

    task_id: str = Field(alias="taskId")


class UpdateParams(TaskParams):
    """Answers what a task asked; what was not asked is ignored."""

    input_responses: dict[str, Json] = Field(alias="inputResponses")


def now() -> str:
    return datetime.now(UTC).isoformat()


@dataclass
class Task:
    """One call that goes on, and what it waits for."""

    id: str = field(default_factory=lambda: f"task-{secrets.token_hex(8)}")
    status: str = "working"
    started: str = field(default_factory=now)
    changed: str = field(default_factory=now)
    end: Json = field(default_factory=dict)
    asked: dict[str, types.InputRequest] = field(default_factory=dict)
    answers: dict[str, Json] = field(default_factory=dict)
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    work: asyncio.Task[None] | None = None

    def turn(self, status: str, **end: Json) -> None:
        self.status, self.end, self.changed = status, end, now()

    def document(self) -> Json:
        return {
            "taskId": self.id,
            "status": self.status,
            "createdAt": self.started,
            "lastUpdatedAt": self.changed,
            "ttlMs": KEPT_MS,
            "pollIntervalMs": ASKED_EVERY_MS,
        }

    async def ask(self, **requests: types.InputRequest) -> dict[str, Json]:
        """Wait until every one of these was answered."""
        self.asked.update(requests)
        self.turn("input_required")
        await self.answered.wait()
        self.turn("working")
        return self.answers


Work = Callable[[Task, Json], Awaitable[types.CallToolResult]]


async def compute(task: Task, arguments: Json) -> types.CallToolResult:
    await asyncio.sleep(float(arguments.get("seconds", 0)))
    return result(text(f"Computed {arguments.get('label', '')}"))


async def fail(task: Task, arguments: Json) -> types.CallToolResult:
    await asyncio.sleep(0.2)
    return result(text("The job failed"), failed=True)


async def break_down(task: Task, arguments: Json) -> types.CallToolResult:
    raise MCPError(types.INTERNAL_ERROR, "The job broke down")


async def confirm(task: Task, arguments: Json) -> types.CallToolResult:
    await task.ask(confirm=inputs.elicit(f"Delete {arguments.get('filename')}?", confirm="boolean"))
    return result(text(f"Deleted {arguments.get('filename')}"))


async def ask_twice(task: Task, arguments: Json) -> types.CallToolResult:
    await task.ask(first=inputs.elicit("First?", name="string"), second=inputs.elicit("Second?", name="string"))
    return result(text("Both answered"))


WORKS: dict[str, Work] = {
    "slow_compute": compute,
    "failing_job": fail,
    "protocol_error_job": break_down,
    "confirm_delete": confirm,
    "multi_input": ask_twice,
}
ONLY_AS_TASKS = frozenset({"failing_job", "test_tool_with_task"})
ASKING = frozenset({"confirm_delete", "multi_input"})
TOOLS = {
    "greet": Offered("Greets", always(), schema("name", name="string")),
    "slow_compute": Offered("Takes its time", always(), schema(seconds="number", label="string")),
    "failing_job": Offered("Works for a while and fails", always()),
    "protocol_error_job": Offered("Works for a while and breaks down", always()),
    "confirm_delete": Offered("Asks before it deletes", always(), schema(filename="string")),
    "multi_input": Offered("Asks two things", always()),
    "test_tool_with_task": Offered("Asks for a name and then works for a while", always()),
}


def declared(context: Context) -> bool:
    has = context.session.client_capabilities
    return has is not None and EXTENSION in (has.extensions or {})


def need_extension(context: Context) -> None:
    if not declared(context):
        needed: Json = {"requiredCapabilities": {"extensions": {EXTENSION: {}}}}
        raise MCPError(types.MISSING_REQUIRED_CLIENT_CAPABILITY, "This needs the tasks extension", needed)


class Tasks:
    """All tasks of the server."""

    def __init__(self) -> None:
        self._tasks: dict[str, Task] = {}

    def serve(self, server: Server) -> None:
        server.extensions[EXTENSION] = {}
        server.add_request_handler("tasks/get", TaskParams, self._get)
        server.add_request_handler("tasks/update", UpdateParams, self._update)
        server.add_request_handler("tasks/cancel", TaskParams, self._cancel)

    async def call(self, context: Context, params: types.CallToolRequestParams) -> types.Result | Json:
        """Carry out a tool of TOOLS, as a task where the client knows what that is."""
        arguments = params.arguments or {}
        if params.name == "greet":
            return result(text(f"Hello, {arguments['name']}!"))
        if params.name in ONLY_AS_TASKS:
            need_extension(context)
        if params.name == "test_tool_with_task":
            name = inputs.filled(params, "user_name", "name")
            if not name:
                return inputs.needs({"user_name": inputs.NAME}, "asked")
            return self._start(compute, {"label": f"for {name}"})
        if not declared(context) and params.name in ASKING:
            return result(text("This asks something, which it does as a task"), failed=True)
        if not declared(context):
            return await WORKS[params.name](Task(), arguments)
        return self._start(WORKS[params.name], arguments)

    def _start(self, work: Work, arguments: Json) -> Json:
        task = Task()
        self._tasks[task.id] = task
        task.work = asyncio.create_task(run(task, work, arguments))
        return {"resultType": "task", **task.document()}

    def _of(self, context: Context, params: TaskParams) -> Task:
        need_extension(context)
        named = context.request.headers.get("mcp-name") if context.request is not None else params.task_id
        if named != params.task_id:
            raise MCPError(types.HEADER_MISMATCH, "Mcp-Name is not the task of the body")
        found = self._tasks.get(params.task_id)
        if found is None:
            raise MCPError(types.INVALID_PARAMS, "There is no such task", {"taskId": params.task_id})
        return found

    async def _get(self, context: Context, params: TaskParams) -> Json:
        task = self._of(context, params)
        asked = {
            key: request.model_dump(by_alias=True, mode="json", exclude_none=True)
            for key, request in task.asked.items()
        }
        waiting = {"inputRequests": asked} if task.status == "input_required" else {}
        return {"resultType": "complete", **task.document(), **task.end, **waiting}

    async def _update(self, context: Context, params: UpdateParams) -> Json:
        task = self._of(context, params)
        for key in set(params.input_responses) & set(task.asked):
            del task.asked[key]
            task.answers[key] = params.input_responses[key]
            if not task.asked:
                task.answered.set()
        return {"resultType": "complete"}

    async def _cancel(self, context: Context, params: TaskParams) -> Json:
        task = self._of(context, params)
        if task.work is not None and not task.work.done():
            task.work.cancel()
            task.turn("cancelled")
        return {"resultType": "complete"}


async def run(task: Task, work: Work, arguments: Json) -> None:
    try:
        done = await work(task, arguments)
    except MCPError as error:
        task.turn("failed", error=error.error.model_dump(by_alias=True, mode="json", exclude_none=True))
    else:
        task.turn("completed", result=done.model_dump(by_alias=True, mode="json", exclude_none=True))
