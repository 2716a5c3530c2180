"""How much a request may be, and how long it may take to arrive. Everything beyond is refused before it is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from remit.asgi.answers import Receive, Refusal, Scope
from remit.domain.arguments import BadArguments, PayloadLimits, parse_object


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """Bounds of one request.

    Attributes:
        head_bytes: of all header lines together.
        body_bytes: of the body as it is sent.
        depth: of the JSON in the body, its outermost object counted.
        values: how many values that JSON may hold.
        arrival_s: how long the head, and then the body, may take to arrive.
        message_s: how long all of a request may take behind its head, also where it was refused unread; more than the
            largest arrival_s of any route.
    """

    head_bytes: int = 16_384
    body_bytes: int = 2_162_688
    depth: int = 34
    values: int = 100_100
    arrival_s: float = 10.0
    message_s: float = 75.0

    @property
    def payload(self) -> PayloadLimits:
        """What the JSON of a body is held to."""
        return PayloadLimits(self.body_bytes, self.depth, self.values)


LONGEST_KEY = 200
"""Of an Idempotency-Key, in characters."""

ENVELOPE_BYTES = 65_536
"""What a body may hold besides arguments or a result."""

ENVELOPE_DEPTH = 2


def limits_for(payload: PayloadLimits) -> RequestLimits:
    """Return limits in which a payload of the largest size has room: written as text inside JSON it may double."""
    return RequestLimits(
        body_bytes=2 * payload.bytes + ENVELOPE_BYTES,
        depth=payload.depth + ENVELOPE_DEPTH,
        values=payload.values + 100,
    )


class Disconnected(Exception):
    """The caller hung up before the request was complete: there is nobody to answer."""


_ONCE_ONLY = (b"authorization", b"cookie", b"content-length", b"content-type", b"idempotency-key", b"last-event-id")


def headers_of(scope: Scope, limits: RequestLimits) -> Mapping[str, str]:
    """Return the headers by lower-case name.

    Raises Refusal where they are too large, or where one comes twice of which two readers could take different ones.
    """
    raw: list[tuple[bytes, bytes]] = scope["headers"]
    if sum([len(name) + len(value) + 4 for name, value in raw]) > limits.head_bytes:
        raise Refusal(
            431,
            "head_too_large",
            f"the headers have more than {limits.head_bytes:,} bytes",
            "Send fewer or shorter ones",
        )
    found = {str(name, "latin-1"): str(value, "latin-1") for name, value in raw}
    if len(found) != len(raw):
        names = [name for name, _ in raw]
        twice = next((name for name in _ONCE_ONLY if names.count(name) > 1), None)
        if twice is not None:
            raise Refusal(400, "header_twice", "a header is given twice", "Send it once", field=twice.decode())
    return found


def key_in(headers: Mapping[str, str]) -> str:
    """Return the Idempotency-Key (draft-ietf-httpapi-idempotency-key-header); empty for none. Raises Refusal."""
    key = headers.get("idempotency-key", "")
    if len(key) > LONGEST_KEY or not key.isprintable():
        raise Refusal(
            400,
            "key_unfit",
            f"the key has more than {LONGEST_KEY} characters, or odd ones",
            "Send a UUID",
            field="Idempotency-Key",
        )
    return key


async def json_of(headers: Mapping[str, str], receive: Receive, limits: RequestLimits) -> dict[str, Any]:
    """Read a body that is one JSON object. Raises Refusal, and Disconnected."""
    body = await body_of(headers, receive, limits)
    try:
        return dict(parse_object(body, limits.payload))
    except BadArguments as error:
        raise unread(error) from None


def unread(error: BadArguments) -> Refusal:
    """Refuse a body that is no JSON within limits."""
    return Refusal(400, f"body.{error.code}", f"{error.message}", error.remedy, field=error.path)


async def body_of(headers: Mapping[str, str], receive: Receive, limits: RequestLimits) -> bytes:
    """Read a body that says it is JSON. Raises Refusal, and Disconnected."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refusal(
            415, "not_json", "the body must be JSON", "Send Content-Type: application/json", field="Content-Type"
        )
    if headers.get("content-encoding", "identity") != "identity":
        raise Refusal(415, "encoded", "the body must not be compressed", "Send it plain", field="Content-Encoding")
    declared = headers.get("content-length", "")
    if declared.isdecimal() and (len(declared) > 12 or int(declared) > limits.body_bytes):
        raise _too_large(limits)
    try:
        async with asyncio.timeout(limits.arrival_s):
            return await _received(receive, limits)
    except TimeoutError:
        raise Refusal(
            408, "body_too_slow", f"the body took more than {limits.arrival_s:g} s to arrive", "Send it in one go"
        ) from None


async def _received(receive: Receive, limits: RequestLimits) -> bytes:
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        part, more = message.get("body", b""), message.get("more_body", False)
        size += len(part)
        if size > limits.body_bytes:
            raise _too_large(limits)
        parts.append(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _too_large(limits: RequestLimits) -> Refusal:
    return Refusal(
        413,
        "body_too_large",
        f"the body has more than {limits.body_bytes:,} bytes",
        "Store the data and pass its address; of a large result send the digest only",
    )
