"""A real model behind the model gateway, asked by the official client: SmolLM2-135M, one thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openai
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletionChunk

from remit.domain.record import RecordKind
from tests.served import Served, served
from tests.worlds import SARA, WORKSPACE, agent, budget, world, yaml

NAME = "local/smollm2"
UPSTREAM = "smollm2-135m"
HELLO: Any = [{"role": "user", "content": "Say hello."}]
"""What the model has a great deal to say about, and each time the same."""
ENDLESS = 1_500


def settled(server: Served) -> list[dict[str, Any]]:
    return server.world.records(RecordKind.OUTCOME_REPORTED)


@contextmanager
def writer(folder: Path, url: str, **changes: str) -> Iterator[tuple[Served, openai.OpenAI]]:
    """A server whose agent may ask the model, at a micro-USD a token read and two a token written."""
    route = {"dialect": "openai", "url": url, "upstream": UPSTREAM, "private": True}
    model = yaml("Model", name=NAME, routes=[route], input_price=1, output_price=2, max_output_tokens=ENDLESS)
    files = {"models/local.yaml": model, "agents/writer.yaml": agent("writer", models=[NAME]), **changes}
    with (
        world(folder, files) as it,
        served(it) as server,
        openai.OpenAI(base_url=f"{server.url}/openai/v1", api_key=server.key("writer"), max_retries=0) as client,
    ):
        yield server, client


def cost_of(usage: CompletionUsage) -> dict[str, int]:
    micros = usage.prompt_tokens + 2 * usage.completion_tokens
    return {"micros": micros, "tokens": usage.total_tokens, "calls": 1}


def words_of(chunks: list[ChatCompletionChunk]) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def asked_until_refused(client: openai.OpenAI, most: int) -> tuple[int, str]:
    """Ask again and again; return what the answers used, and what was said when there were no more."""
    spent = 0
    for _ in range(most):
        try:
            said = client.chat.completions.create(model=NAME, messages=HELLO, max_tokens=8)
        except openai.APIStatusError as error:
            return spent, str(error)
        assert said.usage is not None
        spent += said.usage.total_tokens
    return spent, ""


def read_until_cut(stream: openai.Stream[ChatCompletionChunk], begun: threading.Event) -> tuple[int, str]:
    """Return how many pieces came, and what was said when no more did. `begun` is set once some have."""
    pieces = 0
    try:
        for chunk in stream:
            pieces += bool(chunk.choices)
            if pieces == 5:
                begun.set()
    except openai.APIError as error:
        return pieces, str(error)
    return pieces, ""


def test_answer_streams_and_settles_at_what_the_model_counted(tmp_path: Path, smollm: str) -> None:
    with openai.OpenAI(base_url=smollm, api_key="none") as direct:
        wanted = direct.chat.completions.create(model=UPSTREAM, messages=HELLO, max_tokens=24)
    assert wanted.usage is not None
    with writer(tmp_path, smollm) as (server, client):
        asked = client.chat.completions.create(
            model=NAME, messages=HELLO, max_tokens=24, stream=True, stream_options={"include_usage": True}
        )
        chunks = list(asked)
        assert words_of(chunks) == wanted.choices[0].message.content
        assert len(chunks) > 10, "it came in pieces"
        assert chunks[-1].usage is not None
        assert (chunks[-1].choices, chunks[-1].usage.total_tokens) == ([], wanted.usage.total_tokens)
        (outcome,) = settled(server)
        assert (outcome["status"], outcome["cost"]) == ("ok", cost_of(wanted.usage))


def test_client_that_wants_no_usage_sees_none_and_is_charged_the_same(tmp_path: Path, smollm: str) -> None:
    with writer(tmp_path, smollm) as (server, client):
        whole = client.chat.completions.create(model=NAME, messages=HELLO, max_tokens=16)
        chunks = list(client.chat.completions.create(model=NAME, messages=HELLO, max_tokens=16, stream=True))
        assert whole.usage is not None
        assert words_of(chunks) == whole.choices[0].message.content
        assert all(chunk.choices and chunk.usage is None for chunk in chunks)
        assert [outcome["cost"] for outcome in settled(server)] == [cost_of(whole.usage)] * 2


def test_budget_is_used_up_by_tokens_that_the_model_counted(tmp_path: Path, smollm: str) -> None:
    limit = 200
    tokens = budget("day-tokens", "agent", "day", tokens=limit)
    with writer(tmp_path, smollm, **{"budgets.yaml": tokens}) as (server, client):
        spent, refusal = asked_until_refused(client, limit)
        assert "day-tokens" in refusal
        assert 0 < spent <= limit
        outcomes = settled(server)
        assert sum(outcome["cost"]["tokens"] for outcome in outcomes) == spent
        # The last call was refused for what it might have used; what was left did not cover it.
        assert len(outcomes) > 1


def test_freeze_cuts_the_stream_of_a_real_model(tmp_path: Path, smollm: str) -> None:
    with writer(tmp_path, smollm) as (server, client):
        begun, frozen = threading.Event(), threading.Event()

        def freeze() -> None:
            assert begun.wait(60)
            server.world.stops.freeze(WORKSPACE, "agent:writer", SARA, "enough of this")
            frozen.set()

        person = threading.Thread(target=freeze)
        person.start()
        stream = client.chat.completions.create(model=NAME, messages=HELLO, max_tokens=ENDLESS, stream=True)
        pieces, cut = read_until_cut(stream, begun)
        person.join()
        assert frozen.is_set()
        assert "frozen" in cut
        assert 5 <= pieces < ENDLESS / 2
        (outcome,) = settled(server)
        assert outcome["status"] != "ok"
        assert 0 < outcome["cost"]["tokens"] < ENDLESS
        # The model was let go of as well: it answers somebody else at once rather than after the rest.
        with openai.OpenAI(base_url=smollm, api_key="none", timeout=20, max_retries=0) as direct:
            said = direct.chat.completions.create(model=UPSTREAM, messages=HELLO, max_tokens=2)
            assert said.usage is not None
            assert said.usage.completion_tokens == 2
