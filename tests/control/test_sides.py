"""Nobody answers for what they have started, whomever for, nor for an agent of theirs above the one that asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from remit.compose import notifier
from remit.domain.clock import MICROS_PER_SECOND, Instant
from remit.domain.identity import Role
from remit.domain.ids import RunId, UserId
from remit.domain.record import RecordKind
from remit.storage.outbox import outbox_of
from remit.workspace.files import Folder
from tests.api.office import PREFIX, Office, Shows
from tests.workflows.shop import agent, shop_files, workflow
from tests.workflows.test_ends import undone
from tests.workflows.test_steps import ASK, pending, records, step
from tests.workflows.till import WORKSPACE, Till, till
from tests.worlds import LINA, OWNER, SARA, documents, yaml

NORA = "user:nora"
PEOPLE = documents(
    *(yaml("Person", id=id) for id in (OWNER, SARA, LINA, NORA)),
    yaml("Group", name="finance", members=[OWNER, SARA, LINA, NORA]),
)
HOLDS_UNDOING = '@id("asks") @hold("finance") forbid(principal, action == Action::"till.cancel", resource);'


def clerk(name: str, owner: str, **remit: Any) -> str:
    """An agent whose owner is somebody else than that of the others."""
    return agent(name, **remit).replace(OWNER, owner)


FLOW = workflow(ASK, step("a"))
INNER = workflow(ASK, step("a"), name="inner", agent="scout")
OUTER = workflow({"id": "sub", "workflow": {"name": "inner", "inputs": {"n": "${inputs.n}"}}}, name="outer")


@dataclass
class Desk:
    """People who ask for runs, and who answer what they ask."""

    till: Till
    office: Office

    def person(self, id: str) -> Shows:
        if self.office.world.store.account(WORKSPACE, UserId(id)) is None:
            self.office.people.add(WORKSPACE, UserId(id), [Role.OPERATOR, Role.APPROVER], "user:test")
        made = self.office.credentials.make_person_token(WORKSPACE, UserId(id), "user:test", "", 3_600)
        return self.office._bearer(id, made.secret)

    def post(self, path: str, who: str, body: Any = None) -> Any:
        answer = self.office.ask("POST", f"{PREFIX}{path}", self.person(who), body or {})
        assert answer.status_code < 300, answer.text
        self.till.carry_out()
        return answer.json()

    def start(self, name: str, who: str, on_behalf_of: str = "user:visitor") -> RunId:
        asked = self.post(f"/workflows/{name}/runs", who, {"inputs": {"n": 5}, "on_behalf_of": on_behalf_of})
        return RunId(asked["run"])

    def own_side(self, who: str) -> Any:
        """Why the page tells this person that they may not answer."""
        (asked,) = pending(self.till)
        return self.office.ask("GET", f"{PREFIX}/approvals/{asked.id}/detail", self.person(who)).json()["own_side"]

    def approve(self, who: str) -> str:
        """What becomes of the one approval that waits; or why this person may not answer it."""
        (asked,) = pending(self.till)
        body = {"digest": asked.digest}
        answer = self.office.ask("POST", f"{PREFIX}/approvals/{asked.id}/approve", self.person(who), body)
        if answer.status_code != 200:
            assert answer.json()["code"] == "answer_refused"
            return str(answer.json()["detail"])
        self.till.carry_out()
        return str(answer.json()["state"])


@contextmanager
def desk(folder: Path, *flows: str, changes: Mapping[str, str] | None = None) -> Iterator[Desk]:
    with pytest.MonkeyPatch.context() as patch:
        for module in ("tests.api.office", "tests.worlds"):
            patch.setattr(f"{module}.WORKSPACE", WORKSPACE)
        with till(folder, *flows, changes={"people.yaml": PEOPLE, **(changes or {})}) as opened:
            yield Desk(opened, Office(opened.world))


def started(person: str, run: str) -> str:
    return f"{person} has started run {run}: nobody approves what they have started themselves"


def test_who_started_a_run_for_somebody_else_may_not_answer_what_it_asks(tmp_path: Path) -> None:
    with desk(tmp_path, FLOW) as it:
        run = it.start("flow", SARA)
        assert it.approve(SARA) == started(SARA, run)
        assert (it.own_side(SARA), it.own_side(NORA)) == ({"part": "started", "name": run}, None)
        assert it.till.tools.names() == []
        assert it.approve(NORA) == "approved"
        assert it.till.tools.names() == ["order(5)"]
        (record,) = [each for each in records(it.till) if each["kind"] == RecordKind.RUN_STARTED.value]
        assert (record["started_by"], record["on_behalf_of"], record["follows"]) == (SARA, "user:visitor", None)


def test_who_started_it_may_not_answer_in_the_place_of_a_colleague_either(tmp_path: Path) -> None:
    with desk(tmp_path, FLOW) as it:
        world, nora = it.office.world, UserId(NORA)
        now = world.clock.now()
        world.delegations.make(WORKSPACE, nora, nora, UserId(SARA), now, Instant(now + 3_600 * MICROS_PER_SECOND))
        run = it.start("flow", SARA)
        assert it.approve(SARA) == started(SARA, run)


def test_neither_who_started_a_run_nor_who_did_it_again_may_answer(tmp_path: Path) -> None:
    with desk(tmp_path, FLOW) as it:
        first = it.start("flow", SARA)
        it.post(f"/workflow-runs/{first}/cancel", LINA)
        again = it.post(f"/workflow-runs/{first}/retry", LINA)["run"]
        assert it.approve(LINA) == started(LINA, again)
        assert it.approve(SARA) == started(SARA, first)
        assert it.approve(NORA) == "approved"
        (_, record) = [each for each in records(it.till) if each["kind"] == RecordKind.RUN_STARTED.value]
        assert (record["run"], record["started_by"], record["follows"]) == (again, LINA, first)


def test_who_moved_a_run_to_another_release_may_not_answer_nor_who_started_it(tmp_path: Path) -> None:
    with desk(tmp_path, FLOW) as it:
        first = it.start("flow", SARA)
        files = shop_files(tmp_path, [workflow(ASK, step("a"), timeout="9h")], {"people.yaml": PEOPLE})
        plan = it.office.world.releases.plan(Folder(WORKSPACE, files, ()), OWNER, "changed", "production")
        it.office.world.releases.apply(plan, "production")
        it.post(f"/workflow-runs/{first}/move", LINA)
        (asked,) = pending(it.till)
        assert asked.run != first
        assert it.approve(LINA) == started(LINA, asked.run)
        assert it.approve(SARA) == started(SARA, first)
        assert it.approve(NORA) == "approved"


def test_who_had_a_run_undone_may_not_answer_what_undoing_asks_nor_who_started_it(tmp_path: Path) -> None:
    flow = workflow(undone("a", 1), {"id": "nap", "wait": {"event": "never"}})
    with desk(tmp_path, flow, changes={"policies/asks.cedar": HOLDS_UNDOING}) as it:
        first = it.start("flow", SARA)
        it.till.carry_out()
        it.post(f"/workflow-runs/{first}/cancel", LINA, {"reason": "as user:nora: wanted"})
        undo = it.till.run(first).undo_run
        assert it.approve(LINA) == started(LINA, undo)
        assert it.approve(SARA) == started(SARA, first)
        assert it.approve(NORA) == "approved"


def test_who_ended_the_run_above_may_not_answer_what_undoing_asks_below(tmp_path: Path) -> None:
    below = workflow(undone("a", 1), {"id": "nap", "wait": {"event": "never"}}, name="inner")
    with desk(tmp_path, below, OUTER, changes={"policies/asks.cedar": HOLDS_UNDOING}) as it:
        above = it.start("outer", SARA)
        it.till.carry_out()
        it.post(f"/workflow-runs/{above}/cancel", LINA)
        (asked,) = pending(it.till)
        assert it.approve(LINA) == started(LINA, asked.run)
        assert it.approve(SARA) == started(SARA, above)
        assert it.approve(NORA) == "approved"


HANDED = {"agents/clerk.yaml": clerk("clerk", SARA, agents=["scout"]), "agents/scout.yaml": clerk("scout", LINA)}


def test_the_owner_of_an_agent_above_may_not_answer_what_the_one_below_asks(tmp_path: Path) -> None:
    with desk(tmp_path, INNER, OUTER, changes=HANDED) as it:
        run = it.start("outer", OWNER)
        assert it.approve(SARA) == (
            f"{SARA} owns clerk, which has handed work to scout: nobody approves for an agent of their own"
        )
        assert it.approve(LINA) == f"{LINA} owns scout: nobody approves for an agent of their own"
        assert it.own_side(SARA) == {"part": "owns", "name": "clerk"}
        assert it.approve(OWNER) == started(OWNER, run), "nor who started the run above"
        assert it.approve(NORA) == "approved"
        assert it.till.tools.names() == ["order(5)"]


def test_nor_where_the_run_below_is_done_again_by_itself(tmp_path: Path) -> None:
    with desk(tmp_path, INNER, OUTER, changes=HANDED) as it:
        above = it.start("outer", OWNER)
        (asked,) = pending(it.till)
        it.post(f"/workflow-runs/{above}/cancel", OWNER)
        again = it.post(f"/workflow-runs/{asked.run}/retry", NORA)["run"]
        assert it.till.world.store.run(RunId(again)).ancestors == ()
        assert "owns clerk, which has handed work to scout" in it.approve(SARA)
        assert it.approve(OWNER) == started(OWNER, above)
        assert it.approve(NORA) == started(NORA, again)


def test_the_side_is_told_to_nobody_of_it_and_to_the_others(tmp_path: Path) -> None:
    people = documents(
        *(yaml("Person", id=id, notify=[f"env:{id[5:].upper()}"]) for id in (OWNER, SARA, LINA, NORA)),
        yaml("Group", name="finance", members=[OWNER, SARA, LINA, NORA]),
    )
    with desk(tmp_path, INNER, OUTER, changes={**HANDED, "people.yaml": people}) as it:
        it.start("outer", OWNER)
        told = notifier(it.office.world.parts)
        told.fill()
        (asked,) = pending(it.till)
        found = outbox_of(it.office.world.store).listed(WORKSPACE, None, 100)
        assert [(each.approval, each.recipient) for each in found] == [(asked.id, NORA)]
