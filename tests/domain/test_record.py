"""The record format, held by one golden file a kind and by the page that explains it.

`REMIT_UPDATE_GOLDEN=1 pytest tests/domain/test_record.py` writes the files and the page's examples anew; the difference
is to be reviewed. What changes the meaning of a field raises FORMAT.
"""

import hashlib
import json
import os
import re
import secrets
from pathlib import Path
from typing import Any

import orjson
import pytest

from remit.compose import approval_details, workflow_starts
from remit.control.attempts import Attempts
from remit.control.credentials import Credentials
from remit.control.passwords import Passwords
from remit.control.people import People
from remit.control.signing_in import SigningIn
from remit.domain.canonical import canonical
from remit.domain.clock import Instant
from remit.domain.identity import Role
from remit.domain.ids import AgentName, RunId, UserId, WorkflowName, WorkspaceName
from remit.domain.record import FORMAT, Record, RecordKind
from remit.domain.workflow_act import WorkflowAct, WorkflowAsked
from remit.execution.workflows.starting import Start
from remit.sdk.errors import Denied, Held
from remit.storage.journal import Asking
from remit.storage.journal_rows import journal_of
from tests.worlds import LINA, OWNER, SARA, TWO_PEOPLE, VISITOR, WORKSPACE, World, agent, budget, world, yaml

GOLDEN = Path(__file__).parent / "golden"
PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "records.md"
UPDATE = bool(os.environ.get("REMIT_UPDATE_GOLDEN"))
ALL = frozenset({"at", "key", "kind", "no", "run", "v", "workspace"})
CORE = (
    *("run_started", "decision_made", "outcome_reported", "run_ended", "approval_answered", "stop_changed"),
    "workflow_asked",
    *("release_made", "release_proposed", "release_activated", "release_withdrawn"),
    *("person_changed", "key_changed", "signed_in", "payload_read"),
)
LATER = frozenset(
    "payloads_erased ledger_key_changed trial_changed approval_escalated approval_expired approval_edited"
    " question_asked question_answered delegation_changed policies_differed".split()
)
"""Kinds the server writes; each moves to CORE with a part of the story, a golden file and a heading of the page."""


def story(it: World) -> None:
    """One record of each kind: a payment that a person approves, a freeze, a release withdrawn, somebody signs in."""
    with it.client.run("buyer", on_behalf_of=VISITOR, task="Pay invoice 7", purpose="Month's end") as run:
        it.clock.advance(1)
        run.call("erp.scan", {"page": 1}, using=lambda page: {"text": "Invoice 7: 700"})
        it.clock.advance(1)
        with pytest.raises(Held) as held:
            run.call("erp.pay", {"amount": 700, "note": "invoice 7"}, using=lambda **_: "paid")
        waiting = it.store.approval(held.value.approval)
        it.clock.advance(60)
        it.approvals.answer(waiting.id, SARA, waiting.digest, approve=True, comment="as agreed")
        it.clock.advance(1)
        run.call("erp.pay", {"amount": 700, "note": "invoice 7"}, using=lambda **_: "paid")
        with pytest.raises(Denied):
            run.call("erp.pay", {"amount": 7, "iban": "AE07"}, using=lambda **_: "paid")
    it.clock.advance(5)
    it.stops.freeze(WORKSPACE, "agent:buyer", LINA, "prices look wrong")
    first = it.store.active(WORKSPACE, "production")
    it.clock.advance(5)
    it.apply({"agents/buyer.yaml": agent(budgets=[{"name": "run-calls", "per": "run", "calls": 20}])})
    it.releases.withdraw(WORKSPACE, first, OWNER, "granted too much")
    it.clock.advance(5)
    passwords, attempts = Passwords(), Attempts(it.store, it.clock)
    People(it.store, it.clock, it.ids, passwords).add(WORKSPACE, SARA, [Role.APPROVER], OWNER, name="Sara")
    Credentials(it.store, it.clock, it.ids).make_agent_key(WORKSPACE, AgentName("buyer"), OWNER, "desk 2", 86_400)
    signing_in = SigningIn(it.store, it.clock, it.ids, passwords, attempts, 43_200)
    signing_in.by_link(signing_in.one_time_link(WORKSPACE, SARA, OWNER).secret, "127.0.0.1")
    approval_details(it.parts).of(waiting, SARA, [Role.APPROVER])
    step = {"id": "page", "wait": {"event": "next"}}
    it.apply({"workflows/scan.yaml": yaml("Workflow", name="scan", agent="buyer", steps=[step])})
    name = WorkflowName("scan")
    row, _ = workflow_starts(it.parts, it.queue).start(Start(WORKSPACE, name, {}, UserId(VISITOR), "schedule:sch_1"))
    asked = WorkflowAsked(WorkflowAct.CANCEL, name, UserId(LINA), "nobody needs it any more")
    asking = Asking(it.ids.new("chg"), WORKSPACE, row.run, asked)
    journal_of(it.store).cancel(row.run, "cancel", LINA, it.clock.now(), asking)
    it.apply({"workspace.yaml": TWO_PEOPLE})
    it.apply({"policies/pay.cedar": None})


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The last record of each kind, and one decision of each verdict; keys are fixed, so digests are too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(secrets, "token_bytes", lambda length: bytes(range(length)))
        with world(
            tmp_path_factory.mktemp("records"), {"budgets.yaml": budget("team-day", "team", "day", usd=5)}
        ) as it:
            story(it)
            written = it.records()
    found: dict[str, dict[str, Any]] = {}
    for record in written:
        name = record["kind"]
        if name == RecordKind.DECISION_MADE.value:
            name = f"{name}_{record['state']}"
        found.setdefault(name, record)
    return found


NAMES = sorted({*CORE, *(f"decision_made_{state}" for state in ("admitted", "held", "denied"))} - {"decision_made"})


def pretty(record: dict[str, Any]) -> str:
    return json.dumps(record, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


@pytest.mark.parametrize("name", NAMES)
def test_a_record_is_as_its_golden_file(name: str, records: dict[str, dict[str, Any]]) -> None:
    golden = GOLDEN / f"{name}.json"
    if UPDATE:
        golden.write_text(pretty(records[name]), "utf-8")
    assert pretty(records[name]) == golden.read_text("utf-8")


def test_there_is_a_golden_file_for_every_kind_and_no_other(records: dict[str, dict[str, Any]]) -> None:
    assert set(records) == set(NAMES)
    assert {path.stem for path in GOLDEN.iterdir()} == set(NAMES)


def test_every_kind_has_its_place() -> None:
    assert {kind.value for kind in RecordKind} <= {*CORE, *LATER}
    assert LATER.isdisjoint(CORE)


@pytest.mark.parametrize("name", NAMES)
def test_the_page_shows_the_golden_file(name: str) -> None:
    golden = (GOLDEN / f"{name}.json").read_text("utf-8")
    page = PAGE.read_text("utf-8")
    block = re.compile(rf"```json file={name}\.json\n(.*?)```\n", re.DOTALL)
    if UPDATE:
        page = block.sub(lambda _: f"```json file={name}.json\n{golden}```\n", page)
        PAGE.write_text(page, "utf-8")
    assert block.findall(page) == [golden]


@pytest.mark.parametrize("name", NAMES)
def test_the_page_explains_every_field(name: str) -> None:
    record = json.loads((GOLDEN / f"{name}.json").read_text("utf-8"))
    page = PAGE.read_text("utf-8")
    assert [field for field in record if f"`{field}`" not in page] == []


def leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for part in value.values() for leaf in leaves(part)]
    return [leaf for part in value for leaf in leaves(part)] if isinstance(value, list) else [value]


def keys(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [*value, *(key for part in value.values() for key in keys(part))]
    return [key for part in value for key in keys(part)] if isinstance(value, list) else []


@pytest.mark.parametrize("name", NAMES)
def test_a_record_holds_whole_numbers_text_and_ascii_keys(name: str) -> None:
    record = json.loads((GOLDEN / f"{name}.json").read_text("utf-8"))
    assert {type(leaf) for leaf in leaves(record)} <= {int, str, bool, type(None)}
    assert all(key.isascii() for key in keys(record))
    assert record.keys() >= ALL
    assert record["v"] == FORMAT


def test_no_argument_result_or_task_stands_in_any_record(records: dict[str, dict[str, Any]]) -> None:
    written = json.dumps(records)
    for secret in ("Pay invoice 7", "invoice 7", "Invoice 7: 700", "paid", "AE07"):
        assert secret not in written


def test_a_leaf_covers_every_byte_of_the_body() -> None:
    record = Record.of(WorkspaceName("w"), 3, "k", RecordKind.RUN_ENDED, Instant(7), RunId("run_1"), {"status": "ok"})
    assert record.body == canonical(orjson.loads(record.body))
    assert record.leaf == hashlib.sha256(b"\x00" + record.body).digest()
    assert orjson.loads(record.body) == {
        "v": FORMAT,
        "workspace": "w",
        "no": 3,
        "key": "k",
        "kind": "run_ended",
        "at": 7,
        "run": "run_1",
        "status": "ok",
    }


def test_the_leaf_is_stored_beside_the_body(tmp_path: Path) -> None:
    import sqlite3

    with world(tmp_path) as it:
        story(it)
        path = it.path
    rows = sqlite3.connect(path).execute("select body, leaf from records").fetchall()
    assert rows
    for body, leaf in rows:
        assert leaf == hashlib.sha256(b"\x00" + body).digest()
