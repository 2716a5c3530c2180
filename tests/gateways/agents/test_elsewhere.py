"""Agents elsewhere, as they are met: a process of its own that speaks plain HTTP, and A2A by the official SDK."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from remit.asgi.outbound import Outbound
from remit.control.tokens import RunTokens
from remit.domain.ids import CredentialId, RunId
from remit.domain.record import RecordKind
from remit.domain.run import Run
from remit.execution.workflows.kinds.handing import Works
from remit.gateways.agents.away import Away
from remit.gateways.agents.http import HttpAgents
from remit.storage.sealed import KeyFile, Keyring
from remit.storage.vault import MachineVault
from tests.served import served
from tests.workflows.shop import agent, workflow
from tests.workflows.till import WORKSPACE, Till, till

SCRIPT = Path(__file__).with_name("elsewhere.py")
PATIENCE_S = 30
pytestmark = pytest.mark.slow


@dataclass
class Elsewhere:
    """The process, and what it has noted."""

    port: int
    noted: Path

    def notes(self, what: str = "") -> list[dict[str, Any]]:
        lines = self.noted.read_text().splitlines() if self.noted.exists() else []
        return [each for each in map(json.loads, lines) if what in ("", each["what"])]


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    noted = tmp_path_factory.mktemp("elsewhere") / "noted"
    child = subprocess.Popen([sys.executable, str(SCRIPT), str(noted)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    try:
        yield Elsewhere(int(child.stdout.readline()), noted)
    finally:
        child.terminate()
        child.wait(PATIENCE_S)
        child.stdout.close()


@pytest.fixture
def elsewhere(process: Elsewhere) -> Elsewhere:
    process.noted.unlink(missing_ok=True)
    return process


def scout(elsewhere: Elsewhere, kind: str, **endpoint: Any) -> dict[str, str]:
    """A workspace with an agent at that process."""
    made = agent("scout", tools=["till.get"])
    document = json.loads(made)
    url = f"http://127.0.0.1:{elsewhere.port}/{kind}"
    document["endpoint"] = {"kind": kind, "url": url, "private": True, **endpoint}
    return {"agents/clerk.yaml": agent(agents=["scout"]), "agents/scout.yaml": json.dumps(document)}


@contextmanager
def working(folder: Path, flow: str, changes: dict[str, str]) -> Iterator[Till]:
    from remit.gateways.agents.a2a import A2aAgents

    with till(folder, flow, changes=changes) as it:
        parts = it.world.parts
        assert parts.settings.key_path is not None
        tokens = RunTokens(parts.store, Keyring(KeyFile(parts.settings.key_path)), parts.clock, parts.ids)

        def token_of(run: Run) -> str:
            assert run.parent is not None
            issued: str = tokens.issue(run.workspace, run.agent, run.id, CredentialId(run.parent), 600)[0]
            return issued

        outbound = Outbound()
        away = Away(outbound, MachineVault({"SCOUT_KEY": "known-here"}))
        works: dict[str, Works] = {"http": HttpAgents(away, token_of), "a2a": A2aAgents(away, token_of, parts.keys)}
        it.works = works
        try:
            yield it
        finally:
            it.loop.run_until_complete(outbound.close())


def asks(task: str, **step: Any) -> str:
    work = {"name": "scout", "task": task, **step.pop("agent", {})}
    return workflow({"id": "look", "agent": work, **step}, outputs={"said": "${steps.look}"})


def until(it: Till, run: RunId, holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end, (it.run(run), it.steps(run))
        time.sleep(0.1)
        it.pass_time(3)


def over(it: Till, run: RunId) -> Callable[[], bool]:
    return lambda: it.run(run).is_over


@pytest.mark.parametrize("kind", ["http", "a2a"])
def test_work_is_done_elsewhere(tmp_path: Path, elsewhere: Elsewhere, kind: str) -> None:
    changes = scout(elsewhere, kind, credential="env:SCOUT_KEY")
    with working(tmp_path, asks("quick"), changes) as it:
        run = it.start(n=1)
        until(it, run, over(it, run))
        assert it.output(run) == {"said": "did: quick"}, it.run(run).error
        assert len(elsewhere.notes("begin" if kind == "http" else "execute")) == 1
        if kind == "http":
            assert elsewhere.notes("begin")[0]["key"] == "Bearer known-here"
        else:
            assert elsewhere.notes("execute")[0]["told"] == ["remit/run", "remit/token"]


@pytest.mark.parametrize(("kind", "why"), [("http", "agent.failed: quota.reached"), ("a2a", "agent.failed: the task")])
def test_work_that_fails_there_fails_the_step(tmp_path: Path, elsewhere: Elsewhere, kind: str, why: str) -> None:
    with working(tmp_path, asks("fail"), scout(elsewhere, kind)) as it:
        run = it.start(n=1)
        until(it, run, over(it, run))
        assert it.run(run).error.startswith(f"look: {why}")


@pytest.mark.parametrize("kind", ["http", "a2a"])
def test_an_answer_is_what_the_step_asks_for_or_fails_it(tmp_path: Path, elsewhere: Elsewhere, kind: str) -> None:
    schema = {"type": "object", "required": ["best"], "properties": {"best": {"type": "integer"}}}
    fits, unfit = tmp_path / "fits", tmp_path / "unfit"
    for folder, task, expected in ((fits, "data", {"said": {"best": 41}}), (unfit, "other", None)):
        folder.mkdir()
        elsewhere.noted.unlink(missing_ok=True)
        with working(folder, asks(task, agent={"output": schema}), scout(elsewhere, kind)) as it:
            run = it.start(n=1)
            until(it, run, over(it, run))
            assert it.output(run) == expected, it.run(run).error
            assert expected or "look: output_unfit" in it.run(run).error


@pytest.mark.parametrize(("kind", "told"), [("http", "drop"), ("a2a", "cancel")])
def test_who_is_not_wanted_any_more_is_told(tmp_path: Path, elsewhere: Elsewhere, kind: str, told: str) -> None:
    with working(tmp_path, asks("slow", timeout="60s"), scout(elsewhere, kind, answer_within="2s")) as it:
        run = it.start(n=1)
        it.carry_out()
        assert it.state(run) == "waiting", it.run(run)
        if kind == "http":
            it.journal.cancel(run, "cancel", "user:sara", it.world.clock.now())
            it.carry_out()
            assert it.state(run) == "cancelled"
        else:
            it.pass_time(90)
            assert "look: timed_out" in it.run(run).error
        assert len(elsewhere.notes(told)) == 1
        statuses = [
            json.loads(body)["status"]
            for _, body in it.world.store.records(WORKSPACE, 0, 100, None, RecordKind.RUN_ENDED.value)
        ]
        assert statuses == (["cancelled", "cancelled"] if kind == "http" else ["failed", "failed"])


def test_an_agent_that_is_away_for_a_while_is_asked_again_for_the_same_work(
    tmp_path: Path, elsewhere: Elsewhere
) -> None:
    with working(tmp_path, asks("flaky"), scout(elsewhere, "http")) as it:
        run = it.start(n=1)
        until(it, run, over(it, run))
        assert it.output(run) == {"said": "did: flaky"}, it.run(run).error
        begun = elsewhere.notes("begin")
        assert [each["again"] for each in begun] == [False, True]
        assert len({each["run"] for each in begun}) == 1
        assert all(each["token"] for each in elsewhere.notes("look"))


def test_an_agent_that_has_forgotten_is_told_again(tmp_path: Path, elsewhere: Elsewhere) -> None:
    with working(tmp_path, asks("forgets"), scout(elsewhere, "http")) as it:
        run = it.start(n=1)
        until(it, run, over(it, run))
        assert it.output(run) == {"said": "did: forgets"}, it.run(run).error
        assert len(elsewhere.notes("begin")) == 2


def test_an_agent_elsewhere_works_through_remit_with_the_token_of_its_run(tmp_path: Path, elsewhere: Elsewhere) -> None:
    with working(tmp_path, asks("quick"), scout(elsewhere, "http")) as it, served(it.world) as server:
        flow = workflow(
            {"id": "look", "agent": {"name": "scout", "task": f"work {server.url}"}}, outputs={"said": "${steps.look}"}
        )
        from remit.workspace.files import Folder
        from tests.workflows.shop import shop_files
        from tests.worlds import OWNER

        files = shop_files(tmp_path, [flow], scout(elsewhere, "http"))
        plan = it.world.releases.plan(Folder(WORKSPACE, files, ()), OWNER, "as planned", "production")
        it.world.releases.apply(plan, "production")
        run = it.start(n=1)
        until(it, run, over(it, run))
        assert it.output(run) == {"said": "admitted"}, it.run(run).error
        token_run = elsewhere.notes("begin")[0]["run"]
        decided = it.world.store.records(WORKSPACE, 0, 100, RunId(token_run), RecordKind.DECISION_MADE.value)
        assert [json.loads(body)["target"] for _, body in decided] == ["till.get"]


def test_what_an_a2a_agent_asks_waits_for_an_event(tmp_path: Path, elsewhere: Elsewhere) -> None:
    with working(tmp_path, asks("ask"), scout(elsewhere, "a2a")) as it:
        run = it.start(n=1)
        it.carry_out()
        until(it, run, lambda: it.steps(run)["look"].waits_for == "event:input.look")
        assert it.output(run, "look/try-1/answered") == {"asks": "Which colour?"}
        it.tell(run, "input.look", "green")
        until(it, run, over(it, run))
        assert it.output(run) == {"said": "did: green"}, it.run(run).error


def test_a_task_that_outlives_its_stream_is_asked_for(
    tmp_path: Path, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    import remit.gateways.agents.a2a as module

    monkeypatch.setattr(module, "STREAMED_S", 0.5)
    with working(tmp_path, asks("later"), scout(elsewhere, "a2a")) as it:
        run = it.start(n=1)
        it.carry_out()
        assert it.state(run) == "waiting", "no worker is held"
        until(it, run, over(it, run))
        assert it.output(run) == {"said": "did: later"}, it.run(run).error
        assert len(elsewhere.notes("execute")) == 1


@pytest.mark.parametrize("is_there", [True, False], ids=["taken", "lost"])
def test_a_task_of_which_nobody_knows_is_looked_for_and_never_sent_again(
    tmp_path: Path, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch, is_there: bool
) -> None:
    import httpx

    import remit.gateways.agents.a2a as module

    seen = module._seen
    broken: list[bool] = []

    def breaks(*args: Any) -> Any:
        if not broken:
            broken.append(True)
            raise httpx.ReadError("the line is gone")
        return seen(*args)

    async def finds_nothing(*_: Any) -> None:
        return None

    monkeypatch.setattr(module, "_seen", breaks)
    if not is_there:
        monkeypatch.setattr(module.A2aAgents, "_found", finds_nothing)
    with working(tmp_path, asks("quick"), scout(elsewhere, "a2a")) as it:
        run = it.start(n=1)
        it.carry_out()
        assert it.state(run) == "waiting"
        until(it, run, over(it, run))
        assert len(elsewhere.notes("execute")) == 1
        if is_there:
            assert it.output(run) == {"said": "did: quick"}, it.run(run).error
        else:
            assert it.run(run).error.startswith("look: agent.unknown")


def test_a_card_that_nobody_has_looked_at_is_refused(tmp_path: Path, elsewhere: Elsewhere) -> None:
    with working(tmp_path, asks("quick"), scout(elsewhere, "a2a", pin="0" * 64)) as it:
        run = it.start(n=1)
        it.carry_out()
        assert it.run(run).error.startswith("look: agent.card_changed: its card is not the one that was looked at")
        assert elsewhere.notes("execute") == []


def test_a_private_address_is_meant_only_where_it_is_written(tmp_path: Path, elsewhere: Elsewhere) -> None:
    for kind in ("http", "a2a"):
        (tmp_path / kind).mkdir()
        with working(tmp_path / kind, asks("quick"), scout(elsewhere, kind, private=False)) as it:
            run = it.start(n=1)
            for _ in range(25):
                it.pass_time(300)
            assert "agent.forbidden" in it.run(run).error
    assert elsewhere.notes() == []
