"""A real model behind an OpenAI-compatible endpoint, by the standard library alone.

Configured by the environment: REMIT_DEMO_MODEL switches it on (`provider/model`, such as `openai/gpt-5-mini`),
OPENAI_BASE_URL says where it is (OpenAI's own address where left out) and OPENAI_API_KEY opens it. A key alone
changes nothing: the demonstration must not spend money because some key happens to be set.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from http.client import HTTPException
from typing import Any

from gulf_trading.agents import Message
from gulf_trading.desks import ModelFailed

OPENAI = "https://api.openai.com/v1"
TIMEOUT_S = 120
MAX_ANSWER_BYTES = 4 * 1_048_576


class OpenAiModel:
    """A client of `POST {base_url}/chat/completions`."""

    def __init__(self, name: str, base_url: str, api_key: str, timeout_s: float = TIMEOUT_S) -> None:
        """Take a `provider/model` and where it is. Raises ModelFailed for what is no name or no address."""
        provider, _, self._model = name.partition("/")
        if not provider or not self._model:
            raise ModelFailed(f"REMIT_DEMO_MODEL is {name!r}: write provider/model, such as openai/gpt-5-mini")
        if urllib.parse.urlsplit(base_url).scheme not in ("http", "https"):
            raise ModelFailed(f"OPENAI_BASE_URL is {base_url!r}: write an address such as {OPENAI}")
        self.name = name
        self._url = base_url.rstrip("/") + "/chat/completions"
        self._headers = {"content-type": "application/json"}
        if api_key:
            self._headers["authorization"] = f"Bearer {api_key}"
        self._timeout_s = timeout_s

    def complete(self, messages: Sequence[Message], tools: Sequence[Message], max_output_tokens: int) -> Message:
        """Ask the model. Raises ModelFailed for an endpoint out of reach, a refusal, and an answer that is none."""
        question = {
            "model": self._model,
            "messages": messages,
            "tools": tools,
            "max_completion_tokens": max_output_tokens,
        }
        return checked(self._post(json.dumps(question).encode()))

    def _post(self, body: bytes) -> bytes:
        request = urllib.request.Request(self._url, body, self._headers)
        try:
            with urllib.request.urlopen(request, timeout=self._timeout_s) as answer:
                raw: bytes = answer.read(MAX_ANSWER_BYTES + 1)
        except urllib.error.HTTPError as error:
            with error:
                said = error.read(300).decode("utf-8", "replace")
            raise ModelFailed(f"{self._url} answered {error.code}: {' '.join(said.split())}") from None
        except (OSError, HTTPException) as error:  # URLError, time-outs and cut connections are OSErrors
            raise ModelFailed(f"{self._url} can not be reached: {type(error).__name__}: {error}") from None
        if len(raw) > MAX_ANSWER_BYTES:
            raise ModelFailed(f"{self._url} answered more than {MAX_ANSWER_BYTES:,} bytes")
        return raw


def checked(raw: bytes) -> Message:
    """Return a completion of which everything the agent reads is known to be there. Raises ModelFailed."""
    try:
        completion = json.loads(raw)
    except (ValueError, RecursionError):
        raise ModelFailed(f"the answer is no JSON: {raw[:80]!r}") from None
    message = _at(completion, "choices", 0, "message")
    if not isinstance(message, dict):
        raise ModelFailed("the answer has no choices[0].message")
    calls = message.get("tool_calls") or []
    if not isinstance(calls, list) or not all(_is_call(call) for call in calls):
        raise ModelFailed("the answer has a tool call without id, name or arguments")
    usage = [_at(completion, "usage", name) for name in ("prompt_tokens", "completion_tokens")]
    if not all(isinstance(count, int) and not isinstance(count, bool) and count >= 0 for count in usage):
        raise ModelFailed("the answer does not say its usage, so its cost is not known")
    checked_completion: Mapping[str, Any] = completion
    return checked_completion


def _is_call(call: object) -> bool:
    wanted = (("id",), ("function", "name"), ("function", "arguments"))
    return all(isinstance(_at(call, *path), str) for path in wanted)


def _at(value: Any, *path: str | int) -> object:
    """Return what lies at a path, or None where something on the way is not there."""
    for step in path:
        try:
            value = value[step]
        except (LookupError, TypeError):
            return None
    return value


def configured(environment: Mapping[str, str]) -> OpenAiModel | None:
    """Return the model that the environment names, None where it names none. Raises ModelFailed."""
    name = environment.get("REMIT_DEMO_MODEL", "")
    if not name:
        return None
    base_url = environment.get("OPENAI_BASE_URL") or OPENAI
    return OpenAiModel(name, base_url, environment.get("OPENAI_API_KEY", ""))
