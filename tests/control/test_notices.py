"""Approvers are told: real webhook, real mail server, and a database in which no address is ever found."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from remit.compose import notifier
from remit.control import notices as module
from remit.control.delivery import AppriseDelivery, NotDelivered
from remit.control.notices import NoticeRules, Notifier, NotifyingThread
from remit.domain.clock import Instant
from remit.domain.ids import ApprovalId, OwnerId
from remit.domain.notice import Message, Notice, NoticeState
from remit.domain.record import RecordKind
from remit.domain.title import without_isolates
from remit.storage.approval import Approval
from remit.storage.outbox import outbox_of
from remit.storage.vault import MachineVault
from tests.control.posts import Mailbox, Webhook, mailbox, webhook
from tests.control.test_approval_detail import CHANGES, IBAN, PAY
from tests.worlds import LINA, OWNER, SARA, VISITOR, WORKSPACE, World, documents, reopened, world, yaml

pytestmark = [pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")]  # a plugin of apprise

SECRET, PASSWORD = "T0PS3CRET-hook-path", "mail-pa55word"


def people(**finance: Any) -> str:
    return documents(
        yaml("Person", id=OWNER, notify=["env:OMARS_HOOK"]),
        yaml("Person", id=SARA, notify=["env:SARAS_HOOK", "file:SARAS_MAIL"]),
        yaml("Person", id=LINA),
        yaml("Person", id=VISITOR, notify=["env:VISITORS_HOOK"]),
        yaml("Group", name="finance", members=[OWNER, SARA, LINA], notify=["env:FINANCE_HOOK"], **finance),
        yaml("Group", name="board", members=[LINA], notify=["env:BOARD_HOOK"]),
    )


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with webhook() as it:
        yield it


@pytest.fixture
def mail() -> Iterator[Mailbox]:
    with mailbox() as it:
        yield it


@pytest.fixture
def it(tmp_path: Path, hook: Webhook, mail: Mailbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name in ("OMARS", "SARAS", "FINANCE", "BOARD", "VISITORS"):
        monkeypatch.setenv(f"{name}_HOOK", f"json://127.0.0.1:{hook.port}/{SECRET}/{name.lower()}")
    address = tmp_path / "saras-mail"
    query = "from=remit@example.com&to=sara@example.com&mode=insecure"
    address.write_text(f"mailto://remit:{PASSWORD}@127.0.0.1:{mail.port}?{query}\n")
    with world(tmp_path, with_people(tmp_path, people())) as opened:
        yield opened


def with_people(folder: Path, text: str) -> dict[str, str | None]:
    return {**CHANGES, "people.yaml": text.replace("file:SARAS_MAIL", f"file:{folder / 'saras-mail'}")}


def asked(it: World, **more: Any) -> Approval:
    admission = it.door.admit(it.door.attempt_tool(it.start(), "erp.pay", {**PAY, **more}))
    found = it.store.approval(ApprovalId(str(admission.approval)))
    assert isinstance(found, Approval)
    return found


def run(it: World, told: Notifier | None = None) -> int:
    told = told or notifier(it.parts)
    told.fill()
    return told.send()


def places(hook: Webhook) -> list[str]:
    return sorted(path.rpartition("/")[2] for path, _ in hook.got)


def states(it: World) -> dict[str, tuple[str, int, str]]:
    found = outbox_of(it.store).listed(WORKSPACE, None, 100)
    return {n.address.rpartition("/")[2]: (n.state.value, n.tries, n.problem) for n in found}


def test_members_and_the_group_are_told_and_who_may_not_answer_is_not(it: World, hook: Webhook, mail: Mailbox) -> None:
    approval = asked(it)
    assert run(it) == 3
    assert places(hook) == ["finance", "saras"], "Omar owns the agent, and the visitor is in no group"
    body = hook.got[0][1]["message"]
    assert without_isolates(body).splitlines()[0] == f"Pay 900 to {IBAN} ((hidden), (none))"
    assert f"دفع \u2068900\u2069 إلى \u2068{IBAN}\u2069" in body
    assert "buyer asks for your approval, until 2023-11-15 22:13 UTC." in body
    assert body.count(f"http://127.0.0.1:7070/approvals/{approval.id}") == 2
    ((to, subject, text),) = mail.got
    assert ("sara@example.com" in to, subject) == (True, "Remit: buyer / موافقة")
    assert f"/approvals/{approval.id}" in text
    assert mail.shown == [f"\x00remit\x00{PASSWORD}"], "the mail server has seen the password"
    assert run(it) == 0, "and nobody is told twice"


def test_nothing_secret_and_no_payload_leaves_and_reading_is_on_record(it: World, hook: Webhook) -> None:
    title = 'title: {en: "Pay {amount}: {note} {payload} {pin}", ar: "دفع {note}"}'
    tools = str(CHANGES["tools/erp.yaml"])
    before = next(line for line in tools.splitlines() if line.startswith("title"))
    files = {**CHANGES, "people.yaml": people().replace('"file:SARAS_MAIL"', '"env:SARAS_MAIL"')}
    it.apply({**files, "tools/erp.yaml": tools.replace(before, title)})
    approval = asked(it)
    run(it)
    assert len(hook.got) == 2
    for _, body in hook.got:
        assert str(PAY["note"]) not in str(body)
        assert str(PAY["pin"]) not in str(body)
    read = [r for r in it.records(RecordKind.PAYLOAD_READ) if r["approval"] == approval.id]
    assert {record["to"] for record in read} == {"finance", SARA}
    assert {record["by"] for record in read} == {"system:notifications"}


def test_what_a_value_says_is_no_link_and_no_mention(it: World, hook: Webhook) -> None:
    asked(it, to="@everyone <!channel> [click](http://evil.example) www.evil.example")
    run(it)
    for _, body in hook.got:
        first = body["message"].splitlines()[0]
        for live in ("@", "<", ">", "[", "](", "://", "www."):
            assert live not in first


def test_an_address_is_in_no_row_no_log_and_no_error(
    it: World, hook: Webhook, mail: Mailbox, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    hook.status, mail.refuses = 500, True
    monkeypatch.setenv("FINANCE_HOOK", f"nonsense://{SECRET}")
    asked(it)
    run(it)
    monkeypatch.setenv("SARAS_HOOK", f"json://127.0.0.1:1/{SECRET}")
    it.clock.advance(60)
    run(it)
    assert states(it)["env:FINANCE_HOOK"] == ("waiting", 2, "address_unfit")
    with pytest.raises(NotDelivered) as caught:
        AppriseDelivery(MachineVault({"A": f"json://127.0.0.1:1/{SECRET}"})).send("env:A", Message("s", "b"))
    assert caught.value.__context__ is None or SECRET not in repr(caught.value.__context__)
    written = caplog.text + repr(caught.value) + repr(notifier(it.parts).__dict__)
    it.close()
    for path in it.path.parent.iterdir():
        if path.name != "saras-mail":
            written += path.read_bytes().decode("latin-1")
    for secret in (SECRET, PASSWORD):
        assert secret not in written


def test_a_failure_is_tried_again_later_and_later_and_then_it_has_failed(
    it: World, hook: Webhook, mail: Mailbox
) -> None:
    hook.status, mail.refuses = 503, True
    asked(it)
    told = notifier(it.parts)
    told._rules = replace(told._rules, tries=3)
    assert run(it, told) == 3
    assert states(it)["env:SARAS_HOOK"] == ("waiting", 1, "not_delivered")
    it.clock.advance(9)
    assert run(it, told) == 0, "not before ten seconds"
    it.clock.advance(1)
    assert run(it, told) == 3
    it.clock.advance(19)
    assert run(it, told) == 0, "and then not before twenty"
    hook.status = 200
    it.clock.advance(1)
    assert run(it, told) == 3
    assert states(it)["env:SARAS_HOOK"] == ("sent", 3, "")
    assert states(it)["saras-mail"] == ("failed", 3, "not_delivered")
    it.clock.advance(3_600)
    assert run(it, told) == 0
    assert outbox_of(it.store).counts(WORKSPACE)[NoticeState.FAILED] == 1


def test_an_address_that_is_not_there_is_said_to_be_missing(
    it: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SARAS_HOOK")
    (tmp_path / "saras-mail").unlink()
    asked(it)
    run(it)
    found = states(it)
    assert {found["env:SARAS_HOOK"][2], found["saras-mail"][2]} == {"address_missing"}
    monkeypatch.setenv("SARAS_HOOK", "json://127.0.0.1:1/x")
    it.clock.advance(10)
    run(it)
    assert states(it)["env:SARAS_HOOK"] == ("waiting", 2, "not_delivered"), "it is looked up each time"


class Dies(Exception):
    """The process is gone in the middle."""


def test_a_server_that_dies_while_sending_loses_nothing(it: World, hook: Webhook, tmp_path: Path) -> None:
    asked(it)
    first = notifier(it.parts)
    first.fill()

    class Dying:
        def send(self, reference: str, message: Message) -> None:
            raise Dies

    delivery, first._delivery = first._delivery, Dying()
    with pytest.raises(Dies):
        first.send()
    it.close()
    with reopened(tmp_path / "remit.db", it.clock, it.ids) as again:
        second = notifier(again.parts)
        assert run(again, second) == 2, "the one that was being sent is still the other's"
        again.clock.advance(module.LEASE_S)
        assert run(again, second) == 1
        assert places(hook) == ["finance", "saras"]
        assert set(states(again).values()) == {("sent", 1, "")}
    assert isinstance(delivery, AppriseDelivery)


def test_a_server_that_dies_before_the_cursor_moves_tells_all_the_same(it: World) -> None:
    asked(it)
    told = notifier(it.parts)
    outbox = outbox_of(it.store)
    before = outbox.cursor(WORKSPACE)
    after, bodies = outbox.committed(WORKSPACE, before, 1_000, [kind.value for kind in module.KINDS])
    new = [notice for body in bodies for notice in told._asked(body)]
    assert outbox.fill(WORKSPACE, before + 1, after, new) is False, "somebody else has moved it"
    assert outbox.counts(WORKSPACE)[NoticeState.WAITING] == 0
    assert run(it) == 3


def test_two_servers_send_each_notice_once(it: World, hook: Webhook) -> None:
    asked(it)
    one, two = notifier(it.parts), notifier(it.parts)
    one.fill()
    two.fill()
    (first, *_) = outbox_of(it.store).due(it.clock.now(), 10)
    until = Instant(it.clock.now() + 1_000_000)
    assert outbox_of(it.store).lease(first, OwnerId("own_1"), it.clock.now(), until) is True
    assert outbox_of(it.store).lease(first, OwnerId("own_2"), it.clock.now(), until) is False
    assert one.send() + two.send() == 2
    assert len(hook.got) <= 2


def test_what_was_answered_meanwhile_is_not_told(it: World, hook: Webhook) -> None:
    approval = asked(it)
    told = notifier(it.parts)
    told.fill()
    it.approvals.answer(approval.id, SARA, approval.digest, approve=True)
    assert told.send() == 3
    assert hook.got == []
    assert {state for state, _, _ in states(it).values()} == {"dropped"}


def test_who_takes_over_is_told_and_who_was_told_is_not_told_again(it: World, hook: Webhook, tmp_path: Path) -> None:
    rule = {"expires_after": "1h", "on_expiry": "escalate", "escalate_to": "board"}
    it.apply(with_people(tmp_path, people(**rule)))
    approval = asked(it)
    run(it)
    hook.got.clear()
    it.clock.advance(3_600)
    from remit.control.lapsing import Lapsing

    assert Lapsing(it.store, it.clock).once() == 1
    assert run(it) == 1
    assert places(hook) == ["board"]
    assert "Nobody answered in time: buyer now asks" in hook.got[0][1]["message"]
    (notice,) = [n for n in outbox_of(it.store).listed(WORKSPACE, None, 100) if n.recipient == "board"]
    assert isinstance(notice, Notice)
    assert notice.id == f"{approval.id}/0/env:BOARD_HOOK"


def test_before_it_expires_they_are_told_once_more_where_that_is_asked_for(it: World, hook: Webhook) -> None:
    asked(it)
    told = notifier(it.parts)
    told._rules = NoticeRules("https://remit.example", 8, before_expiry_s=3_600)
    run(it, told)
    assert len(hook.got) == 2
    it.clock.advance(86_400 - 3_599)
    run(it, told)
    assert len(hook.got) == 4
    assert "which expires at" in hook.got[-1][1]["message"]
    assert run(it, told) == 0


def test_old_approvals_are_not_told_when_a_server_first_has_an_outbox(it: World) -> None:
    asked(it)
    it.clock.advance(86_401)
    assert run(it) == 0


def test_what_was_settled_long_ago_is_forgotten_and_not_sent_again(it: World, hook: Webhook) -> None:
    asked(it)
    told = notifier(it.parts)
    run(it, told)
    it.clock.advance(89 * 86_400)
    run(it, told)
    assert len(states(it)) == 3
    it.clock.advance(2 * 86_400)
    run(it, told)
    assert (states(it), len(hook.got)) == ({}, 2)


def test_a_thread_tells_within_seconds(it: World, hook: Webhook) -> None:
    thread = NotifyingThread(notifier(it.parts), lambda _: None, interval_s=0.01)
    thread.start()
    try:
        asked(it)
        for _ in range(1_000):
            if len(hook.got) == 2:
                break
            thread._closing.wait(0.01)
    finally:
        thread.close()
    assert places(hook) == ["finance", "saras"]
