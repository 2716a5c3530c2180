"""Prompts: a bound that is one, or a refusal; and an approval that holds for one prompt."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

import remit
from remit.domain.payload import ARGUMENTS
from remit.domain.prompt import PROMPT, PROMPT_SHA256, PROMPT_UNREAD
from remit.domain.prompt_size import MESSAGE_TOKENS, Prompt
from remit.domain.record import RecordKind
from remit.execution.replay import Agreement
from remit.sdk.prompt import fields_of
from tests.served import DOORS, reached, served
from tests.worlds import MODEL, SARA, VISITOR, WORKSPACE, World, agent, budget, reopened, world

HOLD = '@id("ask") @hold("finance") forbid (principal, action == Action::"model.call", resource);'
CHANGES: dict[str, str | None] = {
    "agents/buyer.yaml": agent(models=[MODEL]),
    "budgets.yaml": budget("words", "agent", "day", tokens=90_000_000),
    "policies/model.cedar": HOLD,
}


class Message:
    """An object of a client library."""

    def __init__(self, content: Any) -> None:
        self.content = content

    def __repr__(self) -> str:
        return "M"

    def model_dump(self, mode: str) -> dict[str, Any]:
        return {"role": "user", "content": self.content, "mode": mode}


class Opaque:
    """Something whose words say nothing of its size."""

    def __init__(self) -> None:
        self.text = "x" * 10_000

    def __str__(self) -> str:
        return "x"


class Failing:
    def model_dump(self, mode: str) -> Any:
        raise RuntimeError(mode)


def chunks() -> Iterator[str]:
    pytest.fail("a prompt was consumed")
    yield "x"


IMAGE = {"type": "image_url", "image_url": {"url": "https://example.org/cat.png"}}


@pytest.mark.parametrize(
    ("prompt", "place"),
    [
        (None, "prompt"),
        (b"bytes", "prompt"),
        (chunks(), "prompt"),
        ({"a", "b"}, "prompt"),
        (Opaque(), "prompt"),
        (str, "prompt"),
        (Failing(), "prompt"),
        ([{"role": "user", "content": Opaque()}], "prompt.0.content"),
        ([{"role": "user", "content": chunks()}], "prompt.0.content"),
        ({1: "a"}, "prompt"),
        ("\ud800", "prompt"),
        ([float("nan")], "prompt.0"),
        ([2**64], "prompt.0"),
        ([{"role": "user", "content": [{"type": "text", "text": "what?"}, IMAGE]}], "prompt.0.content.1"),
        ([{"role": "user", "content": [{"type": "hologram", "url": "x"}]}], "prompt.0.content.0"),
        ([{"role": "user", "parts": [{"inline_data": {"data": "AAAA"}}]}], "prompt.0.parts.0"),
        ([{"type": "input_file", "file_id": "f1"}], "prompt.0"),
        ([{"role": "assistant", "audio": {"id": "a1"}}], "prompt.0"),
        (
            [{"role": "user", "content": [{"type": "tool_result", "content": [{"type": "image"}]}]}],
            "prompt.0.content.0.content.0",
        ),
        ([Message([IMAGE])], "prompt.0.content.0"),
        ({"input": "go on", "previous_response_id": "r1"}, "prompt"),
    ],
)
def test_a_prompt_whose_tokens_have_no_known_bound_is_refused(prompt: Any, place: str) -> None:
    with pytest.raises(remit.BadArguments, match="Give input_tokens=, the most that it can be") as caught:
        Prompt(prompt)
    assert (caught.value.code, caught.value.path) == ("prompt_size_unknown", place)


def test_a_prompt_of_endless_depth_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(remit.BadArguments, match="nested deeper than 64 levels"):
        Prompt(endless)


@pytest.mark.parametrize(
    ("prompt", "messages"),
    [
        ("hello", 1),
        ([{"role": "user", "content": "hello"}] * 3, 3),
        ({"messages": [{"role": "user", "content": "hello"}], "tools": [{"type": "function", "name": "image"}]}, 1),
        ({"contents": ({"role": "user", "parts": [{"text": "hello"}]},)}, 1),
        ([Message("x" * 500), {"role": "assistant", "content": [Message("y" * 300)], "audio": None}], 3),
        ({"tools": [{"parameters": {"type": "object", "properties": {"file": {"type": "string"}}}}]}, 1),
        ([{"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "n", "input": {"x": 1.5}}]}], 1),
    ],
)
def test_text_counts_by_its_bytes_and_each_message_by_what_a_template_adds(prompt: Any, messages: int) -> None:
    read = Prompt(prompt)
    written = read.value.encode() if isinstance(read.value, str) else orjson.dumps(read.value)
    assert read.most_tokens == len(written) + messages * MESSAGE_TOKENS


def test_the_text_of_objects_is_counted_not_what_they_say_of_themselves() -> None:
    assert Prompt([Message("x" * 10_000)]).most_tokens > 10_000


def test_what_a_caller_knows_better_is_bound_where_it_can_be_written() -> None:
    assert fields_of([IMAGE]) == {PROMPT: [IMAGE]}
    assert fields_of("hello") == {PROMPT: "hello"}
    for unread in (None, b"bytes", Opaque(), chunks(), Failing()):
        (first, second) = (fields_of(unread), fields_of(unread))
        assert [*first] == [*second] == [PROMPT_UNREAD]
        assert first != second


@pytest.fixture(params=DOORS)
def it(tmp_path: Path, request: pytest.FixtureRequest) -> Any:
    with world(tmp_path, CHANGES) as opened, reached(opened, request.param):
        yield opened


def held(run: remit.ActiveRun, prompt: Any, **more: Any) -> Any:
    with pytest.raises(remit.Held) as caught:
        run.model(MODEL, prompt, max_output_tokens=5, using=lambda: pytest.fail("it was called"), **more)
    return caught.value.approval


def approve(it: World, id: Any) -> dict[str, Any]:
    approval = it.store.approval(id)
    it.approvals.answer(id, SARA, approval.digest, approve=True)
    payload = it.store.payload(approval.action, ARGUMENTS)
    shown: dict[str, Any] = orjson.loads(it.parts.keys.of(payload.key).open(payload))
    return shown


def test_an_approval_holds_for_one_prompt(it: World) -> None:
    with it.client.run("buyer", on_behalf_of=VISITOR) as run:
        shown = approve(it, held(run, "pay 100"))
        assert shown[PROMPT] == "pay 100"
        held(run, "pay 999")  # as long
        held(run, [{"role": "user", "content": "pay 100"}])
        assert run.model(MODEL, "pay 100", max_output_tokens=5, using=lambda: "done") == "done"


def test_an_approval_holds_for_a_prompt_too_large_to_keep(it: World) -> None:
    large = "a" * 1_100_000
    with it.client.run("buyer", on_behalf_of=VISITOR) as run:
        shown = approve(it, held(run, large))
        assert len(shown[PROMPT_SHA256]) == 64
        held(run, large[:-1] + "b")
        assert run.model(MODEL, large, max_output_tokens=5, using=lambda: "done") == "done"


def test_an_approval_of_a_prompt_nobody_could_read_is_good_for_no_other_call(it: World) -> None:
    with it.client.run("buyer", on_behalf_of=VISITOR) as run:
        approve(it, held(run, Opaque(), input_tokens=10))
        held(run, Opaque(), input_tokens=10)


def test_policies_see_what_they_saw_and_a_replay_agrees(it: World) -> None:
    with it.client.run("buyer", on_behalf_of=VISITOR) as run:
        approve(it, held(run, "hello"))
        run.model(MODEL, "hello", max_output_tokens=5, using=lambda: None)
    digests = {record["arguments_digest"] for record in it.records(RecordKind.DECISION_MADE)}
    assert len(digests) == 1
    with reopened(it.path) as other:
        assert [one.agreement for one in other.replay.all(WORKSPACE)] == [Agreement.SAME] * 2


def test_a_prompt_is_told_over_http_in_one_way(tmp_path: Path) -> None:
    with world(tmp_path, CHANGES) as it, served(it) as server:
        run = server.ask("POST", "/api/v1/runs", {"on_behalf_of": VISITOR}, key=server.key()).document["run"]
        asked = {"kind": "model", "target": MODEL, "input_tokens": 1, "max_output_tokens": 1, "prompt": "a"}
        path = f"/api/v1/runs/{run}/actions"
        twice = server.ask("POST", path, {**asked, "prompt_sha256": "0" * 64}, key=server.key())
        assert (twice.status, twice.document["code"]) == (422, "field_unfit")
        assert server.ask("POST", path, asked, key=server.key()).status == 200


def test_parts_of_a_usage_are_told_over_http_and_must_add_up(tmp_path: Path) -> None:
    changes = {**CHANGES, "policies/model.cedar": None}
    with world(tmp_path, changes) as it, served(it) as server:
        run = server.ask("POST", "/api/v1/runs", {"on_behalf_of": VISITOR}, key=server.key()).document["run"]
        asked = {"kind": "model", "target": MODEL, "input_tokens": 10, "max_output_tokens": 1}
        path = f"/api/v1/runs/{run}/actions"
        action = server.ask("POST", path, asked, key=server.key()).document["action"]
        usage = {"input_tokens": 5, "output_tokens": 1, "cache_read_tokens": 6}
        outcome = {"status": "ok", "usage": usage, "result_text": ""}
        refused = server.ask("POST", f"{path}/{action}/outcome", outcome, key=server.key())
        assert (refused.status, refused.document["field"]) == (422, "usage")
        outcome["usage"] = {**usage, "cache_read_tokens": 5}
        assert server.ask("POST", f"{path}/{action}/outcome", outcome, key=server.key()).status == 200
