"""The built-in agent: a conversation with a model that is had again from the start each time, and asks nothing twice.

pydantic-ai leads it. Each request to the model is a row and an action of the agent's run, and so is each tool it calls:
what is there is answered from there. So a conversation goes on wherever it was left, by whoever takes it up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import httpx2
import orjson
from openai import AsyncOpenAI
from pydantic_ai import Agent as Conversation
from pydantic_ai import DeferredToolRequests, DeferredToolResults, StructuredDict
from pydantic_ai.exceptions import AgentRunError
from pydantic_ai.messages import ModelMessage, ToolCallPart
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.tools import ToolDefinition
from pydantic_ai.toolsets import ExternalToolset

from remit.domain.ids import ActionId
from remit.domain.own_tools import ASKING, DELEGATING
from remit.domain.payload import RESULT
from remit.domain.release import Tool
from remit.domain.workflow import Retry
from remit.domain.workflow_progress import Progress, StepState
from remit.execution.metering import prices_at_hand
from remit.execution.workflows.acting import Acting
from remit.execution.workflows.kinds.handing import Work
from remit.execution.workflows.kinds.model import ModelDeed
from remit.execution.workflows.kinds.tool import ToolDeed
from remit.execution.workflows.models import ModelCalls
from remit.execution.workflows.ports import CallFailed, ToolCalls
from remit.execution.workflows.turn import StepFailed, done, failed

MOST_CALLS = 32
"""Most tools that a model may ask for at once; the others are told so."""
LONGEST_RESULT = 100_000
"""Characters of a tool's result that the model is shown."""


class BuiltIn:
    """See Works."""

    def __init__(self, models: ModelCalls, tools: ToolCalls, absent_after_s: float) -> None:
        self._models = models
        self._tools = tools
        self._absent_after_s = absent_after_s

    async def carry_on(self, work: Work) -> Progress:
        """See Works."""
        if not work.step.model:
            raise StepFailed("no_model", f"`{work.step.id}` names no model for the built-in agent")
        talk = Talk(work, self._models, self._tools, self._absent_after_s)
        try:
            return await talk.go_on()
        except _Left:
            assert talk.left is not None, "whoever leaves says where it stands"
            return talk.left

    async def give_up(self, work: Work) -> None:
        """Nobody is at work for it: nothing to do."""


class _Left(Exception):
    """The conversation can not go on now."""


class Talk:
    """One conversation, from its beginning as far as it goes now."""

    def __init__(self, work: Work, models: ModelCalls, tools: ToolCalls, absent_after_s: float) -> None:
        self._work = work
        self._models = models
        self._calls = tools
        self._absent_after_s = absent_after_s
        self._offered = offered(work)
        self._asked = 0
        self._is_fresh = False
        self._error: Exception | None = None
        self.left: Progress | None = None

    async def go_on(self) -> Progress:
        """Talk until the model is done, or somebody or something has to be waited for. Raises _Left and StepFailed."""
        work = self._work
        definitions = [
            ToolDefinition(name=name, description=tool.description, parameters_json_schema=dict(tool.input_schema))
            for name, tool in self._offered.items()
        ]
        async with httpx2.AsyncClient(transport=_Transport(self)) as client:
            upstream = AsyncOpenAI(api_key="-", base_url="http://model/v1", http_client=client, max_retries=0)
            answer: Any = str if work.step.output is None else StructuredDict(dict(work.step.output), name="answer")
            conversation: Any = Conversation(
                OpenAIChatModel(work.step.model, provider=OpenAIProvider(openai_client=upstream)),
                output_type=[answer, DeferredToolRequests],
                instructions=work.agent.purpose,
                toolsets=[ExternalToolset(definitions)],
            )
            history: list[ModelMessage] | None = None
            results: DeferredToolResults | None = None
            while True:
                prompt = work.task if history is None else None
                try:
                    result = await conversation.run(prompt, message_history=history, deferred_tool_results=results)
                except (AgentRunError, ValueError) as error:
                    raise self._cause(error) from None
                if not isinstance(result.output, DeferredToolRequests):
                    return done(work.row, result.output)
                history = result.all_messages()
                results = DeferredToolResults(calls=await self._called(result.output.calls))

    def _cause(self, error: Exception) -> Exception:
        """Return why a conversation broke off: what was told to the library is not what it tells."""
        if self.left is not None:
            return _Left()
        if self._error is not None:
            return self._error
        return StepFailed("agent_failed", f"the conversation broke off with {type(error).__name__}")

    def leave(self, row: Progress) -> _Left:
        """Leave the conversation, with the step's row as it stands."""
        self.left = row
        return _Left()

    async def complete(self, body: Mapping[str, Any]) -> Any:
        """Return the model's answer to a request: the one that is there, or a new one, of which a turn has one."""
        try:
            return await self._complete(body)
        except Exception as error:
            self._error = error
            raise

    async def _complete(self, body: Mapping[str, Any]) -> Any:
        work = self._work
        self._asked += 1
        row = work.sub(f"turn-{self._asked}")
        if row.state is StepState.DONE:
            return row.output
        if self._asked > work.step.turns:
            raise self.leave(failed(work.row, f"too_many_turns: it is not done after {work.step.turns} turns"))
        if self._is_fresh:
            raise self.leave(replace(work.row, state=StepState.RUNNING))
        self._is_fresh = True
        configuration = work.turn.door.rules_of(work.turn.run).configuration
        await prices_at_hand()
        try:
            request = self._models.ready(configuration, work.step.model, body)
        except CallFailed as error:
            raise self.leave(failed(work.row, f"model.{error.code}: {error}")) from None
        deed = ModelDeed(work.turn, self._models, request, work.step.timeout_s)
        row = await Acting(work.turn, deed, Retry(attempts=3, wait_s=2), work.step.timeout_s, 0).act(row, {})
        row = work.turn.notebook.write(row)
        if row.state is StepState.DONE:
            return row.output
        if row.state is StepState.FAILED:
            raise self.leave(failed(work.row, row.error))
        raise self.leave(work.waits_as(row))

    # -- tools

    async def _called(self, calls: list[ToolCallPart]) -> dict[str, Any]:
        """Carry out what the model asks for, in its order; return what it is told of each. Raises _Left."""
        told: dict[str, Any] = {}
        for number, call in enumerate(calls, 1):
            if number > MOST_CALLS:
                told[call.tool_call_id] = f"not done: at most {MOST_CALLS} tools are called at once"
            else:
                told[call.tool_call_id] = await self._call(f"turn-{self._asked}/call-{number}", call)
        return told

    async def _call(self, name: str, call: ToolCallPart) -> Any:
        work, row = self._work, self._work.sub(name)
        tool = self._offered.get(call.tool_name)
        if tool is None:
            return f"there is no tool {call.tool_name}"
        if row.state is StepState.RUNNING or (row.state not in (StepState.DONE, StepState.FAILED)):
            try:
                arguments = call.args_as_dict(raise_if_invalid=True)
                deed = ToolDeed(work.turn, self._calls, tool, None)
                row = await Acting(work.turn, deed, Retry(), None, self._absent_after_s).act(row, arguments)
            except (ValueError, AssertionError):
                row = failed(row, "arguments_invalid: the arguments are no JSON object")
            except StepFailed as error:
                row = failed(row, str(error))
            row = work.turn.notebook.write(row)
        if row.state is StepState.DONE:
            return _shown(row.output)
        if row.state is StepState.FAILED:
            return await self._failure(row)
        raise self.leave(work.waits_as(row))

    async def _failure(self, row: Progress) -> str:
        """Return what the model is told of a call that failed: the tool's own words where it has said some."""
        if row.error.startswith("tool.error") and row.action:
            raw = await self._work.turn.thread(self._work.turn.door.kept, ActionId(row.action), RESULT)
            if raw:
                return f"the tool failed: {_shown(self._calls.output_of(raw).output)}"
        return f"not done: {row.error}"


class _Transport(httpx2.AsyncBaseTransport):
    """Where the model's client sends its requests."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        body = orjson.loads(await request.aread())
        return httpx2.Response(200, json=await self._talk.complete(body), request=request)


def offered(work: Work) -> dict[str, Tool]:
    """Return the tools that an agent is offered, by a name that models take: those that the agents above have as well.

    Whether a call is admitted is decided when it is made.
    """
    rules = work.turn.door.rules_of(work.turn.run)
    found: dict[str, Tool] = {}
    for grant in work.agent.remit.grants:
        tool = rules.tool(grant.tool)
        above = (rules.grant(each.agent, grant.tool) for each in work.turn.run.line)
        if tool is None or tool.server in (ASKING, DELEGATING) or not all(above):
            continue
        found[rules.spelt(tool.name)] = tool
    return found


def _shown(output: Any) -> Any:
    text = output if isinstance(output, str) else orjson.dumps(output).decode()
    return output if len(text) <= LONGEST_RESULT else f"{text[:LONGEST_RESULT]} ... cut"
