"""What runs said: read by auditors and admins only, on record before it is shown, and never what is secret."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from remit.control.erasure import Erasure
from remit.domain.action import Outcome, OutcomeStatus
from remit.domain.identity import Role
from remit.domain.record import RecordKind
from remit.domain.run import Run
from remit.storage.sealed import KeyFile, Keyring
from tests.api.office import PREFIX, Office, office
from tests.control.test_approval_detail import CHANGES, IBAN, PAY, TASK
from tests.worlds import VISITOR, WORKSPACE


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path, {**CHANGES, "agents/seller.yaml": None}) as opened:
        yield opened


def worked(it: Office) -> tuple[Run, str]:
    """A run that read an account number and asked to pay to it; returns it with the payment's action."""
    run = it.world.start("buyer", VISITOR, task=TASK, subject="customer 7")
    door = it.world.door
    read = door.attempt_tool(run, "erp.get", {"id": "order 7"})
    door.admit(read)
    door.settle(read, Outcome(read.action, OutcomeStatus.OK), json.dumps({"iban": IBAN}).encode())
    return run, str(door.admit(door.attempt_tool(run, "erp.pay", PAY)).action)


def reads(it: Office) -> list[dict[str, object]]:
    return it.world.records(RecordKind.PAYLOAD_READ)


def test_a_step_shows_what_it_was_given_with_origin_and_labels_and_that_is_on_record(it: Office) -> None:
    _, action = worked(it)
    answer = it.ask("GET", f"{PREFIX}/actions/{action}/payload", it.token(Role.AUDITOR))
    found = answer.json()
    arguments = {each["name"]: each for each in found["arguments"]}
    assert arguments["to"]["value"] == IBAN
    assert [(o["kind"], o["target"]) for o in arguments["to"]["origins"]] == [("result", "erp.get")]
    assert (arguments["pin"]["masked"], arguments["pin"]["value"]) == (True, None)
    assert PAY["pin"] not in answer.text
    assert (found["withheld"], found["text"]) == (None, None)
    (read,) = reads(it)
    assert (read["by"], read["action"], read["payloads"]) == ("user:auditor", action, [f"{action}/arguments"])


def test_a_conversation_is_the_task_and_every_turn_under_one_reading(it: Office) -> None:
    run, action = worked(it)
    first = it.ask("GET", f"{PREFIX}/runs/{run.id}/conversation?limit=1", it.token(Role.ADMIN)).json()
    assert (first["task"], first["withheld"]) == (TASK, None)
    (turn,) = first["turns"]
    assert (turn["target"], turn["verdict"], turn["labels"]) == ("erp.get", "allow", ["untrusted"])
    assert IBAN in turn["text"]
    second = it.ask("GET", f"{PREFIX}/runs/{run.id}/conversation?cursor={first['next']}", it.token(Role.ADMIN)).json()
    assert [each["action"] for each in second["turns"]] == [action]
    assert second["next"] is None
    assert [read["run_id"] for read in reads(it)] == [run.id, run.id]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.APPROVER, Role.AUTHOR])
def test_nobody_else_reads_it_and_nothing_is_on_record(it: Office, role: Role) -> None:
    run, action = worked(it)
    for path in (f"actions/{action}/payload", f"runs/{run.id}/conversation"):
        assert it.ask("GET", f"{PREFIX}/{path}", it.token(role)).status_code == 403
    assert reads(it) == []


def test_what_was_erased_is_said_to_be(it: Office) -> None:
    run, action = worked(it)
    path = it.world.parts.settings.key_path
    assert path is not None
    erasure = Erasure(it.world.store, Keyring(KeyFile(path)), it.world.clock, it.world.ids)
    erasure.erase(WORKSPACE, "customer 7", "user:test", "asked for")
    it.world.parts.keys._kept.clear()  # KEPT_S later
    found = it.ask("GET", f"{PREFIX}/actions/{action}/payload", it.token(Role.AUDITOR)).json()
    assert (found["withheld"], found["arguments"]) == ("erased", [])
    told = it.ask("GET", f"{PREFIX}/runs/{run.id}/conversation", it.token(Role.AUDITOR)).json()
    assert (told["task"], told["withheld"], {turn["withheld"] for turn in told["turns"]}) == ("", "erased", {"erased"})


@pytest.mark.parametrize("path", ["actions/act_none/payload", "runs/run_none/conversation"])
def test_what_is_not_there_is_missing(it: Office, path: str) -> None:
    assert it.ask("GET", f"{PREFIX}/{path}", it.token(Role.ADMIN)).status_code == 404
