"""A fake endpoint of models: it speaks the dialects, thinks nothing, and plays whatever fault it is told to.

    with fake_endpoint() as fake:
        fake.play(said("hello"))
        ... requests to fake.url; fake.requests holds what came

It is written on bare sockets, so that it can also do what no web framework would.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Request:
    """What came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Play = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Fake:
    """The endpoint. `plays` are used up one by one; the last stays."""

    port: int = 0
    requests: list[Request] = field(default_factory=list)
    plays: list[Play] = field(default_factory=list)
    hung_up: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def play(self, *plays: Play) -> None:
        self.plays[:] = plays

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                request = await _read(reader)
                self.requests.append(request)
                play = self.plays.pop(0) if len(self.plays) > 1 else self.plays[0]
                try:
                    await play(request, writer)
                except ConnectionError:
                    self.hung_up.set()
                    raise
                if writer.is_closing():
                    break
        writer.close()


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = head[0].split(" ")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, path, headers, body)


@contextmanager
def fake_endpoint(*plays: Play) -> Iterator[Fake]:
    """Serve on a free port of this machine, in a thread, until the block ends."""
    fake = Fake(plays=list(plays) or [chat("hello")])
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def run() -> None:
        tasks: set[asyncio.Task[None]] = set()

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.add(task)
            try:
                await fake.serve(reader, writer)
            except asyncio.CancelledError:
                writer.close()
            finally:
                tasks.discard(task)

        server = await asyncio.start_server(accept, "127.0.0.1", 0, limit=2**22)
        fake.port = server.sockets[0].getsockname()[1]
        ready.set()
        await stop.wait()
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),), name="fake-endpoint")
    thread.start()
    assert ready.wait(10)
    try:
        yield fake
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


# -- plays


def answering(status: int, body: bytes | Any, kind: str = "application/json", **headers: str) -> Play:
    """One answer in one piece."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def play(_: Request, writer: asyncio.StreamWriter) -> None:
        more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        head = f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {len(raw)}\r\n{more}\r\n"
        writer.write(head.encode() + raw)
        await writer.drain()

    return play


def streaming(
    events: Sequence[bytes], gap_s: float = 0.0, *, dies: bool = False, kind: str = "text/event-stream"
) -> Play:
    """An answer in pieces; `dies`: the connection is cut instead of ended."""

    async def play(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n".encode())
        for event in events:
            writer.write(b"%x\r\n%s\r\n" % (len(event), event))
            await writer.drain()
            if gap_s:
                await asyncio.sleep(gap_s)
        if dies:
            writer.transport.abort()
        else:
            writer.write(b"0\r\n\r\n")
        await writer.drain()

    return play


def raw(data: bytes, *, hangs: bool = False) -> Play:
    """These bytes, whatever they are."""

    async def play(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        if hangs:
            await asyncio.sleep(60)
        writer.close()

    return play


async def silence(_: Request, writer: asyncio.StreamWriter) -> None:
    """Take the request and say nothing."""
    await asyncio.sleep(60)
    writer.close()


USAGE = {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25}


def event(document: Any) -> bytes:
    return b"data: " + json.dumps(document).encode() + b"\n\n"


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
    document = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "fake"}
    return event({**document, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more})


DONE = b"data: [DONE]\n\n"


def chat_events(words: Sequence[str], usage: dict[str, Any] | None = USAGE, finish: str = "stop") -> list[bytes]:
    """The chunks of a chat completion."""
    events = [chunk({"role": "assistant", "content": ""}), *[chunk({"content": word}) for word in words]]
    events.append(chunk({}, finish))
    if usage is not None:
        head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "fake"}
        events.append(event({**head, "choices": [], "usage": usage}))
    return [*events, DONE]


def completion(text: str | None, usage: dict[str, Any] | None = USAGE, **message: Any) -> dict[str, Any]:
    """A whole chat completion."""
    said = {"role": "assistant", "content": text, **message}
    finish = "tool_calls" if message.get("tool_calls") else "stop"
    document: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "fake",
        "choices": [{"index": 0, "message": said, "finish_reason": finish}],
    }
    return document if usage is None else {**document, "usage": usage}


def chat(text: str, usage: dict[str, Any] | None = USAGE, gap_s: float = 0.0) -> Play:
    """Say `text`, word by word where a stream is asked for."""

    async def play(request: Request, writer: asyncio.StreamWriter) -> None:
        if request.json.get("stream"):
            words = [f"{word} " for word in text.split()]
            wanted = (request.json.get("stream_options") or {}).get("include_usage")
            await streaming(chat_events(words, usage if wanted else None), gap_s)(request, writer)
        else:
            await answering(200, completion(text, usage))(request, writer)

    return play


def named(kind: str, **fields: Any) -> bytes:
    """An event of Anthropic's messages, or of OpenAI's responses."""
    return b"event: " + kind.encode() + b"\ndata: " + json.dumps({"type": kind, **fields}).encode() + b"\n\n"


MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant", "model": "fake", "stop_reason": None}
MESSAGE_USAGE = {"input_tokens": 20, "output_tokens": 5}


def message_events(words: Sequence[str], usage: dict[str, Any] = MESSAGE_USAGE) -> list[bytes]:
    """The events of a message."""
    begun: dict[str, Any] = {**MESSAGE, "content": [], "usage": {**usage, "output_tokens": 1}}
    events = [named("message_start", message=begun)]
    events.append(named("content_block_start", index=0, content_block={"type": "text", "text": ""}))
    deltas = [{"type": "text_delta", "text": word} for word in words]
    events += [named("content_block_delta", index=0, delta=delta) for delta in deltas]
    events.append(named("content_block_stop", index=0))
    ended = {"stop_reason": "end_turn", "stop_sequence": None}
    events.append(named("message_delta", delta=ended, usage={"output_tokens": usage["output_tokens"]}))
    return [*events, named("message_stop")]


def message(text: str, usage: dict[str, Any] = MESSAGE_USAGE) -> Play:
    """Say `text` as Anthropic's interface does."""

    async def play(request: Request, writer: asyncio.StreamWriter) -> None:
        if request.json.get("stream"):
            await streaming(message_events([f"{word} " for word in text.split()], usage))(request, writer)
        else:
            content = [{"type": "text", "text": text}]
            whole = {**MESSAGE, "content": content, "stop_reason": "end_turn", "usage": usage}
            await answering(200, whole)(request, writer)

    return play


RESPONSE_USAGE = {"input_tokens": 20, "output_tokens": 5, "total_tokens": 25}


def response_of(text: str, status: str = "completed") -> dict[str, Any]:
    """A whole response."""
    part = {"type": "output_text", "text": text, "annotations": []}
    item = {"type": "message", "id": "msg_1", "role": "assistant", "status": status, "content": [part]}
    document = {"id": "resp_1", "object": "response", "created_at": 1, "model": "fake", "status": status}
    more = {"parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
    return {**document, **more, "output": [item], "usage": RESPONSE_USAGE}


def response_events(words: Sequence[str]) -> list[bytes]:
    """The events of a response."""
    text = "".join(words)
    begun = {**response_of(""), "status": "in_progress", "output": [], "usage": None}
    where = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    [item] = response_of(text)["output"]
    events = [
        named("response.created", response=begun, sequence_number=0),
        named("response.output_item.added", output_index=0, item={**item, "content": []}, sequence_number=1),
        named("response.content_part.added", **where, part={**item["content"][0], "text": ""}, sequence_number=2),
    ]
    for word in words:
        delta = named("response.output_text.delta", **where, delta=word, logprobs=[], sequence_number=len(events))
        events.append(delta)
    done = named("response.output_item.done", output_index=0, item=item, sequence_number=len(events))
    ended = named("response.completed", response=response_of(text), sequence_number=len(events) + 1)
    return [*events, done, ended]


def response(text: str) -> Play:
    """Say `text` as OpenAI's responses do."""

    async def play(request: Request, writer: asyncio.StreamWriter) -> None:
        if request.json.get("stream"):
            await streaming(response_events([f"{word} " for word in text.split()]))(request, writer)
        else:
            await answering(200, response_of(text))(request, writer)

    return play
