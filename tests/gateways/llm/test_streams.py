"""Streams: relayed as they come, cut where they must be, settled by what was seen of them."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

from remit.gateways.llm.open_calls import CallLimits
from tests.gateways.llm.fake import (
    DONE,
    USAGE,
    chat,
    chat_events,
    chunk,
    event,
    message_events,
    raw,
    response_events,
    silence,
    streaming,
)
from tests.gateways.llm.gateway import Gateway, gateway
from tests.gateways.llm.test_interfaces import NATIVE
from tests.worlds import MODEL, OWNER, WORKSPACE, budget

HELLO: Any = [{"role": "user", "content": "Say hello"}]
WORDS = [f"word{number} " for number in range(200)]
OPENAI = NATIVE.replace('"anthropic"', '"openai"')
SLOW = streaming(chat_events(WORDS), 0.02)


def client(it: Gateway) -> openai.OpenAI:
    return openai.OpenAI(base_url=it.openai, api_key=it.server.key(), timeout=20)


def settled(it: Gateway, count: int = 1) -> dict[str, Any]:
    """The last outcome, once there are so many."""
    until = time.monotonic() + 10
    while len(it.outcomes()) < count and time.monotonic() < until:
        time.sleep(0.02)
    assert len(it.outcomes()) == count
    return it.outcomes()[-1]


def test_usage_is_asked_for_and_its_chunk_is_shown_to_who_asked(tmp_path: Path) -> None:
    with gateway(tmp_path, chat("hello")) as it, client(it) as asking:
        plain = list(asking.chat.completions.create(model=MODEL, messages=HELLO, stream=True))
        assert all(each.choices for each in plain)
        options: Any = {"include_usage": True}
        told = list(asking.chat.completions.create(model=MODEL, messages=HELLO, stream=True, stream_options=options))
        assert told[-1].usage is not None
        assert told[-1].usage.total_tokens == USAGE["total_tokens"]
        assert [each["cost"]["micros"] for each in it.outcomes()] == [30, 30]


def test_a_stream_without_usage_is_settled_by_its_bytes(tmp_path: Path) -> None:
    with gateway(tmp_path, streaming(chat_events(["twelve bytes"], usage=None))) as it, client(it) as asking:
        list(asking.chat.completions.create(model=MODEL, messages=HELLO, stream=True))
        reserved = it.decisions()[0]["cost"]["tokens"] - 1_000
        assert settled(it)["cost"] == {"micros": reserved + 2 * (12 + 16), "tokens": reserved + 28, "calls": 1}


DEATHS = [
    streaming(chat_events(WORDS)[:20], dies=True),
    streaming(chat_events(WORDS)[:20]),  # ends without an end
    streaming([*chat_events(WORDS)[:20], b"data: {nonsense\n\n"]),
    streaming([*chat_events(WORDS)[:20], b"data: 7\n\n"]),
    streaming([*chat_events(WORDS)[:20], event({"choices": [7]})]),
    streaming([*chat_events(WORDS)[:20], event({"error": {"message": "secret of http://10.0.0.7"}})]),
    streaming([*chat_events(WORDS)[:20], b"data: " + b"x" * 5_000_000]),
]


def test_an_upstream_that_dies_half_way_is_told_and_paid_for_what_came(tmp_path: Path) -> None:
    with gateway(tmp_path) as it, client(it) as asking:
        for number, play in enumerate(DEATHS, 1):
            it.fake.play(play)
            stream = iter(asking.chat.completions.create(model=MODEL, messages=HELLO, stream=True))
            seen = [next(stream).choices[0].delta.content for _ in range(20)]
            with pytest.raises(openai.APIError) as broken:
                next(stream)
            assert "".join(filter(None, seen)) == "".join(WORDS[:19])
            assert "upstream.broken" in str(broken.value.body)
            assert "10.0.0.7" not in str(broken.value.body)
            outcome = settled(it, number)
            assert (outcome["status"], outcome["error"]) == ("error", "UpstreamBroken")
            assert 0 < outcome["cost"]["micros"] < it.decisions()[0]["cost"]["micros"]


def test_an_answer_without_an_end_is_cut_at_what_its_tokens_can_be(tmp_path: Path) -> None:
    endless = streaming([chunk({"content": "x" * 50_000})] * 40)
    with gateway(tmp_path, endless, max_output_tokens=100) as it, client(it) as asking:
        with pytest.raises(openai.APIError):
            list(asking.chat.completions.create(model=MODEL, messages=HELLO, stream=True))
        assert settled(it)["error"] == "UpstreamBroken"


def test_a_stream_that_is_none_and_one_that_never_begins(tmp_path: Path) -> None:
    documents = NATIVE.replace('"anthropic"', '"openai"').replace(
        '"private": true', '"private": true, "answer_within": "1s"'
    )
    with gateway(tmp_path, documents=documents) as it, client(it) as asking:
        it.fake.play(streaming([b"{}"], kind="application/json"))
        with pytest.raises(openai.APIError):
            list(asking.chat.completions.create(model=MODEL, messages=HELLO, stream=True))
        it.fake.play(silence)
        with pytest.raises(openai.APIStatusError) as late:
            asking.with_options(max_retries=0).chat.completions.create(model=MODEL, messages=HELLO, stream=True)
        assert late.value.status_code == 504
        assert settled(it, 2)["cost"] is None  # it may be at work: as reserved
        it.fake.play(raw(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: {", hangs=True))
        with pytest.raises(openai.APIError):
            list(asking.chat.completions.create(model=MODEL, messages=HELLO, stream=True))


def test_a_client_that_hangs_up_is_settled_by_what_it_was_sent(tmp_path: Path) -> None:
    with gateway(tmp_path, SLOW) as it, client(it) as asking:
        stream = asking.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
        for number, _ in enumerate(stream):
            if number == 10:
                break
        stream.close()
        outcome = settled(it)
        assert (outcome["status"], outcome["error"]) == ("error", "ClientGone")
        assert 0 < outcome["cost"]["micros"] < it.decisions()[0]["cost"]["micros"]
        assert it.fake.hung_up.wait(10)  # nobody reads on


# -- stops


@contextmanager
def reading(it: Gateway, path: str, body: dict[str, Any]) -> Iterator[socket.socket]:
    """Send a request on a bare socket, so that what comes and when is seen as it is."""
    sent = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {it.server.key()}\r\n"
    head += f"content-type: application/json\r\ncontent-length: {len(sent)}\r\n\r\n"
    with socket.create_connection((it.server.host, it.server.port), timeout=10) as connection:
        connection.sendall(head.encode() + sent)
        yield connection


def until_end(connection: socket.socket) -> list[tuple[float, bytes]]:
    """What comes, each with when."""
    found: list[tuple[float, bytes]] = []
    while not found or not found[-1][1].endswith(b"0\r\n\r\n"):
        data = connection.recv(65_536)
        found.append((time.monotonic(), data))
        if not data:
            break
    return found


class Pulse:
    """How late this machine is: a thread that wants to run every 5 ms notes by how much it could not."""

    def __enter__(self) -> Pulse:
        self.late_s = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._over.is_set():
            begun = time.monotonic()
            self._over.wait(0.005)
            self.late_s += max(0.0, time.monotonic() - begun - 0.006)


CHAT = ("/openai/v1/chat/completions", {"messages": HELLO}, SLOW)
RESPONSES = ("/openai/v1/responses", {"input": "Hi"}, streaming(response_events(WORDS), 0.02))
MESSAGES = ("/anthropic/v1/messages", {"messages": HELLO, "max_tokens": 900}, streaming(message_events(WORDS), 0.02))
LAST = {
    CHAT[0]: b"data: [DONE]\n\n",
    RESPONSES[0]: b"event: response.failed",
    MESSAGES[0]: b"event: error",
}


@pytest.mark.parametrize("interface", [CHAT, RESPONSES, MESSAGES], ids=["chat", "responses", "messages"])
def test_no_chunk_comes_more_than_a_quarter_second_after_a_stop(tmp_path: Path, interface: Any) -> None:
    path, fields, play = interface
    documents = NATIVE if "anthropic" in path else ""
    with gateway(tmp_path, play, documents=documents) as it:
        targets = ["workspace", "agent:buyer", "team:procurement", f"model:{MODEL}", "run"]
        for number, target in enumerate(targets, 1):
            with reading(it, path, {"model": MODEL, "stream": True, **fields}) as connection:
                connection.recv(1)
                time.sleep(0.1)
                run = it.decisions()[-1]["run"]
                stopped = f"run:{run}" if target == "run" else target
                it.world.stops.freeze(WORKSPACE, stopped, OWNER, "enough")
                committed = time.monotonic()
                with Pulse() as machine:
                    came = until_end(connection)
            late = [data for at, data in came if at - committed > 0.25 + machine.late_s]
            assert b"".join(late) == b"", (target, late)
            everything = b"".join(data for _, data in came)
            assert LAST[path] in everything
            assert b"enough" in everything
            assert b"word199" not in everything
            outcome = settled(it, number)
            assert (outcome["status"], outcome["error"]) == ("error", "Stopped")
            assert outcome["cost"]["micros"] > 0
            it.world.clock.advance(1)
            it.world.stops.unfreeze(WORKSPACE, stopped, OWNER, "again")


def test_a_call_in_one_piece_is_cut_as_well(tmp_path: Path) -> None:
    with gateway(tmp_path, silence) as it, reading(it, CHAT[0], {"model": MODEL, "messages": HELLO}) as connection:
        until = time.monotonic() + 10
        while not it.fake.requests and time.monotonic() < until:
            time.sleep(0.01)
        it.world.stops.freeze(WORKSPACE, "agent:buyer", OWNER, "enough")
        committed = time.monotonic()
        with Pulse() as machine:
            answer = connection.recv(65_536)
        assert time.monotonic() - committed < 0.25 + machine.late_s
        assert answer.startswith(b"HTTP/1.1 403")
        assert b"stop.stopped" in answer
        assert settled(it)["cost"] is None


def test_a_hard_budget_that_is_overspent_cuts_every_stream_under_it(tmp_path: Path) -> None:
    changes = {"budgets.yaml": budget("day", "agent", "day", tokens=2_500)}
    big = {"prompt_tokens": 20, "completion_tokens": 5_000, "total_tokens": 5_020}
    with gateway(tmp_path, SLOW, chat("x", usage=big), changes=changes) as it:
        with reading(it, CHAT[0], {"model": MODEL, "stream": True, "messages": HELLO}) as connection:
            connection.recv(1)
            reply = it.server.ask("POST", CHAT[0], {"model": MODEL, "messages": HELLO, "max_tokens": 10})
            committed = time.monotonic()
            assert reply.status == 200  # its upstream says that it used far more than it was asked for
            with Pulse() as machine:
                came = until_end(connection)
        assert b"".join(data for at, data in came if at - committed > 0.25 + machine.late_s) == b""
        assert b"budget.exceeded" in b"".join(data for _, data in came)


def test_a_reader_that_reads_no_more_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("remit.server.CallLimits", _impatient)
    endless = streaming([chunk({"content": "x" * 60_000})] * 400)
    documents = OPENAI.replace("1000", "1000000")
    body = {"model": MODEL, "stream": True, "messages": HELLO}
    with gateway(tmp_path, endless, documents=documents) as it, reading(it, CHAT[0], body) as connection:
        connection.recv(1)
        assert settled(it)["error"] == "ClientGone"


def _impatient(**limits: int) -> CallLimits:
    return CallLimits(**limits, slowest_s=0.5)


def test_more_calls_than_may_be_open_are_turned_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMIT_MODEL_CALLS", "1")
    body = {"model": MODEL, "stream": True, "messages": HELLO}
    with gateway(tmp_path, SLOW) as it, reading(it, CHAT[0], body) as connection:
        connection.recv(1)
        reply = it.server.ask("POST", CHAT[0], {"model": MODEL, "messages": HELLO})
        assert (reply.status, reply.document["error"]["code"]) == (503, "too_many_calls")
        assert "x-should-retry" not in reply.headers


def test_the_end_of_a_server_ends_its_streams(tmp_path: Path) -> None:
    with gateway(tmp_path, SLOW) as it:
        with reading(it, CHAT[0], {"model": MODEL, "stream": True, "messages": HELLO}) as connection:
            connection.recv(1)
            it.server.server.should_exit = True
            everything = b"".join(data for _, data in until_end(connection))
        assert b"closing" in everything
        assert DONE in everything
        assert settled(it)["error"] == "ServerClosing"


def test_anthropics_client_hears_of_a_cut(tmp_path: Path) -> None:
    asking = {"max_tokens": 900, "messages": HELLO, "model": MODEL}
    with (
        gateway(tmp_path, MESSAGES[2], documents=NATIVE) as it,
        anthropic.Anthropic(base_url=it.anthropic, api_key=it.server.key()) as claude,
    ):
        stream = claude.messages.create(stream=True, **asking)
        next(stream)
        it.world.stops.freeze(WORKSPACE, "agent:buyer", OWNER, "enough")
        with pytest.raises(anthropic.APIStatusError) as cut:
            list(stream)
        assert "stop.stopped" in str(cut.value.body)
