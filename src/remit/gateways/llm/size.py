"""The most tokens a call can take: what is reserved for it before it is sent.

A text has at most as many tokens as bytes. Images, sound and files have a bound by provider, or one that the model's
document gives; else a call with them is refused. A field whose bearing nobody knows, such as a template of the client's
own, can make a prompt as long as the model takes: all of that is reserved.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from remit.domain.arguments import BadArguments
from remit.domain.canonical import canonical
from remit.domain.prompt_size import MESSAGE_TOKENS, OTHER_KEYS, TEXT_PARTS, PartBound, Prompt
from remit.domain.upstream import Model
from remit.gateways.llm.asked import Asked
from remit.gateways.llm.turned import Turned, Why, invalid
from remit.workspace.model_prices import public_context

LONGEST_TOKEN = 128
"""Bytes of the longest tokens of today's vocabularies: more bytes than this for each token a model takes never fit."""
HIDDEN_TOKENS = 2_048
"""What a provider may put into a prompt by itself where tools or a form of the answer are asked for."""

_TYPE = re.compile(rb'"type"\s*:\s*"([^"\\]*)"')
_PLAIN = frozenset(word.encode() for word in TEXT_PARTS) | frozenset(
    b"function custom object string number integer boolean array null json_schema json_object message text_delta"
    b" ephemeral auto any tool none required allowed_tools enabled disabled adaptive grammar".split()
)
_OTHER = re.compile(rb'"(?:' + b"|".join(sorted(word.encode() for word in OTHER_KEYS)) + rb')"\s*:')


@dataclass(frozen=True, slots=True)
class Size:
    """Tokens a call can take and write at most."""

    read: int
    written: int


def size_of(asked: Asked, model: Model) -> Size:
    """Return what a call may use of a model. Raises Turned for one that is too much, or that has no bound."""
    most = model.max_output_tokens if asked.most_output is None else asked.most_output
    if most > model.max_output_tokens:
        raise invalid(
            "model.output_too_long",
            f"{most:,} tokens of output are asked for, and {model.name} may write {model.max_output_tokens:,}:"
            " ask for fewer",
            "max_tokens",
        )
    raw = asked.body.raw
    if len(raw) > model.context_tokens * LONGEST_TOKEN and not _OTHER.search(raw):
        raise Turned(
            Why.TOO_LARGE,
            "model.input_too_long",
            f"the request has {len(raw):,} bytes, more than the {model.context_tokens:,} tokens of {model.name} can be",
        )
    read = most_read(model)
    if not asked.has_unknown:
        read = min(_bytes_bound(asked, model), read)
    return Size(read, most * asked.answers)


def most_read(model: Model) -> int:
    """Return the most tokens a model takes in: by its document, or by the public list where that knows of more.

    A document that leaves `context_tokens` out would else have a long prompt reserved as a short one.
    """
    return max(model.context_tokens, public_context(model.name))


LONGER = "context-1m"
LONGER_TOKENS = 1_000_000


def check_longer(passed: Mapping[str, str], model: Model) -> None:
    """Refuse a header by which an endpoint takes more than what would be reserved. Raises Turned."""
    if LONGER in passed.get("anthropic-beta", "").lower() and most_read(model) < LONGER_TOKENS:
        text = f"{LONGER} makes a prompt longer than the {most_read(model):,} tokens that {model.name} is said to take"
        raise invalid("field.header", f"{text}: leave it out, or have its context_tokens raised", "anthropic-beta")


def _bytes_bound(asked: Asked, model: Model) -> int:
    raw = asked.body.raw
    hidden = HIDDEN_TOKENS if any(asked.body.value.get(name) for name in _HIDDEN) else 0
    if asked.body.is_compact and not _OTHER.search(raw) and _PLAIN.issuperset(_TYPE.findall(raw)):
        return len(raw) + MESSAGE_TOKENS * max(1, raw.count(b'"role"')) + hidden
    try:
        return Prompt(asked.body.value, bounds_of(model)).most_tokens + hidden
    except BadArguments as error:
        text = f"the most this call can cost can not be told: {error.message} (at {error.path})"
        raise invalid("prompt.size_unknown", text, error.path) from None


_HIDDEN = ("tools", "functions", "response_format", "text", "thinking")

IMAGE_TOKENS: Mapping[str, int] = {"openai": 48_200, "azure": 48_200, "anthropic": 5_000}
"""The most one image comes to at a provider, by its published formula: of OpenAI eight tiles of the dearest family."""

_IMAGES = frozenset("image image_url input_image image_file".split())
_SOUND = frozenset("input_audio audio".split())
_FILES = frozenset("document document_url file input_file file_url file_data".split())


def bounds_of(model: Model) -> PartBound:
    """Return what says how many tokens a part that is no text has at most, for one model."""
    image = model.image_tokens or IMAGE_TOKENS.get(model.name.partition("/")[0])

    def bound(kind: str, part: Mapping[str, Any]) -> int | None:
        if kind in _IMAGES:
            return image
        if kind in _SOUND:
            return _inline_bytes(part)
        if kind in _FILES:
            source = part.get("source")
            return len(canonical(part)) if _is_text(source) else model.file_tokens
        return None

    return bound


def _inline_bytes(part: Mapping[str, Any]) -> int | None:
    """Return the bytes of sound that is sent along: it has fewer tokens, some ten a second, than bytes at any rate."""
    sound = part.get("input_audio")
    data = sound.get("data") if type(sound) is dict else None
    return len(data) if type(data) is str else None


def _is_text(source: object) -> bool:
    """Tell whether the source of a document is a text, or made of content blocks that are texts."""
    if not isinstance(source, dict) or source.get("type") not in ("text", "content"):
        return False
    blocks = source.get("content")
    return not isinstance(blocks, list) or all(type(each) is dict and each.get("type") == "text" for each in blocks)
