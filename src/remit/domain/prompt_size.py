"""What is known of a prompt before it is sent: its text, and an upper bound of its tokens.

A token of a byte-level vocabulary is at least one byte, so a text has at most as many tokens as bytes. That holds of
text alone: an image of a few bytes of address may be a thousand tokens, so nothing else is guessed. Who knows a bound
of other parts hands it in.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeAlias

from remit.domain.arguments import MAX_INTEGER, BadArguments
from remit.domain.canonical import canonical

MESSAGE_TOKENS = 16
"""Tokens that a chat template may put around one message: role, marks of its beginning and end, a header."""
MAX_DEPTH, MAX_VALUES = 64, 1_000_000
"""How deep a prompt may be nested, and how many values it may hold."""

PartBound: TypeAlias = Callable[[str, Mapping[str, Any]], int | None]
"""Says how many tokens a part of a kind that is no text has at most; None where that is not known."""


def unbounded(kind: str, part: Mapping[str, Any]) -> int | None:  # noqa: ARG001 - it knows of no kind
    """Know no bound."""
    return None


_LISTS_OF_PARTS = ("content", "parts")
TEXT_PARTS = frozenset(
    "text input_text output_text summary_text reasoning_text refusal thinking redacted_thinking reasoning json"
    " tool_use tool_result server_tool_use tool_call tool-call tool-result function_call function_call_output".split()
)
_OTHER_PARTS = frozenset(
    "image image_url input_image image_file image_generation_call audio input_audio output_audio audio_url video"
    " video_url input_video document document_url file input_file file_url container_upload item_reference"
    " media".split()
)
OTHER_KEYS = frozenset(
    "image image_url audio input_audio video video_url document file file_id inline_data inlineData file_data"
    " fileData".split()
)
_KEPT_ELSEWHERE = ("previous_response_id", "conversation")


class Prompt:
    """A prompt that was read: plain JSON, all of it text or parts with a bound."""

    def __init__(self, value: Any, bound: PartBound = unbounded) -> None:
        """Read a prompt. Raises BadArguments for one whose tokens can not be told; nothing of it is consumed."""
        self._bound = bound
        self._others = 0  # tokens of parts that are no text, less the bytes they are counted with
        self._messages = 0
        self._values = 0
        self.value = self._read(value, "prompt", 0, is_part=False)
        if value is None:
            _unknown("prompt", "there is none")

    @property
    def most_tokens(self) -> int:
        """An upper bound of its tokens: its bytes, and MESSAGE_TOKENS for each message."""
        size = len(self.value.encode() if isinstance(self.value, str) else canonical(self.value))
        return size + MESSAGE_TOKENS * max(1, self._messages) + self._others

    def _read(self, value: Any, place: str, depth: int, *, is_part: bool) -> Any:
        self._values += 1
        if depth > MAX_DEPTH or self._values > MAX_VALUES:
            _unknown(place, f"it is nested deeper than {MAX_DEPTH} levels or holds more than {MAX_VALUES:,} values")
        if isinstance(value, str):
            return _text(value, place)
        if isinstance(value, Mapping):
            return self._mapping(value, place, depth, is_part=is_part)
        if isinstance(value, list | tuple):
            are_parts = depth == 0 or place.rpartition(".")[2] in _LISTS_OF_PARTS
            return [
                self._read(part, f"{place}.{index}", depth + 1, is_part=are_parts) for index, part in enumerate(value)
            ]
        if value is None or isinstance(value, bool | int | float):
            return _number(value, place)
        dump = getattr(value, "model_dump", None)
        if not callable(dump) or isinstance(value, type):
            _unknown(place, f"a value of type {type(value).__name__[:80]} is no JSON")
        try:
            dumped = dump(mode="json")
        except Exception as error:  # noqa: BLE001 - it is the value's own code that failed
            _unknown(place, f"its model_dump failed with {type(error).__name__}")
        if not isinstance(dumped, Mapping | list | str):
            _unknown(place, "its model_dump gives no JSON")
        return self._read(dumped, place, depth + 1, is_part=is_part)

    def _mapping(self, value: Mapping[Any, Any], place: str, depth: int, *, is_part: bool) -> dict[str, Any]:
        kind = value.get("type")
        is_content = is_part and place.rpartition(".")[0].rpartition(".")[2] in _LISTS_OF_PARTS
        if isinstance(kind, str) and (kind in _OTHER_PARTS or (is_content and kind not in TEXT_PARTS)):
            return self._other(kind, value, place, f"a part of type {kind[:80]} is no text")
        if is_part and (other := next((key for key in value if key in OTHER_KEYS and value[key] is not None), None)):
            return self._other(other, value, place, f"a part with {other} is no text")
        if depth == 0 and any(value.get(key) for key in _KEPT_ELSEWHERE):
            _unknown(place, "part of it is kept by the provider")
        if isinstance(value.get("role"), str):
            self._messages += 1
        read = {}
        for key, part in value.items():
            if not isinstance(key, str):
                _unknown(place, "a key is no text")
            read[_text(key, place)] = self._read(part, f"{place}.{key}", depth + 1, is_part=False)
        return read

    def _other(self, kind: str, value: Mapping[Any, Any], place: str, why: str) -> dict[str, Any]:
        most = self._bound(kind, value)
        if most is None:
            _unknown(place, why)
        self._others += most - len(canonical(value))
        return dict(value)


def _text(value: str, place: str) -> str:
    text = str.__str__(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        _unknown(place, "a text has half a surrogate pair, which is no Unicode")
    return text


def _number(value: Any, place: str) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        _unknown(place, "NaN and Infinity are no JSON")
    if isinstance(value, int) and not -MAX_INTEGER - 1 <= value <= MAX_INTEGER:
        _unknown(place, "an integer is beyond 64 bits")
    return value


def _unknown(place: str, why: str) -> NoReturn:
    shown = place.encode("unicode_escape").decode()[:200]
    message = f"an upper bound of its tokens can not be told: {why}"
    raise BadArguments("prompt_size_unknown", shown, message, "Give input_tokens=, the most that it can be")
