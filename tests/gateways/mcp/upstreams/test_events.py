"""Server-sent events, and what of a request is mirrored into headers."""

from __future__ import annotations

import asyncio
import base64
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.gateways.mcp.upstreams.events import Event, TooLong, events
from remit.gateways.mcp.upstreams.headers import BadAnnotation, encoded, headers_for, mirrored_by


def read(*pieces: bytes, most: int = 1_000) -> list[Event]:
    async def come():
        for piece in pieces:
            yield piece

    async def collect():
        return [event async for event in events(come(), most)]

    return asyncio.run(collect())


STREAM = (
    b"\xef\xbb\xbf: hello\n\nevent: message\nid: 7\ndata: a\ndata:b\n\n"
    b"retry: 250\rdata: c\r\rdata: d\r\n\r\ndata: cut off"
)
WHOLE = [Event(b"a\nb", "7"), Event(b"c", None, 250), Event(b"d")]


def test_events_are_cut_at_every_kind_of_line_end_and_what_has_no_end_is_none():
    assert read(STREAM) == WHOLE


@given(st.lists(st.integers(1, len(STREAM) - 1), max_size=12))
def test_where_the_pieces_are_cut_makes_no_difference(cuts):
    places = [0, *sorted(set(cuts)), len(STREAM)]
    pieces = [STREAM[start:end] for start, end in pairwise(places)]
    assert read(*pieces) == WHOLE


@pytest.mark.parametrize(
    "pieces",
    [
        (b"data: " + b"x" * 5_000 + b"\n\n",),
        tuple(b"x" * 100 for _ in range(100)),
        tuple(b"data: " + b"x" * 100 + b"\n" for _ in range(100)),
    ],
)
def test_an_event_that_is_too_long_is_not_kept(pieces):
    with pytest.raises(TooLong):
        read(*pieces)


@given(st.binary(max_size=300))
def test_whatever_comes_is_read_or_too_long(raw):
    assert isinstance(read(raw, most=10_000), list)


@given(st.text(max_size=40))
def test_a_text_in_a_header_arrives_unchanged(text):
    value = encoded(text)
    assert value.isascii()
    assert value.isprintable()
    assert value == value.strip()
    if value != text:
        assert base64.b64decode(value.removeprefix("=?base64?").removesuffix("?=")) == text.encode("utf-8", "replace")


def test_what_looks_encoded_already_is_encoded():
    assert encoded("=?base64?x?=") != "=?base64?x?="


def test_arguments_are_mirrored_by_their_path():
    schema = {
        "properties": {
            "region": {"type": "string", "x-mcp-header": "Region"},
            "of": {"properties": {"n": {"type": "integer", "x-mcp-header": "N"}}},
            "dry": {"type": "boolean", "x-mcp-header": "Dry"},
        }
    }
    params = {"name": "sql", "arguments": {"region": "eu\r\nx: y", "of": {"n": 2**60}, "dry": True}}
    assert headers_for("tools/call", params, mirrored_by(schema)) == {
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": "tools/call",
        "mcp-name": "sql",
        "mcp-param-Region": "=?base64?ZXUNCng6IHk=?=",
        "mcp-param-Dry": "true",
    }


@pytest.mark.parametrize(
    "schema",
    [
        {"x-mcp-header": "Root"},
        {"properties": {"a": {"type": "string", "x-mcp-header": ""}}},
        {"properties": {"a": {"type": "string", "x-mcp-header": "a\r\nb"}}},
        {"properties": {"a": {"type": "string", "x-mcp-header": 1}}},
        {"properties": {"a": {"type": "number", "x-mcp-header": "A"}}},
        {"properties": {"a": {"items": {"type": "string", "x-mcp-header": "A"}}}},
        {"properties": {"a": {"anyOf": [{"type": "string", "x-mcp-header": "A"}]}}},
        {"$defs": {"a": {"type": "string", "x-mcp-header": "A"}}},
        {"properties": {n: {"type": "string", "x-mcp-header": h} for n, h in (("a", "A"), ("b", "a"))}},
    ],
)
def test_a_wrong_wish_to_be_mirrored_is_refused(schema):
    with pytest.raises(BadAnnotation):
        mirrored_by(schema)
