"""Model calls: the worst case is set aside before, what the response says it used is what counts after."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import remit
from remit.domain.facts import ScopeKind
from remit.domain.finding import Code
from remit.domain.record import RecordKind
from tests.served import DOORS, reached
from tests.worlds import MODEL, VISITOR, World, agent, budget, documents, world, yaml

UNPRICED = "nowhere/secret-1"
PUBLIC = "openai/gpt-4o-mini"
MODELS = [MODEL, UNPRICED, PUBLIC]

CHANGES: dict[str, str | None] = {
    "agents/buyer.yaml": agent(models=MODELS),
    "budgets.yaml": documents(budget("money", "agent", "day", usd=0.001), budget("words", "agent", "day", tokens=900)),
}


@pytest.fixture(params=DOORS)
def it(tmp_path: Path, request: pytest.FixtureRequest) -> Any:
    with world(tmp_path, CHANGES) as opened, reached(opened, request.param):
        yield opened


@pytest.fixture
def run(it: World) -> Any:
    with it.client.run("buyer", on_behalf_of=VISITOR) as started:
        yield started


def never() -> None:
    pytest.fail("a model call that was not admitted was made")


def spent(it: World, name: str = "money") -> tuple[int, int]:
    spend = it.scope(ScopeKind.AGENT, "buyer").spends[name]  # type: ignore[index]
    return spend.spent, spend.reserved


def openai_form(asked: int, said: int) -> dict[str, Any]:
    return {"usage": {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}}


def anthropic_form(asked: int, said: int) -> dict[str, Any]:
    return {"usage": {"input_tokens": asked, "output_tokens": said}}


def object_form(asked: int, said: int) -> SimpleNamespace:
    return SimpleNamespace(usage=SimpleNamespace(input_tokens=asked, output_tokens=said))


@pytest.mark.parametrize("form", [openai_form, anthropic_form, object_form])
def test_what_the_response_used_is_settled(it: World, run: remit.ActiveRun, form: Any) -> None:
    during: list[Any] = []

    def ask() -> Any:
        during.extend([spent(it), spent(it, "words")])
        return form(4, 10)

    assert run.model(MODEL, "hello", max_output_tokens=50, using=ask).__class__ is form(4, 10).__class__
    assert during == [(0, 21 * 1 + 50 * 2), (0, 71)], "the bound of the prompt and the limit, at the operator's price"
    assert (spent(it), spent(it, "words")) == ((4 * 1 + 10 * 2, 0), (14, 0))


def test_an_async_model_call_is_settled_likewise(it: World) -> None:
    async def ask() -> dict[str, Any]:
        return openai_form(1, 1)

    async def work() -> None:
        async with it.client.run("buyer", on_behalf_of=VISITOR) as run:
            await run.amodel(MODEL, [{"role": "user", "content": "hi"}], max_output_tokens=9, using=ask)

    asyncio.run(work())
    assert spent(it) == (3, 0)


@pytest.mark.parametrize(
    "response",
    [
        "just text",
        {},
        {"usage": None},
        {"usage": {"input_tokens": -1, "output_tokens": 1}},
        {"usage": {"input_tokens": 1}},
        {"usage": {"input_tokens": True, "output_tokens": 1}},
        {"usage": {"input_tokens": 10**30, "output_tokens": 1}},
    ],
)
def test_a_response_that_does_not_say_has_used_everything_set_aside(
    it: World, run: remit.ActiveRun, response: Any
) -> None:
    run.model(MODEL, "hello", max_output_tokens=50, using=lambda: response)
    assert spent(it) == (121, 0)


def test_a_model_that_used_more_than_was_set_aside_is_counted_in_full(it: World, run: remit.ActiveRun) -> None:
    run.model(MODEL, "hello", max_output_tokens=10, using=lambda: openai_form(5, 300))
    assert spent(it) == (605, 0)
    assert it.records(RecordKind.OUTCOME_REPORTED)[0]["overrun"] is True


def test_a_model_without_a_price_is_denied_under_a_money_budget(run: remit.ActiveRun) -> None:
    with pytest.raises(remit.Denied, match="no price is known for nowhere/secret-1, and a money budget applies"):
        run.model(UNPRICED, "hello", max_output_tokens=1, using=never)


def test_a_model_without_a_price_is_let_through_where_no_money_is_counted(tmp_path: Path) -> None:
    changes = {**CHANGES, "budgets.yaml": budget("words", "agent", "day", tokens=900)}
    with world(tmp_path, changes) as it, it.client.run("buyer", on_behalf_of=VISITOR) as run:
        assert run.model(UNPRICED, "hello", max_output_tokens=5, using=lambda: openai_form(1, 1))
        (record,) = it.records(RecordKind.DECISION_MADE)
        assert record["cost"] == {"micros": None, "tokens": 26, "calls": 1}
        assert spent(it, "words") == (2, 0)


def test_a_public_price_is_known_without_a_network(it: World, run: remit.ActiveRun) -> None:
    run.model(PUBLIC, "hello", max_output_tokens=10, using=lambda: openai_form(5, 10))
    (record,) = it.records(RecordKind.DECISION_MADE)
    assert 0 < record["cost"]["micros"] < 100


def test_the_operators_price_counts_for_a_public_model_too(tmp_path: Path) -> None:
    settings = yaml("Workspace", name="tiny", prices=[{"model": PUBLIC, "input": 7, "output": 11}])
    with (
        world(tmp_path, {**CHANGES, "workspace.yaml": settings}) as it,
        it.client.run("buyer", on_behalf_of=VISITOR) as run,
    ):
        run.model(PUBLIC, "hello", max_output_tokens=10, using=lambda: openai_form(2, 3))
        assert it.records(RecordKind.DECISION_MADE)[0]["cost"]["micros"] == 21 * 7 + 10 * 11
        assert spent(it) == (2 * 7 + 3 * 11, 0)


def test_a_fraction_of_a_micro_dollar_is_rounded_up(tmp_path: Path) -> None:
    settings = yaml("Workspace", name="tiny", prices=[{"model": MODEL, "input": 0.3, "output": 0}])
    with (
        world(tmp_path, {**CHANGES, "workspace.yaml": settings}) as it,
        it.client.run("buyer", on_behalf_of=VISITOR) as run,
    ):
        run.model(MODEL, "h", max_output_tokens=1, using=lambda: openai_form(1, 0))
        assert spent(it) == (1, 0)


def test_a_call_beyond_the_budget_is_denied_by_its_worst_case(run: remit.ActiveRun) -> None:
    with pytest.raises(remit.Denied) as caught:
        run.model(MODEL, "hello", max_output_tokens=600, using=never)
    assert {finding.code for finding in caught.value.reasons} == {Code.BUDGET_EXCEEDED}


@pytest.mark.parametrize(
    ("prompt", "size"), [("hello", 21), ("مرحبا", 26), ([{"role": "user"}] * 2, 2 * len('[{"role":"user"}]') - 1 + 32)]
)
def test_a_prompt_counts_by_its_bytes_and_messages(it: World, run: remit.ActiveRun, prompt: Any, size: int) -> None:
    run.model(MODEL, prompt, max_output_tokens=1, using=lambda: None)
    assert it.records(RecordKind.DECISION_MADE)[0]["cost"]["tokens"] == size + 1


def test_a_caller_may_know_the_prompt_better(it: World, run: remit.ActiveRun) -> None:
    run.model(MODEL, "hello", input_tokens=2, max_output_tokens=1, using=lambda: None)
    assert it.records(RecordKind.DECISION_MADE)[0]["cost"]["tokens"] == 3


@pytest.mark.parametrize(
    ("asked", "most"),
    [(-5, 1), (1, -5), (2**63, 1), (1, 10**30), (1, 0), (1, True), (1, 2.5), (100_000_001, 1), (1, 100_000_001)],
)
def test_impossible_numbers_of_tokens_are_refused(it: World, run: remit.ActiveRun, asked: int, most: int) -> None:
    with pytest.raises(remit.BadArguments, match="tokens"):
        run.model(MODEL, "hello", input_tokens=asked, max_output_tokens=most, using=never)
    assert it.records(RecordKind.DECISION_MADE) == []


@pytest.mark.parametrize("model", ["openai/whisper-1", "openai/text-embedding-3-small"])
def test_a_model_that_is_listed_without_a_price_of_tokens_is_denied(tmp_path: Path, model: str) -> None:
    changes = {**CHANGES, "agents/buyer.yaml": agent(models=[model])}
    with (
        world(tmp_path, changes) as it,
        it.client.run("buyer", on_behalf_of=VISITOR) as run,
        pytest.raises(remit.Denied, match=f"no price is known for {model}"),
    ):
        run.model(model, "hello", max_output_tokens=1, using=never)


def test_what_anthropic_keeps_in_a_cache_is_settled(tmp_path: Path) -> None:
    claude = "anthropic/claude-sonnet-4-5"
    budgets = documents(budget("money", "agent", "day", usd=5), budget("words", "agent", "day", tokens=90_000))
    answer: dict[str, Any] = {"input_tokens": 5, "output_tokens": 10, "cache_read_input_tokens": 1000}
    answer |= {"cache_creation_input_tokens": 2000, "cache_creation": {"ephemeral_1h_input_tokens": 2000}}
    with (
        world(tmp_path, {"agents/buyer.yaml": agent(models=[claude]), "budgets.yaml": budgets}) as it,
        it.client.run("buyer", on_behalf_of=VISITOR) as run,
    ):
        run.model(claude, "hello", input_tokens=3005, max_output_tokens=10, using=lambda: {"usage": answer})
        assert it.records(RecordKind.DECISION_MADE)[0]["cost"]["micros"] == 3005 * 6 + 10 * 15, (
            "the dearest that may be"
        )
        assert spent(it) == (5 * 3 + 1000 * 0.3 + 2000 * 6 + 10 * 15, 0)
        assert spent(it, "words") == (3015, 0)
        assert it.records(RecordKind.OUTCOME_REPORTED)[0]["overrun"] is False


def test_a_model_that_is_not_granted_is_denied(run: remit.ActiveRun) -> None:
    with pytest.raises(remit.Denied, match="model openai/gpt-5 is not in the remit of buyer"):
        run.model("openai/gpt-5", "hello", max_output_tokens=1, using=never)


def test_a_model_that_fails_has_cost_what_was_set_aside(it: World, run: remit.ActiveRun) -> None:
    def fail() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        run.model(MODEL, "hello", max_output_tokens=50, using=fail)
    assert spent(it) == (121, 0)
    assert it.records(RecordKind.OUTCOME_REPORTED)[0]["error"] == "TimeoutError"
