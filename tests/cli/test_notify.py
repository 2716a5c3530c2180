"""`remit notify`: an address is tried, and what was sent or failed is listed; no address is ever written."""

from __future__ import annotations

from pathlib import Path

import pytest

import remit
from remit.compose import notifier, open_parts
from remit.sdk.client import Client
from remit.settings import Settings
from tests.cli.conftest import Command
from tests.control.posts import webhook
from tests.worlds import LINA, OWNER, SARA, VISITOR, documents, yaml

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # a plugin of apprise


@pytest.fixture
def told(shop: Path, command: Command) -> Path:
    people = documents(
        yaml("Person", id=OWNER),
        yaml("Person", id=SARA, notify=["env:SARAS_HOOK", "file:/nowhere/at-all"]),
        yaml("Person", id=LINA),
        yaml("Group", name="finance", members=[SARA, LINA], notify=["env:FINANCE_HOOK"]),
    )
    (shop / "people.yaml").write_text(people)
    assert command("apply", shop, "-m", "first").code == 0
    return shop


def test_an_address_is_tried(told: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    with webhook() as hook:
        monkeypatch.setenv("SARAS_HOOK", f"json://127.0.0.1:{hook.port}/s3cret")
        said = command("notify", "test", SARA)
        assert said.out.splitlines() == [
            "env:SARAS_HOOK: sent",
            "file:/nowhere/at-all: not sent: the variable or file is not there, or empty",
        ]
        assert said.code == 1
        ((path, body),) = hook.got
        assert (path, body["title"]) == ("/s3cret", "Remit: test / اختبار")
        monkeypatch.setenv("FINANCE_HOOK", f"json://127.0.0.1:{hook.port}/s3cret")
        assert command("notify", "test", "finance").code == 0
    assert "s3cret" not in said.out + said.err


def test_who_can_not_be_told_is_said(told: Path, command: Command) -> None:
    assert command("notify", "test", "user:nobody").err == (
        "Error: the active release knows no person and no group user:nobody\n"
    )
    assert command("notify", "test", LINA).err == (
        "Error: user:lina has no addresses: write `notify: [env:NAME]` into people.yaml\n"
    )


def test_what_was_sent_and_what_failed_is_listed(told: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMIT_NOTIFY_TRIES", "1")
    with webhook() as hook, remit.connect() as client, client.run("buyer", on_behalf_of=VISITOR) as run:
        assert isinstance(client, Client)
        with pytest.raises(remit.Held) as held:
            run.call("erp.pay", {"amount": 700}, using=lambda amount: "paid")
        monkeypatch.setenv("FINANCE_HOOK", f"json://127.0.0.1:{hook.port}/s3cret")
        parts = open_parts(Settings())
        teller = notifier(parts)
        teller.fill()
        teller.send()
        parts.close()
        assert len(hook.got) == 1
    listed = {row[3]: row for row in command("notify", "ls").rows}
    assert listed["env:FINANCE_HOOK"][:7] == [
        held.value.approval,
        "asked",
        "finance",
        "env:FINANCE_HOOK",
        "sent",
        "1",
        "",
    ]
    assert {row[3] for row in command("notify", "ls", "--state", "failed").rows} == {
        "env:SARAS_HOOK",
        "file:/nowhere/at-all",
    }
    assert "s3cret" not in str(listed)
