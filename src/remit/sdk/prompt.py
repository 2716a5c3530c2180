"""What an action of an agent's own process says of its prompt."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

import orjson

from remit.domain.arguments import BadArguments
from remit.domain.prompt import PROMPT, PROMPT_UNREAD
from remit.domain.prompt_size import Prompt


def fields_of(prompt: Any) -> Mapping[str, Any]:
    """Return what an action says of a prompt whose size the caller knows: the prompt, or that it can not be read.

    What can not be read gets a number that never comes again, so that an approval holds for this one call at most.
    """
    try:
        return {PROMPT: Prompt(prompt).value}
    except BadArguments:
        pass
    try:
        plain = _plain(prompt)
        return {PROMPT_UNREAD: secrets.token_hex(16)} if plain is None else {PROMPT: plain}
    except (TypeError, ValueError, RecursionError):
        return {PROMPT_UNREAD: secrets.token_hex(16)}


def _plain(prompt: Any) -> Any:
    """Return a prompt with parts that are no text, where it is JSON all the same."""
    return orjson.loads(orjson.dumps(prompt, default=_dumped))


def _dumped(value: object) -> object:
    dump = getattr(value, "model_dump", None)
    if not callable(dump):
        raise TypeError
    return dump(mode="json")
