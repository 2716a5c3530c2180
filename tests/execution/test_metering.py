"""What a model call costs: nothing that is read counts as nothing, and no settlement goes beyond what was reserved."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace
from typing import Any

import pytest
from genai_prices import data_snapshot

from remit.domain.ids import ModelName, WorkspaceName
from remit.domain.money import Micros
from remit.domain.release import Configuration, ModelPrice, Settings
from remit.execution import metering
from remit.execution.metering import MAX_TOKENS, NoUsage, Usage, actual, prices_at_hand, usage_of, worst_case
from remit.workspace.model_prices import READY, make_ready, public_price

CLAUDE = ("anthropic", "claude-sonnet-4-5")
"""$3 a million tokens read, 3.75 written to a cache, 6 kept there for an hour, 0.30 read from it; $15 written."""


def configuration(*prices: ModelPrice) -> Configuration:
    return Configuration(Settings(WorkspaceName("tiny"), prices=prices), {}, {}, (), (), {}, {})


NO_TABLE = configuration()


def anthropic(**usage: Any) -> dict[str, Any]:
    return {"usage": {"input_tokens": 10, "output_tokens": 0, **usage}}


def test_what_anthropic_reads_from_a_cache_or_writes_to_one_counts() -> None:
    usage = usage_of(anthropic(cache_creation_input_tokens=10_000, cache_read_input_tokens=100_000))
    assert usage == Usage(110_010, 0, cache_write_tokens=10_000, cache_read_tokens=100_000)
    cost = actual(NO_TABLE, *CLAUDE, usage)
    assert (cost.micros, cost.tokens) == (10 * 3 + 10_000 * 3.75 + 100_000 * 0.3, 110_010)


def test_what_is_kept_for_an_hour_costs_more() -> None:
    kept = {"ephemeral_5m_input_tokens": 400, "ephemeral_1h_input_tokens": 600}
    for usage in (anthropic(cache_creation_input_tokens=1000, cache_creation=kept), anthropic(cache_creation=kept)):
        assert actual(NO_TABLE, *CLAUDE, usage_of(usage)).micros == 10 * 3 + 400 * 3.75 + 600 * 6


def test_caches_that_were_not_used_change_nothing() -> None:
    none = SimpleNamespace(
        input_tokens=7,
        output_tokens=2,
        cache_creation_input_tokens=None,
        cache_read_input_tokens=0,
        cache_creation=None,
    )
    assert usage_of(SimpleNamespace(usage=none)) == Usage(7, 2)


@pytest.mark.parametrize(
    "usage",
    [
        {"cache_creation_input_tokens": "many"},
        {"cache_read_input_tokens": -5},
        {"cache_read_input_tokens": True},
        {"cache_read_input_tokens": MAX_TOKENS},
        {"cache_creation": {"ephemeral_1h_input_tokens": 2.5}},
        {"cache_creation_input_tokens": 1, "cache_creation": {"ephemeral_1h_input_tokens": 2}},
        {"input_tokens_details": {"cached_tokens": 11}},
        {"input_tokens_details": {"cached_tokens": "all"}},
        {"output_tokens_details": {"audio_tokens": 1}},
    ],
)
def test_a_cache_that_can_not_be_read_leaves_the_reservation_as_it_is(usage: dict[str, Any]) -> None:
    with pytest.raises(NoUsage):
        usage_of(anthropic(**usage))


@pytest.mark.parametrize(("asked", "said"), [("prompt", "completion"), ("input", "output")])
def test_openai_has_counted_its_cache_and_its_reasoning_already(asked: str, said: str) -> None:
    told = {
        f"{asked}_tokens": 1000,
        f"{said}_tokens": 500,
        f"{asked}_tokens_details": {"cached_tokens": 600, "audio_tokens": 0},
        f"{said}_tokens_details": {"reasoning_tokens": 450, "audio_tokens": None},
    }
    usage = usage_of({"usage": told})
    assert usage == Usage(1000, 500, cache_read_tokens=600)
    assert actual(NO_TABLE, "openai", "gpt-4o", usage).micros == 400 * 2.5 + 600 * 1.25 + 500 * 10


def test_sound_has_a_price_of_its_own() -> None:
    usage = Usage(100, 50, input_audio_tokens=60, output_audio_tokens=50)
    assert actual(NO_TABLE, "openai", "gpt-audio", usage).micros == 40 * 2.5 + 60 * 32 + 50 * 64


def test_the_operators_price_holds_for_all_that_is_read() -> None:
    own = ModelPrice(ModelName("anthropic/claude-sonnet-4-5"), Micros(2_000_000), Micros(5_000_000))
    usage = usage_of(anthropic(cache_creation_input_tokens=100, cache_read_input_tokens=1000))
    assert actual(configuration(own), *CLAUDE, usage).micros == 1110 * 2
    assert worst_case(configuration(own), *CLAUDE, usage).micros == 1110 * 2


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"cache_write_tokens": 2000},
        {"cache_write_tokens": 2000, "cache_write_1h_tokens": 2000},
        {"cache_read_tokens": 2000},
        {"input_audio_tokens": 2000, "output_audio_tokens": 500},
        {"cache_write_tokens": 900, "cache_read_tokens": 1100, "input_audio_tokens": 1500},
    ],
)
@pytest.mark.parametrize("scale", [1, 150])
def test_no_usage_of_any_listed_model_costs_more_than_its_worst_case(parts: dict[str, int], scale: int) -> None:
    listed = 0
    parts = {name: tokens * scale for name, tokens in parts.items()}
    for provider in data_snapshot.get_snapshot().providers:
        for model in provider.models:
            price = public_price(ModelName(f"{provider.id}/{model.id}"))
            if price is not None:
                listed += 1
                assert price.of(2000 * scale, 500 * scale, **parts) <= price.at_most(2000 * scale, 500 * scale), model
    assert listed > 1000


@pytest.mark.parametrize(
    "model", ["openai/whisper-1", "groq/whisper-large-v3", "openai/text-embedding-3-small", "nowhere/secret-1"]
)
def test_what_has_no_price_of_tokens_is_not_free(model: str) -> None:
    provider, _, name = model.partition("/")
    assert worst_case(NO_TABLE, provider, name, Usage(1000, 1)).micros is None
    assert actual(NO_TABLE, provider, name, Usage(1000, 1)).micros is None


def test_a_price_by_the_request_counts_as_well() -> None:
    assert worst_case(NO_TABLE, "perplexity", "sonar", Usage(0, 1)).micros == 12_001


def test_the_list_is_loaded_once_and_not_by_whoever_serves_others_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []
    is_ready = threading.Event()

    def load() -> None:
        loaded.append(threading.current_thread().name)
        is_ready.set()

    monkeypatch.setattr(metering, "READY", is_ready)
    monkeypatch.setattr(metering, "make_ready", load)

    async def ask_twice() -> str:
        await prices_at_hand()
        await prices_at_hand()
        return threading.current_thread().name

    served_by = asyncio.run(ask_twice())
    assert len(loaded) == 1
    assert loaded[0] != served_by


def test_a_list_that_is_loaded_says_so() -> None:
    make_ready()
    assert READY.is_set()
