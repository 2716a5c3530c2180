"""The prompts and resources of the server."""

from __future__ import annotations

import json

import mcp_types as types
from mcp.shared.exceptions import MCPError

from tests.peers.conforming import inputs
from tests.peers.conforming.said import PIXEL, Context, embedded, image, text

TEMPLATE = "test://template/{id}/data"
RESOURCES = [
    types.Resource(uri="test://static-text", name="Text", description="A text", mime_type="text/plain"),
    types.Resource(uri="test://static-binary", name="Image", description="An image", mime_type="image/png"),
    types.Resource(uri="test://watched-resource", name="Watched", description="A text", mime_type="text/plain"),
]
TEMPLATES = [
    types.ResourceTemplate(
        uri_template=TEMPLATE, name="Data", description="Data of an id", mime_type="application/json"
    )
]
TEXTS = {
    "test://static-text": "This is the content of the static text resource.",
    "test://watched-resource": "Watched",
}


def needed(name: str, description: str) -> types.PromptArgument:
    return types.PromptArgument(name=name, description=description, required=True)


PROMPTS = [
    types.Prompt(name="test_simple_prompt", description="A prompt without arguments"),
    types.Prompt(
        name="test_prompt_with_arguments",
        description="A prompt with arguments",
        arguments=[needed("arg1", "First test argument"), needed("arg2", "Second test argument")],
    ),
    types.Prompt(
        name="test_prompt_with_embedded_resource",
        description="A prompt with a resource",
        arguments=[needed("resourceUri", "URI of the resource")],
    ),
    types.Prompt(name="test_prompt_with_image", description="A prompt with an image"),
    types.Prompt(name="test_input_required_result_prompt", description="A prompt that asks first"),
]


async def list_resources(context: Context, params: types.PaginatedRequestParams | None) -> types.ListResourcesResult:
    return types.ListResourcesResult(resources=RESOURCES)


async def list_templates(
    context: Context, params: types.PaginatedRequestParams | None
) -> types.ListResourceTemplatesResult:
    return types.ListResourceTemplatesResult(resource_templates=TEMPLATES)


async def read(context: Context, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
    uri = str(params.uri)
    head, tail = TEMPLATE.split("{id}")
    if uri in TEXTS:
        return types.ReadResourceResult(
            contents=[types.TextResourceContents(uri=uri, mime_type="text/plain", text=TEXTS[uri])]
        )
    if uri == "test://static-binary":
        return types.ReadResourceResult(
            contents=[types.BlobResourceContents(uri=uri, mime_type="image/png", blob=PIXEL)]
        )
    if uri.startswith(head) and uri.endswith(tail):
        number = uri[len(head) : -len(tail)]
        data = json.dumps({"id": number, "templateTest": True, "data": f"Data for ID: {number}"})
        return types.ReadResourceResult(
            contents=[types.TextResourceContents(uri=uri, mime_type="application/json", text=data)]
        )
    raise MCPError(types.INVALID_PARAMS, "Resource not found", {"uri": uri})


async def get_prompt(
    context: Context, params: types.GetPromptRequestParams
) -> types.GetPromptResult | types.InputRequiredResult:
    given = params.arguments or {}
    match params.name:
        case "test_input_required_result_prompt":
            return await inputs.prompt(context, params)
        case "test_simple_prompt":
            said: list[types.ContentBlock] = [text("This is a simple prompt for testing.")]
        case "test_prompt_with_arguments":
            said = [text(f"Prompt with arguments: arg1='{given['arg1']}', arg2='{given['arg2']}'")]
        case "test_prompt_with_embedded_resource":
            resource = embedded(given["resourceUri"], "text/plain", "Embedded resource content for testing.")
            said = [resource, text("Please process the embedded resource above.")]
        case "test_prompt_with_image":
            said = [image(), text("Please analyze the image above.")]
        case _:
            raise MCPError(types.INVALID_PARAMS, f"There is no prompt {params.name!r}")
    return types.GetPromptResult(messages=[types.PromptMessage(role="user", content=part) for part in said])


async def complete(context: Context, params: types.CompleteRequestParams) -> types.CompleteResult:
    found = [word for word in ("paris", "park", "party") if word.startswith(params.argument.value)]
    return types.CompleteResult(completion=types.Completion(values=found, total=len(found), has_more=False))
