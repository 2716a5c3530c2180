"""What a change does to actions is told with an example that comes out otherwise."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from remit.domain.consequence import (
    NO_AGENT,
    NO_PERMIT,
    NO_TOOL,
    NOT_ACTIVE,
    NOT_GRANTED,
    UNFIT,
    Consequence,
    say_consequence,
)
from remit.domain.ids import AgentName
from remit.domain.release import AgentStatus, Configuration
from remit.domain.title import FSI, PDI
from remit.policy.authorizer import Authorizer
from remit.policy.consequences import Named, Search, Side
from remit.policy.request import PolicyRequest
from tests.policy.samples import CALL, PAYMENT, agent, by_policy, facts_of, granted, tool, workspace

BUYER = (agent("buyer", granted("erp.pay"), role="clerk"),)
LIMIT = '@id("limit") forbid(principal, action == Action::"erp.pay", resource) when { context.input.amount > 500 };'
HELD = LIMIT.replace('"limit")', '"limit") @hold("finance")')


def side(configuration: Configuration) -> Side:
    return Side(configuration, Authorizer.of(configuration))


def found(before: Configuration, after: Configuration, *recorded: Named) -> tuple[Consequence, ...]:
    return Search(side(before), side(after), "seed").run(recorded)


def turns(before: Configuration, after: Configuration) -> dict[tuple[str, str, str], str]:
    return {(each.before, each.after, each.cause): each.example.get("amount", "") for each in found(before, after)}


def test_nothing_changes_where_nothing_decides_otherwise() -> None:
    one = workspace(LIMIT, agents=BUYER)
    assert found(one, one) == ()
    assert found(one, workspace("// moved\n" + LIMIT, agents=BUYER)) == ()
    assert found(one, workspace(LIMIT.replace("> 500", ">= 501"), agents=BUYER)) == ()


def test_a_new_limit_denies_and_a_lifted_one_allows() -> None:
    without, limited = workspace(agents=BUYER), workspace(LIMIT, agents=BUYER)
    (denied,) = found(without, limited)
    assert (denied.agents, denied.target, denied.cause) == (("buyer",), "erp.pay", "limit")
    assert int(denied.example["amount"]) > 500
    assert say_consequence(denied) == (
        f"buyer, erp.pay: denied instead of allowed (limit), such as with amount = {denied.example['amount']}"
    )
    (allowed,) = found(limited, without)
    assert say_consequence(allowed).startswith("buyer, erp.pay: allowed instead of denied (so far limit), such as")


def test_the_example_lies_between_two_limits() -> None:
    narrow = workspace(HELD.replace("> 500", "> 499"), agents=BUYER)
    assert turns(workspace(HELD, agents=BUYER), narrow) == {("allow", "hold", "limit"): "500"}
    assert turns(narrow, workspace(HELD, agents=BUYER)) == {("hold", "allow", "limit"): "500"}
    assert turns(workspace(HELD, agents=BUYER), workspace(LIMIT, agents=BUYER)).keys() == {("hold", "deny", "limit")}


def test_a_case_in_a_corner_of_several_conditions_is_found() -> None:
    corner = """@id("corner") forbid(principal, action == Action::"erp.pay", resource) when {
        context.input.amount > 1234 && context.input.amount < 1240 && context.input.supplier like "N*z" &&
        context.input has currency && context.input.currency == "SAR" && context.call.hour == 23 &&
        context.input has urgent && context.input.urgent && context.call.loop_repeats >= 3 };"""
    (case,) = found(workspace(agents=BUYER), workspace(corner, agents=BUYER))
    assert case.cause == "corner"
    assert case.example["currency"] == '"SAR"'
    assert (case.example["call.hour"], case.example["urgent"]) == ("23", "true")


def test_it_can_be_seen_only_behind_a_permit() -> None:
    def limited(condition: str) -> Configuration:
        return workspace(HELD, agents=(agent("buyer", granted("erp.pay", condition)),))

    wider = turns(limited("context.input.amount <= 300"), limited("context.input.amount <= 5000"))
    assert wider.keys() == {("deny", "allow", "no permit"), ("deny", "hold", "limit")}
    assert 300 < int(wider["deny", "allow", "no permit"]) <= 500
    assert 500 < int(wider["deny", "hold", "limit"]) <= 5000


def test_remits_statuses_and_tools_count() -> None:
    before = workspace(agents=BUYER)
    more = workspace(agents=(agent("buyer", granted("erp.pay"), granted("erp.refund"), role="clerk"),))
    assert [(each.target, each.after, each.cause) for each in found(before, more)] == [
        ("erp.refund", "allow", "not granted")
    ]
    assert [each.after for each in found(more, before)] == ["deny"]
    idle = workspace(agents=(replace(BUYER[0], status=AgentStatus.SUSPENDED),))
    (stopped,) = found(before, idle)
    assert stopped.cause == "the agent is suspended"
    narrower = {"type": "object", "properties": {"amount": {"type": "integer", "maximum": 10}}, "required": ["amount"]}
    refused = found(before, workspace(tools=(tool("erp.pay", schema=narrower),), agents=BUYER))
    assert {each.cause for each in refused} <= {"its arguments do not fit"}


def test_agents_with_the_same_fate_share_a_line() -> None:
    many = tuple(agent(f"buyer{number}", granted("erp.pay")) for number in range(5))
    (all_of_them,) = found(workspace(agents=many), workspace(LIMIT, agents=many))
    assert all_of_them.agents == tuple(each.name for each in many)
    assert say_consequence(all_of_them).startswith("buyer0, buyer1, buyer2 and 2 more, erp.pay: denied instead of")


CAUSES = [NO_AGENT, NO_TOOL, NOT_GRANTED, UNFIT, NO_PERMIT, *NOT_ACTIVE.values(), "limit", ""]


@pytest.mark.parametrize("cause", CAUSES)
@pytest.mark.parametrize(("before", "after"), [("allow", "deny"), ("deny", "allow"), ("hold", "allow")])
def test_a_consequence_is_said_in_arabic_with_only_names_and_values_in_other_letters(
    cause: str, before: str, after: str
) -> None:
    names = tuple(AgentName(f"buyer{number}") for number in range(4))
    all_of_it = Consequence(names, "erp.pay", before, after, cause, {"amount": "401", "call.hour": "3"}, "act_1", 12)
    said = say_consequence(all_of_it, "ar")
    assert re.search("[\u0600-\u06ff]", said)
    assert not re.search("[A-Za-z]", re.sub(f"{FSI}[^{PDI}]*{PDI}", "", said))
    assert f"{FSI}amount = 401{PDI}، {FSI}call.hour = 3{PDI}" in said


@pytest.mark.parametrize("amount", [100, 777])
def test_recorded_actions_are_counted_and_their_arguments_not_shown(amount: int) -> None:
    before, after = workspace(agents=BUYER), workspace(LIMIT, agents=BUYER)
    given = Authorizer.of(after).inputs[tool("erp.pay").name].read({**PAYMENT, "amount": amount}, {})
    request = PolicyRequest(AgentName("buyer"), "erp.pay", "Tool", "erp.pay", given, facts_of(CALL))
    (denied,) = found(before, after, ("act_1", request), ("act_2", request))
    assert (denied.action, denied.recorded) == (("act_1", 2) if amount > 500 else ("", 0))
    assert str(amount) not in say_consequence(denied)
    if amount > 500:
        assert say_consequence(denied).endswith("; 2 recorded, such as act_1")


def test_every_example_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is told is what both sides answer: each request that turns is asked again of the official engine."""
    asked: list[PolicyRequest] = []
    one, other = side(workspace(HELD, agents=BUYER)), side(workspace(LIMIT, agents=BUYER))
    search = Search(one, other, "seed")
    real = Search._try

    def noted(self: Search, request: PolicyRequest, *rest: object) -> None:
        asked.append(request)
        real(self, request, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Search, "_try", noted)
    search.run()
    assert len(asked) > 100
    for each in asked:
        for which in (one, other):
            assert which.authorizer.official(each) == which.authorizer.authorize(each)


def test_a_permit_left_to_policies_is_searched_as_well() -> None:
    who = (agent("buyer", by_policy("erp.pay"), role="clerk"),)
    permit = 'permit(principal in Role::"clerk", action == Action::"erp.pay", resource) when { %s };'
    before = workspace(permit % "context.input.amount <= 100", agents=who)
    after = workspace(permit % 'context.input.amount <= 100 || context.input.supplier == "Najd"', agents=who)
    (case,) = found(before, after)
    assert (case.after, case.example["supplier"]) == ("allow", '"Najd"')
