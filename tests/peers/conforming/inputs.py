"""Tools and a prompt that need something from the client before they answer, asked over several rounds."""

from __future__ import annotations

import mcp_types as types
from mcp.shared.exceptions import MCPError

from tests.peers.conforming.said import Call, Context, Offered, result, text

Params = types.CallToolRequestParams | types.GetPromptRequestParams
Answer = types.CallToolResult | types.InputRequiredResult


def elicit(message: str, **fields: str) -> types.ElicitRequest:
    """Ask a person for some fields, each named with its type."""
    wanted = {
        "type": "object",
        "properties": {name: {"type": kind} for name, kind in fields.items()},
        "required": list(fields),
    }
    return types.ElicitRequest(params=types.ElicitRequestFormParams(message=message, requested_schema=wanted))


def sample(said: str, tokens: int) -> types.CreateMessageRequest:
    """Ask the client's model."""
    message = types.SamplingMessage(role="user", content=text(said))
    return types.CreateMessageRequest(params=types.CreateMessageRequestParams(messages=[message], max_tokens=tokens))


def needs(requests: types.InputRequests, state: str | None = None) -> types.InputRequiredResult:
    return types.InputRequiredResult(input_requests=requests, request_state=state)


def given(params: Params, key: str) -> types.InputResponse | None:
    return (params.input_responses or {}).get(key)


def filled(params: Params, key: str, field: str) -> str:
    """The field of a form that was answered, or nothing."""
    answer = given(params, key)
    if isinstance(answer, types.ElicitResult) and answer.action == "accept" and answer.content:
        return str(answer.content.get(field, ""))
    return ""


def spoken(answer: types.InputResponse | None) -> str:
    content = getattr(answer, "content", None)
    return content.text if isinstance(content, types.TextContent) else ""


NAME = elicit("What is your name?", name="string")


async def elicitation(context: Context, params: types.CallToolRequestParams) -> Answer:
    name = filled(params, "user_name", "name")
    return result(text(f"Hello, {name}!")) if name else needs({"user_name": NAME})


async def sampled(context: Context, params: types.CallToolRequestParams) -> Answer:
    said = spoken(given(params, "capital_question"))
    question = sample("What is the capital of France?", 100)
    return result(text(said)) if said else needs({"capital_question": question})


async def roots(context: Context, params: types.CallToolRequestParams) -> Answer:
    answer = given(params, "client_roots")
    if not isinstance(answer, types.ListRootsResult):
        return needs({"client_roots": types.ListRootsRequest()})
    return result(text(f"Roots: {[str(root.uri) for root in answer.roots]}"))


def confirmed(state: str, answer: str) -> Call:
    """A tool that asks for a yes, and carries its state with the question."""

    async def call(context: Context, params: types.CallToolRequestParams) -> Answer:
        if params.request_state is None:
            return needs({"confirm": elicit("Please confirm", ok="boolean")}, state)
        if params.request_state != state:
            raise MCPError(types.INVALID_PARAMS, "This state was not made here")
        return result(text(answer))

    return call


async def several(context: Context, params: types.CallToolRequestParams) -> Answer:
    asked: types.InputRequests = {
        "user_name": NAME,
        "greeting": sample("Generate a greeting", 50),
        "client_roots": types.ListRootsRequest(),
    }
    if set(asked) <= set(params.input_responses or {}):
        return result(text(f"{spoken(given(params, 'greeting'))} {filled(params, 'user_name', 'name')}"))
    return needs(asked, "several")


async def rounds(context: Context, params: types.CallToolRequestParams) -> Answer:
    name = filled(params, "step1", "name")
    if params.request_state is None:
        return needs({"step1": elicit("Step 1: What is your name?", name="string")}, "round-1")
    if params.request_state == "round-1":
        return needs({"step2": elicit("Step 2: What is your favorite color?", color="string")}, f"round-2 {name}")
    who = params.request_state.removeprefix("round-2 ")
    return result(text(f"{who} likes {filled(params, 'step2', 'color')}"))


async def capable(context: Context, params: types.CallToolRequestParams) -> Answer:
    has = context.session.client_capabilities or types.ClientCapabilities()
    asked: types.InputRequests = {}
    if has.elicitation is not None:
        asked["user_name"] = NAME
    if has.sampling is not None:
        asked["greeting"] = sample("Generate a greeting", 50)
    return needs(asked, "capable") if asked and not params.input_responses else result(text("Nothing to ask"))


async def streamed(context: Context, params: types.CallToolRequestParams) -> Answer:
    await context.session.report_progress(1, 2)
    return await elicitation(context, params)


async def prompt(
    context: Context, params: types.GetPromptRequestParams
) -> types.GetPromptResult | types.InputRequiredResult:
    about = filled(params, "user_context", "context")
    if not about:
        return needs({"user_context": elicit("What context should the prompt use?", context="string")})
    message = types.PromptMessage(role="user", content=text(f"Use this context: {about}"))
    return types.GetPromptResult(messages=[message])


TOOLS = {
    "test_input_required_result_elicitation": Offered("Asks for a name", elicitation),
    "test_input_required_result_sampling": Offered("Asks a model", sampled),
    "test_input_required_result_list_roots": Offered("Asks for roots", roots),
    "test_input_required_result_request_state": Offered("Asks with a state", confirmed("asked", "state-ok")),
    "test_input_required_result_tampered_state": Offered("Guards its state", confirmed("guarded", "untouched")),
    "test_input_required_result_multiple_inputs": Offered("Asks for three things at once", several),
    "test_input_required_result_multi_round": Offered("Asks twice", rounds),
    "test_input_required_result_capabilities": Offered("Asks for what the client can do", capable),
    "test_streaming_elicitation": Offered("Asks on a stream", streamed),
}
