"""Steps that ask a model: admitted, priced, on record, and not asked again where the answer is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from remit.execution.workflows.ports import CallFailed
from tests.workflows.played_models import PlayedModels, says
from tests.workflows.shop import WORKSPACE, agent, workflow
from tests.workflows.till import Died, Fragile, till
from tests.worlds import MODEL, yaml

PRICED = {
    "workspace.yaml": yaml(
        "Workspace", name=WORKSPACE, timezone="Asia/Dubai", prices=[{"model": MODEL, "input": 1, "output": 2}]
    ),
    "agents/clerk.yaml": agent(models=[MODEL]),
    "prompts/letter.md": """---
kind: Prompt
name: letter
variables: {n: {type: integer}}
---
## User

Write {{n}} words.
""",
}


def asks(attempts: int = 1, **fields: Any) -> str:
    said = {"messages": [{"role": "user", "content": "Say ${inputs.n}"}]}
    retry = {"retry": {"attempts": attempts}} if attempts > 1 else {}
    step = {"id": "ask", "model": {"name": MODEL, **(fields or said)}, **retry}
    return workflow(step, outputs={"text": "${steps.ask.text}", "tokens": "${steps.ask.output_tokens}"})


def test_a_model_is_asked_once_and_its_answer_is_what_the_step_came_to(tmp_path: Path) -> None:
    with till(tmp_path, asks(), changes=PRICED) as it:
        it.models = played = PlayedModels([says("Seven.")])
        run = it.start(n=7)
        it.carry_out()
        assert it.output(run) == {"text": "Seven.", "tokens": 20}, it.run(run).error
        assert [each["messages"] for each in played.asked] == [[{"role": "user", "content": "Say 7"}]]
        assert it.run(run).spent == 80 * 1 + 20 * 2


def test_what_a_run_has_spent_stands_in_its_row_while_it_waits(tmp_path: Path) -> None:
    ask = {"id": "ask", "model": {"name": MODEL, "messages": [{"role": "user", "content": "Say"}]}}
    with till(tmp_path, workflow(ask, {"id": "w", "wait": {"event": "go"}}), changes=PRICED) as it:
        it.models = PlayedModels([says("Seven.")])
        run = it.start()
        it.carry_out()
        assert (it.state(run), it.run(run).spent) == ("waiting", 120)


def test_a_prompt_of_the_release_is_filled_in(tmp_path: Path) -> None:
    flow = asks(prompt="letter", variables={"n": "${inputs.n}"})
    with till(tmp_path, flow, changes=PRICED) as it:
        it.models = played = PlayedModels([says("So.")])
        run, wrong = it.start(n=3), it.start()
        it.carry_out()
        assert it.output(run)["text"] == "So."
        assert played.asked[0]["messages"] == [{"role": "user", "content": "Write 3 words."}]
        assert it.state(wrong) == "failed"


@pytest.mark.parametrize("deadly", [1, 2, 3, 4, 5, 6, 7, 8])
def test_a_worker_that_dies_meanwhile_leaves_the_same_end_and_no_second_bill(tmp_path: Path, deadly: int) -> None:
    with till(tmp_path, asks(), changes=PRICED) as it:
        it.models = played = PlayedModels([says("Seven.")])
        played.point = it.tools.point
        run = it.start(n=7)
        it.tools.deadly = deadly
        try:
            it.carry_out(it.segments(Fragile(it.journal, it.tools)))
        except Died:
            it.tools.deadly = -1
            it.carry_out()
        assert it.output(run) == {"text": "Seven.", "tokens": 20}
        assert it.run(run).spent == 120
        assert len(played.asked) <= 2


@pytest.mark.parametrize(("sent", "spent"), [(False, 120), (True, 120 + 200)], ids=["not sent", "timed out"])
def test_a_call_that_brought_no_answer_counts_as_reserved_if_it_was_sent_and_else_as_nothing(
    tmp_path: Path, sent: bool, spent: int
) -> None:
    with till(tmp_path, asks(attempts=2), changes=PRICED) as it:
        it.models = played = PlayedModels([says("Seven.")])
        played.failing = [CallFailed("timed_out", "nobody answered", sent=sent)]
        run = it.start(n=7)
        it.carry_out()
        for _ in range(3):
            it.pass_time(60)
        assert it.output(run)["text"] == "Seven.", it.run(run).error
        assert it.run(run).spent == spent
