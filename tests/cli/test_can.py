"""`remit can` and `remit who-can`, on a database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from remit.domain.clock import SystemClock
from tests.cli.conftest import Command
from tests.worlds import BIG_PAYMENTS, MODEL, OWNER, WORKSPACE, World, agent, files, world


@pytest.fixture
def it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("REMIT_DATABASE_URL", f"sqlite:///{tmp_path / 'remit.db'}")
    monkeypatch.setenv("REMIT_USER", OWNER)
    seller = agent("seller", tools=[{"tool": "erp.pay", "when": "context.input.amount <= 400"}], models=[])
    with world(tmp_path, {"agents/seller.yaml": seller}) as opened:
        yield opened


def test_what_an_agent_may_do_is_listed_with_its_conditions(it: World, command: Command) -> None:
    said = command("can", "buyer")
    assert said.code == 0, said.err
    assert said.out.splitlines() == [
        "buyer may use erp.get",
        "  permitted  always  [agents/buyer#erp.get]",
        "buyer may use erp.status",
        "  permitted  always  [agents/buyer#erp.status]",
        "buyer may use erp.pay; only once somebody of finance approves if context.input.amount > 500",
        "  permitted  always  [agents/buyer#erp.pay]",
        "  held for finance context.input.amount > 500  [big  policies/pay.cedar:2]",
        "buyer may use erp.scan",
        "  permitted  always  [agents/buyer#erp.scan]",
        f"buyer may use {MODEL}",
        f"  permitted  always  [agents/buyer#{MODEL}]",
    ]


def test_one_tool_and_in_arabic_and_as_data(it: World, command: Command) -> None:
    (one,) = command("can", "seller", "--tool", "erp.pay", "-o", "json").json["permissions"]
    assert (one["may"], one["bar"]) == ("if", None)
    assert [condition["needs"] for condition in one["conditions"]] == [["context.input.amount <= 400"]]
    assert "يجوز للوكيل seller" in command("can", "seller", "--tool", "erp.pay", "--lang", "ar").out
    never = command("can", "seller", "--tool", "erp.drop")
    assert (never.code, never.out) == (1, "seller may not use erp.drop: its remit does not list it\n")


def test_who_can_use_a_tool_or_a_model(it: World, command: Command) -> None:
    who = command("who-can", "erp.pay", "-o", "json").json["permissions"]
    assert [(each["agent"], each["may"]) for each in who] == [("buyer", "if"), ("seller", "if")]
    assert command("who-can", MODEL).out.startswith(f"buyer may use {MODEL}\n")
    nobody = command("who-can", "erp.drop")
    assert (nobody.code, nobody.out) == (1, "No remit lists it.\n")


@pytest.mark.parametrize("stopped", ["agent:buyer", "team:procurement", "tool:erp.pay", "workspace"])
def test_whoever_is_stopped_may_not(stopped: str, it: World, command: Command) -> None:
    it.stops.freeze(WORKSPACE, stopped, OWNER, "odd")
    said = command("can", "buyer", "--tool", "erp.pay")
    assert said.code == 1
    assert said.out.startswith("buyer may not use erp.pay: it is stopped\n")
    assert "permitted  always" in said.out, "what it may once the stop is lifted"


def test_under_another_release(it: World, command: Command) -> None:
    changed = {"agents/buyer.yaml": agent(tools=["erp.get"])}
    other = it.apply(changed, "staging").id
    assert "may not use erp.pay" in command("can", "buyer", "--tool", "erp.pay", "--release", other).out


def test_what_is_not_there_is_said(it: World, command: Command) -> None:
    assert "there is no agent nobody" in command("can", "nobody").err
    assert "there is no tool erp.none" in command("can", "buyer", "--tool", "erp.none").err
    assert "there is no tool erp.none" in command("who-can", "erp.none").err


def test_diff_says_which_actions_come_out_otherwise(it: World, command: Command, tmp_path: Path) -> None:
    run = it.start()
    it.door.admit(it.door.attempt_tool(run, "erp.pay", {"amount": 450}))
    folder = tmp_path / "tiny"
    changed = files({"policies/pay.cedar": BIG_PAYMENTS.replace("> 500", "> 400"), "agents/seller.yaml": None})
    for name, content in changed.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    said = command("diff", folder)
    assert said.code == 1, said.err
    told = said.out[said.out.index("actions that come out otherwise") :].splitlines()[1:]
    assert len(told) == 2
    held, gone = told
    assert held.startswith("  buyer, erp.pay: held instead of allowed (big), such as with amount = ")
    assert held.endswith("; 1 recorded, such as act_00000000000000000003")
    assert gone.startswith("  seller, erp.pay: denied instead of allowed (no such agent), such as with amount = ")
    first = command("diff", folder, "-o", "json").json["consequences"][0]
    assert (first["before"], first["after"], first["agents"], first["recorded"]) == ("allow", "hold", ["buyer"], 1)
    assert 400 < int(first["example"]["amount"]) <= 500
    arabic = command("diff", folder, "--lang", "ar").out
    assert "\n  - حُذف: الوكيل seller\n" in arabic
    assert "\n  ~ تغيّر ملف السياسات policies/pay.cedar:\n" in arabic
    assert "\n  buyer، erp.pay: معلّق بدلاً من مسموح (big)، مثلاً مع amount = " in arabic


def test_policies_that_decided_nothing_are_named(it: World, command: Command, tmp_path: Path) -> None:
    """Only those that have been there all the time: what is new had no occasion."""
    folder = tmp_path / "tiny"
    rare = '@id("rare") forbid(principal, action == Action::"erp.pay", resource) when { context.input.amount > 90000 };'
    for name, content in files({"policies/pay.cedar": BIG_PAYMENTS + rare}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)

    def idle(days: str = "1d") -> list[str]:
        said = command("validate", folder, "--history", days, "-o", "json")
        assert said.code == 0, said.err
        return [p["message"] for p in said.json["problems"] if "decided nothing" in p["message"]]

    now = SystemClock().now()
    it.clock.advance((now - it.clock.now()) // 1_000_000 - 3 * 86_400)
    it.apply({"policies/pay.cedar": BIG_PAYMENTS + rare})
    assert idle() == [], "there are no decisions"
    it.clock.advance(3 * 86_400 - 60)
    it.door.admit(it.door.attempt_tool(it.start(), "erp.pay", {"amount": 900}))
    assert idle() == ["the policy decided nothing in 1d (decisions in that time: 1)"]
    assert idle("30d") == [], "it has not been there for 30 days"
    it.apply({"policies/pay.cedar": BIG_PAYMENTS})
    it.apply({"policies/pay.cedar": BIG_PAYMENTS + rare})
    assert idle() == [], "it was away meanwhile"
    assert "no number of days" in command("validate", folder, "--history", "soon").err
