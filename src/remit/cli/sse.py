"""Server-sent events out of lines (WHATWG HTML, section 9.2.6), as far as Remit sends them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def events_of(lines: Iterable[str]) -> Iterator[Mapping[str, Any]]:
    """Yield `{"id": N, "event": KIND, **data}` for each event, and `{"id": N}` for an id that comes without data."""
    id, data = "", ""
    for line in lines:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if id.isdecimal():
                told = json.loads(data) if data else {}
                yield {"id": int(id), **(told if isinstance(told, dict) else {})}
            id, data = "", ""
        elif name == "id":
            id = value
        elif name == "data":
            data += value
