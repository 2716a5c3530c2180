"""Whatever comes, from clients or from endpoints: a clear answer, nothing sent that was not admitted, nothing lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from remit.domain.arguments import PayloadLimits
from remit.domain.upstream import DataClass, Dialect, ModelRoute
from remit.gateways.llm.asked import Asked, Body, body_from
from remit.gateways.llm.face import Face, Seen, UpstreamBroken
from remit.gateways.llm.gate import FACES
from remit.gateways.llm.speaking import Speaking
from remit.gateways.llm.splice import spliced
from remit.gateways.llm.turned import Turned
from tests.gateways.llm.fake import chat_events, completion, message_events, response_events, response_of
from tests.gateways.llm.gateway import Gateway, gateway
from tests.gateways.llm.test_translation import CONVERSED, WHOLE

CORPUS = {path.name: path.read_bytes() for path in sorted((Path(__file__).parent / "corpus").iterdir())}
LIMITS = PayloadLimits(1_000_000, 64, 10_000)
PATHS = sorted(FACES)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS, lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=6), each, max_size=3)
)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A file of the corpus, with some bytes or some members changed."""
    raw = draw(st.sampled_from(sorted(CORPUS.values())))
    if draw(st.booleans()):
        at = draw(st.integers(0, len(raw)))
        return raw[:at] + draw(st.binary(max_size=4)) + raw[at + draw(st.integers(0, 4)) :]
    try:
        value = json.loads(raw)
    except ValueError:
        return raw
    for name in draw(st.lists(st.sampled_from(sorted(value)), max_size=3)):
        value[name] = draw(VALUES)
    return json.dumps(value).encode("utf-8", "surrogatepass")


@pytest.fixture(scope="module")
def it(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with pytest.MonkeyPatch.context() as patch, gateway(tmp_path_factory.mktemp("fuzz")) as opened:
        patch.setenv("FAKE_KEY", "sk-fuzz")
        yield opened


@pytest.mark.slow
@settings(max_examples=settings().max_examples * 3 // 5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(PATHS), bodies())
def test_every_request_is_answered_in_the_clients_words(it: Gateway, path: str, body: bytes) -> None:
    sent, decided = len(it.fake.requests), len(it.decisions())
    reply = it.server.ask("POST", path, body, headers={"Accept": "application/json"}) if not _streams(body) else None
    if reply is None:
        return
    assert reply.status in (200, 400, 403, 404, 409, 413, 415, 422, 429, 502), reply
    if reply.status != 200:
        error = reply.document["error"]
        assert error["message"]
        assert error["remit"]["code"] != "internal"
    admitted = [each for each in it.decisions()[decided:] if each["state"] == "admitted"]
    assert len(it.fake.requests) - sent == len(admitted)
    assert len(it.outcomes()) == sum(each["state"] == "admitted" for each in it.decisions())


def _streams(body: bytes) -> bool:
    return b'"stream":true' in body.replace(b" ", b"")


@given(st.one_of(st.binary(max_size=200), bodies()))
@example(b"")
@example(b"[" * 100_000)
@example(b'{"a":' * 5_000)
def test_a_body_is_read_or_refused(raw: bytes) -> None:
    try:
        body = body_from(raw, LIMITS)
    except Turned:
        return
    assert json.loads(raw) == body.value
    for face in FACES.values():
        try:
            asked = face.read(body)
        except Turned:
            continue
        assert isinstance(asked, Asked)


@given(
    st.dictionaries(st.text(max_size=6), VALUES, max_size=5),
    st.dictionaries(st.text(max_size=6), VALUES, max_size=3),
    st.integers(0, 3),
)
def test_a_splice_changes_what_it_says_and_no_more(value: dict[str, Any], changes: dict[str, Any], indent: int) -> None:
    try:
        changes = orjson.loads(orjson.dumps(changes))
        raw = json.dumps(value, indent=indent or None).encode()
    except (TypeError, UnicodeEncodeError):
        return
    made = spliced(raw, changes)
    assert json.loads(made) == {**json.loads(raw), **changes}
    if not changes:
        assert made == raw


STREAMS: list[tuple[str, Dialect, bytes]] = [
    ("/openai/v1/chat/completions", Dialect.OPENAI, b"".join(chat_events(["a", "b"]))),
    ("/openai/v1/responses", Dialect.OPENAI, b"".join(response_events(["a", "b"]))),
    ("/anthropic/v1/messages", Dialect.ANTHROPIC, b"".join(message_events(["a", "b"]))),
    ("/anthropic/v1/messages", Dialect.OPENAI, b"".join(chat_events(["a", "b"]))),
    ("/openai/v1/chat/completions", Dialect.ANTHROPIC, b"".join(message_events(["a", "b"]))),
    ("/openai/v1/chat/completions", Dialect.BEDROCK, b"".join(CONVERSED)),
]
ANSWERS = [json.dumps(each).encode() for each in (completion("a"), response_of("a"), *WHOLE.values())]


def speaking(path: str, dialect: Dialect, *, veiled: bool = False) -> Speaking:
    face: Face = FACES[path]
    veils = frozenset({DataClass.PII}) if veiled else None
    asked = Asked(Body({}, b"{}", is_compact=True), "m", is_stream=True, veils=veils)
    return Speaking(face, asked, ModelRoute(dialect, "http://x", "m"), "local")


@given(
    st.sampled_from(STREAMS),
    st.lists(st.tuples(st.integers(0, 2_000), st.binary(max_size=3), st.integers(0, 3)), max_size=3),
    st.integers(1, 300),
    st.booleans(),
)
def test_a_stream_is_followed_or_called_broken(
    told: tuple[str, Dialect, bytes], changes: list[tuple[int, bytes, int]], size: int, veiled: bool
) -> None:
    path, dialect, raw = told
    for at, put, gone in changes:
        raw = raw[:at] + put + raw[at + gone :]
    follower = speaking(path, dialect, veiled=veiled).follow("act_1", 1)
    for begin in range(0, len(raw), size):
        follower.feed(raw[begin : begin + size])
        if follower.broken is not None or follower.seen.is_whole:
            break
    try:
        if follower.broken is None:
            follower.end()
    except UpstreamBroken:
        pass
    if not changes:
        assert follower.seen.is_whole
        assert follower.seen.usage


@given(
    st.sampled_from(STREAMS),
    st.sampled_from(ANSWERS),
    st.lists(st.tuples(st.integers(0, 600), st.binary(max_size=3), st.integers(0, 3)), max_size=3),
)
def test_an_answer_is_read_or_called_broken(
    told: tuple[str, Dialect, bytes], raw: bytes, changes: list[tuple[int, bytes, int]]
) -> None:
    for at, put, gone in changes:
        raw = raw[:at] + put + raw[at + gone :]
    seen = Seen()
    try:
        made = speaking(told[0], told[1]).whole("act_1", 1, raw, seen)
    except UpstreamBroken:
        assert not seen.is_whole
        return
    assert seen.is_whole
    orjson.loads(made)
