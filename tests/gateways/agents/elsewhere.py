"""An agent in a process of its own: by plain HTTP below /http, by A2A with the official SDK's own server below /a2a.

python elsewhere.py FILE

Says its port on a line; writes down in FILE all that it is asked. What it does follows from its task: `quick`, `data`,
`fail`, `ask`, `slow` (until it is cancelled), `work REMIT_URL` (a call through Remit with the token of its run).
"""

import asyncio
import json
import sys
import urllib.request
from pathlib import Path
from typing import Any

import uvicorn
from a2a.server.agent_execution import AgentExecutor
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.types import AgentCapabilities, AgentCard, AgentInterface, AgentSkill, Part, Task, TaskState, TaskStatus
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Value
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

NOTED = Path(sys.argv[1])
WORK: dict[str, Any] = {}
FORGOTTEN: set[str] = set()


def note(what, **more):
    with NOTED.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"what": what, **more}) + "\n")


def begin_afresh():
    """Forget the work of another test, whose runs may have the same names."""
    if not NOTED.exists():
        WORK.clear()
        FORGOTTEN.clear()


def through_remit(url, run, token):
    body = json.dumps({"kind": "tool", "target": "till.get", "arguments": {"n": 1}}).encode()
    headers = {"content-type": "application/json", "authorization": f"Bearer {token}"}
    request = urllib.request.Request(f"{url}/api/v1/runs/{run}/actions", body, headers)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["state"]


class Executor(AgentExecutor):
    async def execute(self, context, event_queue):
        text = context.get_user_input()
        note("execute", text=text, context=context.context_id, told=sorted(context.metadata or {}))
        updater = TaskUpdater(event_queue, context.task_id, context.context_id)
        before = context.current_task
        if before is None:
            status = TaskStatus(state=TaskState.TASK_STATE_SUBMITTED)
            await event_queue.enqueue_event(Task(id=context.task_id, context_id=context.context_id, status=status))
        await updater.start_work()
        if text == "slow":
            await asyncio.sleep(3600)
        if text == "later":
            await asyncio.sleep(2)
        if text == "fail":
            await updater.failed()
            return
        if text == "ask":
            await updater.requires_input(updater.new_agent_message([Part(text="Which colour?")]))
            return
        part = Part(text=f"did: {text}")
        if text == "data":
            part = Part(data=ParseDict({"best": 41}, Value()))
        await updater.add_artifact([part], name="answer")
        await updater.complete()

    async def cancel(self, context, event_queue):
        note("cancel", task=context.task_id)
        await TaskUpdater(event_queue, context.task_id, context.context_id).cancel()


# -- plain HTTP


async def begin(request):
    body = await request.json()
    run, task = body["run"], body["task"]
    begin_afresh()
    note("begin", run=run, task=task, again=run in WORK, key=request.headers.get("authorization", ""))
    known = run in WORK
    WORK.setdefault(run, {"task": task, "looked": 0})
    if task == "flaky" and not known:
        return Response(status_code=503)
    if task == "quick":
        return JSONResponse({"state": "done", "output": "did: quick"})
    if task.startswith("work "):
        state = await asyncio.to_thread(through_remit, task.partition(" ")[2], run, body["token"])
        return JSONResponse({"state": "done", "output": state})
    if task == "fail":
        return JSONResponse({"state": "failed", "error": "quota.reached"})
    return JSONResponse({"state": "working", "after_s": 1}, 202)


async def look(request):
    run = request.path_params["run"]
    if run not in WORK:
        return Response(status_code=404)
    work = WORK[run]
    work["looked"] += 1
    note("look", run=run, token=bool(request.headers.get("remit-run-token")))
    if work["task"] == "forgets" and run not in FORGOTTEN:
        FORGOTTEN.add(run)
        del WORK[run]
        return Response(status_code=404)
    if work["task"] == "slow":
        return JSONResponse({"state": "working", "after_s": 1})
    return JSONResponse({"state": "done", "output": {"best": 41} if work["task"] == "data" else f"did: {work['task']}"})


async def drop(request):
    note("drop", run=request.path_params["run"])
    return Response(status_code=204)


def main():
    config = uvicorn.Config("", host="127.0.0.1", port=0, log_level="error")
    socket = config.bind_socket()
    socket.listen()  # before anybody hears the port: who comes at once waits, and is not refused
    port = socket.getsockname()[1]
    card = AgentCard(
        name="elsewhere",
        description="Does what it is told.",
        version="1",
        supported_interfaces=[
            AgentInterface(url=f"http://127.0.0.1:{port}/a2a/", protocol_binding="JSONRPC", protocol_version="1.0")
        ],
        capabilities=AgentCapabilities(streaming=True),
        default_input_modes=["text/plain"],
        default_output_modes=["text/plain"],
        skills=[AgentSkill(id="do", name="do", description="Does.", tags=["do"])],
    )
    handler = DefaultRequestHandler(Executor(), InMemoryTaskStore(), card)
    routes = [
        *create_agent_card_routes(card, card_url="/a2a/.well-known/agent-card.json"),
        *create_jsonrpc_routes(handler, "/a2a/"),
        Route("/http", begin, methods=["POST"]),
        Route("/http/{run}", look, methods=["GET"]),
        Route("/http/{run}", drop, methods=["DELETE"]),
    ]
    config.app = Starlette(routes=routes)
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    uvicorn.Server(config).run(sockets=[socket])


if __name__ == "__main__":
    main()
