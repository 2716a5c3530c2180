"""What an approver sees: who may see it, that reading is on record first, and that none of it is the agent's prose."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from remit.compose import approval_details
from remit.control.approval_detail import MAX_STEPS, ApprovalDetail, DetailRefused, Withheld
from remit.control.erasure import Erasure
from remit.control.origins import OriginKind
from remit.domain.facts import ApprovalState
from remit.domain.finding import Code
from remit.domain.identity import Role
from remit.domain.ids import ApprovalId, UserId
from remit.domain.record import RecordKind
from remit.domain.run import Run
from remit.domain.title import without_isolates
from remit.storage.port import Approval
from remit.storage.sealed import KeyFile, Keyring
from tests.worlds import OWNER, PEOPLE, SARA, VISITOR, World, budget, documents, world, yaml

TOOLS = """
kind: Tool
name: erp.get
effect: read
input: {type: object, required: [id], properties: {id: {type: string}}}
output: {labels: [untrusted]}
---
kind: Tool
name: erp.pay
description: Pays.
effect: pay
title: {en: "Pay {amount} to {destination} ({pin}, {pin_end})", ar: "دفع {amount} إلى {destination}"}
input:
  type: object
  required: [amount, to]
  properties: {amount: {type: integer}, to: {type: string}, pin: {type: string}, note: {type: string}}
roles: {amount: amount, to: destination, pin: secret, note: payload}
derived: {pin_end: {type: string, jmespath: pin, optional: true}}
"""
AGENT = yaml(
    "Agent",
    name="buyer",
    owner=OWNER,
    purpose="Buys what is needed.",
    remit={"tools": ["erp.get", "erp.pay"], "budgets": [{"name": "buyer-day", "per": "day", "calls": 1000}]},
)
CHANGES: Mapping[str, str | None] = {
    "tools/erp.yaml": TOOLS,
    "agents/buyer.yaml": AGENT,
    "budgets.yaml": budget("all-month", "workspace", "month", usd=100),
}
IBAN = "SA0380000000608010167519"
PAY = {"amount": 900, "to": IBAN, "pin": "kestrel-9911", "note": "for the fence"}
TASK = "The CEO has approved this. Pay at once."


@pytest.fixture
def it(tmp_path: Path) -> Any:
    with world(tmp_path, CHANGES) as opened:
        yield opened


def asked(it: World, run: Run | None = None, **more: Any) -> Approval:
    run = run or it.start(task=TASK)
    admission = it.door.admit(it.door.attempt_tool(run, "erp.pay", {**PAY, **more}))
    found = it.store.approval(ApprovalId(str(admission.approval)))
    assert isinstance(found, Approval)
    return found


def detail(it: World, approval: Approval, person: UserId = SARA, *roles: Role) -> ApprovalDetail:
    return approval_details(it.parts).of(approval, person, roles)


def reads(it: World) -> list[dict[str, Any]]:
    return it.records(RecordKind.PAYLOAD_READ)


def test_title_arguments_origins_path_findings_similar_and_budgets(it: World) -> None:
    with it.client.run("buyer", on_behalf_of=VISITOR, task=TASK) as active:
        active.call("erp.get", {"id": "77"}, using=lambda id: {"supplier": {"iban": IBAN}})
        run = it.store.run(active.id)
        first = asked(it, it.parts.keys.salted(run))
        found = detail(it, first)
    assert without_isolates(found.title.en) == f"Pay 900 to {IBAN} ((hidden), (none))"
    assert without_isolates(found.title.ar) == f"دفع 900 إلى {IBAN}"
    arguments = {each.name: each for each in found.looked.arguments}
    assert {name: (each.value, each.is_masked) for name, each in arguments.items()} == {
        "amount": (900, False),
        "to": (IBAN, False),
        "pin": (None, True),
        "note": ("for the fence", False),
    }
    (origin,) = arguments["to"].origins
    assert (origin.kind, origin.target) == (OriginKind.RESULT, "erp.get")
    assert [each.kind for each in arguments["amount"].origins] == [OriginKind.AGENT]
    assert arguments["pin"].origins == ()
    assert (found.looked.task, found.purpose) == (TASK, "Buys what is needed.")
    assert [(step.target, step.state, step.outcome) for step in found.path] == [("erp.get", "admitted", "ok")]
    assert [finding.code for finding in found.findings] == [Code.POLICY_HOLD]
    standings = {each.budget.name: (each.before, each.after) for each in found.budgets}
    assert standings == {"all-month": (0, 0), "buyer-day": (1, 2)}
    assert found.similar.counts == {}


def test_reading_is_on_record_before_anything_is_shown(it: World, monkeypatch: pytest.MonkeyPatch) -> None:
    approval = asked(it)
    assert reads(it) == []
    detail(it, approval)
    (record,) = reads(it)
    said = {key: record[key] for key in ("by", "approval", "run_id", "payloads", "searched")}
    assert said == {
        "by": SARA,
        "approval": approval.id,
        "run_id": approval.run,
        "payloads": [f"{approval.action}/arguments", f"{approval.run}/task"],
        "searched": [],
    }

    def full(*_: object) -> None:
        raise OSError("disk full")

    opened: list[Any] = []
    details = approval_details(it.parts)
    monkeypatch.setattr(details._reads, "open", opened.append)
    monkeypatch.setattr(it.parts.store, "transactions", full)
    with pytest.raises(OSError, match="disk full"):
        details.of(approval, SARA, ())
    assert opened == [], "nothing is opened where the record can not be written"


@pytest.mark.parametrize(
    ("person", "roles", "seen"),
    [
        ("user:sara", (), True),
        ("user:visitor", (), False),
        ("user:visitor", (Role.VIEWER, Role.OPERATOR, Role.AUTHOR, Role.APPROVER), False),
        ("user:visitor", (Role.AUDITOR,), True),
        ("user:visitor", (Role.ADMIN,), True),
    ],
    ids=["member", "nobody", "other-roles", "auditor", "admin"],
)
def test_who_reads_arguments(it: World, person: str, roles: tuple[Role, ...], seen: bool) -> None:
    found = detail(it, asked(it), UserId(person), *roles)
    assert (found.looked.withheld is None) == seen
    assert len(reads(it)) == int(seen)
    if not seen:
        assert found.looked.withheld is Withheld.NOT_YOURS
        assert (found.looked.arguments, found.looked.task) == ((), "")
        assert without_isolates(found.title.en) == "Pay with erp.pay"
        assert [each.code for each in found.findings] == [Code.POLICY_HOLD], "the rest is shown all the same"


def test_who_has_left_the_group_since_reads_nothing_any_more(it: World) -> None:
    approval = asked(it)
    group = yaml("Group", name="finance", members=[OWNER])
    it.apply({**CHANGES, "people.yaml": documents(PEOPLE.partition("---\nkind: Group")[0].rstrip("-\n"), group)})
    assert detail(it, approval).looked.withheld is Withheld.NOT_YOURS
    assert detail(it, approval, OWNER).looked.withheld is None


def test_after_erasure_it_says_erased(it: World) -> None:
    run = it.start(task=TASK, subject="customer 7")
    approval = asked(it, run)
    path = it.parts.settings.key_path
    assert path is not None
    Erasure(it.store, Keyring(KeyFile(path)), it.clock, it.ids).erase(run.workspace, "customer 7", OWNER, "asked")
    it.parts.keys._kept.clear()  # KEPT_S later
    found = detail(it, approval)
    assert found.looked.withheld is Withheld.ERASED
    assert reads(it) == []
    assert IBAN not in str(found)


def test_arguments_of_another_digest_are_not_shown(it: World) -> None:
    small, large = asked(it), asked(it, amount=90_000)
    with it.store._engine.begin() as connection:
        connection.exec_driver_sql(f"update approvals set digest = '{small.digest}' where id = '{large.id}'")
    with pytest.raises(DetailRefused, match="somebody changed one of them, so do not answer it"):
        detail(it, it.store.approval(large.id))


def test_a_payload_that_was_changed_is_refused(it: World) -> None:
    approval = asked(it)
    with it.store._engine.begin() as connection:
        connection.exec_driver_sql(f"update payloads set sealed = x'00' where owner = '{approval.action}'")
    with pytest.raises(DetailRefused, match="was changed after it was sealed: do not answer"):
        detail(it, approval)


def test_what_a_person_has_changed_is_said_to_be_theirs(it: World) -> None:
    approval = asked(it)
    it.edits.edit(approval.id, SARA, approval.digest, {**PAY, "amount": 500, "note": "for the gate"})
    edited = it.store.approval(approval.id)
    found = detail(it, edited)
    assert without_isolates(found.title.en).startswith(f"Pay 500 to {IBAN}")
    kinds = {each.name: [origin.kind.value for origin in each.origins] for each in found.looked.arguments}
    assert kinds == {"amount": ["person"], "to": ["agent"], "pin": [], "note": ["person"]}
    (record,) = reads(it)
    assert record["payloads"][0] == f"{edited.payload}/arguments"
    assert record["searched"] == [f"{approval.action}/arguments"]


def test_similar_requests_are_counted_by_how_they_ended(it: World) -> None:
    approved, rejected, late = asked(it), asked(it), asked(it)
    it.approvals.answer(approved.id, SARA, approved.digest, approve=True)
    it.approvals.answer(rejected.id, SARA, rejected.digest, approve=False)
    it.clock.advance(86_400 + 1)
    last = asked(it)
    similar = detail(it, last).similar
    assert similar.counts == {"expired": 2, "rejected": 1}, "an approval nobody used in time has expired, too"
    assert {each.id for each in similar.newest} == {approved.id, rejected.id, late.id}
    assert all(each.state is not ApprovalState.PENDING for each in similar.newest)
    it.clock.advance(31 * 86_400)
    assert detail(it, asked(it)).similar.counts == {}


def test_a_long_path_is_cut_at_its_beginning(it: World) -> None:
    run = it.start()
    for no in range(MAX_STEPS + 2):
        it.door.admit(it.door.attempt_tool(run, "erp.get", {"id": str(no)}))
    found = detail(it, asked(it, run))
    assert (len(found.path), found.has_earlier) == (MAX_STEPS, True)
    assert found.path[-1].at >= found.path[0].at
