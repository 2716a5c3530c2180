"""What a model may not be shown is masked on its way there, in its answers where its document says so, and in records.

Texts are masked, not structure: names, ids and what only a provider can read stay as they are, else the request would
be another one. A message that holds nothing to be masked is remembered by its digest: agents send the same ones again
and again.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, OrderedDict
from collections.abc import Mapping
from typing import Any

import orjson

from remit.domain.canonical import sha256_hex
from remit.domain.upstream import DataClass, Model
from remit.gateways.llm.asked import Asked, Body
from remit.gateways.llm.turned import invalid
from remit.screens import MarkKind, Placeholders, TooDeep, mask, mask_json

NOTHING: frozenset[DataClass] = frozenset()
EVERYTHING = frozenset(DataClass)
MOST_REMEMBERED = 8_192
DEEPEST = 64

_ELEMENTS = ("messages", "input", "tools", "functions", "system")
"""Lists whose elements are looked at one by one, and remembered."""
_STRUCTURE = frozenset(
    "id type role name model tool_call_id tool_use_id call_id status signature encrypted_content media_type".split()
)
_WORD = re.compile(r"[A-Za-z0-9_.:/+=-]{1,256}")
_OPAQUE = {"signature": ("thinking",), "encrypted_content": ("reasoning",), "data": ("redacted_thinking", "base64")}
"""What only the provider can read, by the type of the part it stands in."""
_ARGUMENTS = "arguments"


class Screen:
    """Masks requests. Owned by one event loop."""

    def __init__(self) -> None:
        self._clean: OrderedDict[bytes, None] = OrderedDict()

    def shown(self, asked: Asked, model: Model) -> Asked:
        """Return a request as a model may see it, and as it is put on record. Raises Turned."""
        sees = frozenset(model.sees)
        body, counts = asked.body, Counter[MarkKind]()
        if sees != EVERYTHING:
            value = self._masked(asked.body.value, sees, counts)
            if counts:
                raw = orjson.dumps(value)
                body = Body(value, raw, is_compact=True)
        kept = body.value
        if sees:
            kept = self._masked(body.value, NOTHING, Counter())
        told = {name: kept[name] for name in asked.told if name in kept}
        more: dict[str, Any] = {}
        if kept is not asked.body.value:
            # Two requests that differ only in what is masked are two all the same: an approval is for one of them.
            more["request_sha256"] = sha256_hex(asked.body.raw)
        if counts:
            more["masked"] = {kind.value: count for kind, count in sorted(counts.items())}
        return asked.on(body, told | more, sees if model.mask_answers and sees != EVERYTHING else None)

    def _masked(
        self, value: Mapping[str, Any], sees: frozenset[DataClass], counts: Counter[MarkKind]
    ) -> Mapping[str, Any]:
        """Return a request with its texts masked; the very same object where there was nothing to mask."""
        walk = _Walk(sees, counts)
        found: dict[str, Any] = {}
        try:
            for name, each in value.items():
                if name in _ELEMENTS and isinstance(each, list):
                    found[name] = [self._element(walk, element) for element in each]
                else:
                    found[name] = walk.value(name, each, value, 0)
        except TooDeep:
            raise invalid("body.too_deep", "the request is nested too deep to be looked through") from None
        return found if walk.is_changed else value

    def _element(self, walk: _Walk, element: Any) -> Any:
        key = hashlib.blake2b(orjson.dumps(element) + walk.mark, digest_size=16).digest()
        if key in self._clean:
            self._clean.move_to_end(key)
            return element
        before = walk.found
        masked = walk.value("", element, {}, 0)
        if walk.found == before:
            self._clean[key] = None
            if len(self._clean) > MOST_REMEMBERED:
                self._clean.popitem(last=False)
            return element
        return masked


class _Walk:
    """One pass over a request."""

    def __init__(self, sees: frozenset[DataClass], counts: Counter[MarkKind]) -> None:
        self._sees = sees
        self._counts = counts
        self._placeholders = Placeholders()
        self.mark = ",".join(sorted(sees)).encode()
        self.found = 0

    @property
    def is_changed(self) -> bool:
        return self.found > 0

    def value(self, name: str, value: Any, inside: Mapping[str, Any], depth: int) -> Any:
        if depth > DEEPEST:
            raise TooDeep
        if isinstance(value, str):
            return self._text(name, value, inside)
        if isinstance(value, dict):
            return {key: self.value(key, each, value, depth + 1) for key, each in value.items()}
        if isinstance(value, list):
            return [self.value(name, each, inside, depth + 1) for each in value]
        return value

    def _text(self, name: str, text: str, inside: Mapping[str, Any]) -> str:
        if name in _STRUCTURE and _WORD.fullmatch(text):
            return text
        if inside.get("type") in _OPAQUE.get(name, ()):
            return text
        if name in ("url", "image_url", "file_data", "data") and _is_inline(name, text, inside):
            return text
        if name == _ARGUMENTS and text[:1] in "{[":
            return self._arguments(text)
        masked = mask(text, self._sees, self._placeholders, f"{name}: " if name else "")
        self._note(masked.counts)
        return masked.text

    def _arguments(self, text: str) -> str:
        """Mask the arguments of a tool so that they stay JSON."""
        try:
            masked = mask_json(orjson.loads(text), self._sees, self._placeholders)
        except orjson.JSONDecodeError:
            found = mask(text, self._sees, self._placeholders)
            self._note(found.counts)
            return found.text
        self._note(masked.counts)
        return orjson.dumps(masked.value).decode() if masked.counts else text

    def _note(self, counts: Mapping[MarkKind, int]) -> None:
        if counts:
            self.found += sum(counts.values())
            self._counts.update(counts)


def _is_inline(name: str, text: str, inside: Mapping[str, Any]) -> bool:
    """Tell whether a text is a picture, a sound or a file that is sent along."""
    return text.startswith("data:") or (name == "data" and ("format" in inside or "media_type" in inside))


def answer_masked(text: str) -> str:
    """Return an answer as it is put on record."""
    return mask(text, NOTHING).text
