"""What the policies say to one action: default deny, holds apart, and no on whatever goes wrong."""

import threading
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.domain.ids import AgentName, GroupName, ToolName
from remit.domain.problem import Severity
from remit.domain.release import Cap, Configuration, Grant, GrantMode, Mask
from remit.policy.authorizer import Authorizer, InvalidPolicies, PolicyAnswer, PolicyHold, PolicyRequest
from remit.policy.inputs import Input, model_input
from remit.policy.validate import problems
from tests.policy.samples import CALL, agent, ask, by_policy, facts_of, granted, tool, workspace

OVERFLOWING = "context.input.amount * 9223372036854775807 > 0"
NEVER = (
    'forbid(principal, action == Action::"erp.pay", resource) when { context.call.hour > 22'
    " || (context.call has budget_left_micro_usd && context.call.budget_left_micro_usd < 0) };"
)
"""Reads the facts of the call: of what no policy reads nothing is made."""
BY_POLICY = (agent("buyer", by_policy("erp.pay"), role="clerk"),)
PERMIT = '@id("pay") permit(principal in Role::"clerk", action == Action::"erp.pay", resource);'


def enforced(*policies: str, agents: tuple = BY_POLICY) -> Authorizer:
    """An authorizer of a workspace without errors."""
    configuration = workspace(*policies, agents=agents)
    assert [each for each in problems(configuration) if each.severity is Severity.ERROR] == []
    return Authorizer.of(configuration)


def test_what_nothing_permits_is_not_permitted() -> None:
    assert ask(Authorizer.of(workspace())) == PolicyAnswer(True, ("agents/buyer#erp.pay",))
    assert ask(Authorizer.of(workspace()), tool="erp.refund") == PolicyAnswer(False)


def test_a_grant_permits_its_own_agent_only() -> None:
    authorizer = enforced(agents=(agent("buyer", granted("erp.pay")), agent("auditor")))
    assert ask(authorizer).permitted
    assert ask(authorizer, agent="auditor") == PolicyAnswer(False)


def test_the_condition_of_a_grant_decides() -> None:
    authorizer = enforced(agents=(agent("buyer", granted("erp.pay", "context.input.amount <= 500")),))
    assert ask(authorizer, {"amount": 500, "supplier": "a"}).permits == ("agents/buyer#erp.pay",)
    assert ask(authorizer, {"amount": 501, "supplier": "a"}) == PolicyAnswer(False)


def test_a_forbid_beats_every_permit_and_says_why() -> None:
    authorizer = enforced(
        PERMIT,
        '@id("late") @reason("Nobody is there") forbid(principal, action in Action::"pay", resource)'
        " when { context.call.hour >= 18 };",
    )
    assert ask(authorizer) == PolicyAnswer(True, permits=("pay",))
    late = ask(authorizer, call={**CALL, "hour": 18})
    assert late == PolicyAnswer(False, forbids=(("late", "Nobody is there"),))


HOLD = (
    '@id("big") @hold("finance") @reason("Over 500") forbid(principal, action == Action::"erp.pay", resource)'
    " when { context.input.amount > 500 };"
)


def test_a_hold_is_told_apart_from_whether_the_action_is_permitted() -> None:
    authorizer = enforced(PERMIT, HOLD)
    held = ask(authorizer, {"amount": 501, "supplier": "a"})
    assert held == PolicyAnswer(True, ("pay",), holds=(PolicyHold("big", GroupName("finance"), "Over 500"),))
    assert ask(authorizer).holds == ()


def test_a_hold_permits_nothing_by_itself() -> None:
    authorizer = enforced(HOLD, agents=(agent("buyer"),))
    answer = ask(authorizer, {"amount": 501, "supplier": "a"})
    assert (answer.permitted, [hold.id for hold in answer.holds]) == (False, ["big"])


EFFECTS = ("permit", "forbid", '@hold("finance") forbid')


@given(st.lists(st.tuples(st.sampled_from(EFFECTS), st.sampled_from(["true", "false", OVERFLOWING])), max_size=5))
def test_base_and_holds_are_as_if_evaluated_apart(lines: list[tuple[str, str]]) -> None:
    scope = '(principal, action == Action::"erp.pay", resource)'
    texts = [f'@id("p{place}") {effect}{scope} when {{ {when} }};' for place, (effect, when) in enumerate(lines)]
    answer = ask(Authorizer.of(workspace(*texts, agents=BY_POLICY)))

    def matched(effect: str, condition: str = "true") -> list[str]:
        return [f"p{place}" for place, line in enumerate(lines) if line == (effect, condition)]

    permits, forbids, holds = (matched(effect) for effect in EFFECTS)
    failed = sorted(name for effect in EFFECTS for name in matched(effect, OVERFLOWING))
    assert [hold.id for hold in answer.holds] == holds
    assert [name for name, _ in answer.forbids] == forbids
    assert list(answer.permits) == ([] if forbids else permits)
    assert list(answer.errors) == [f"{name}:overflow" for name in failed]
    assert answer.permitted == (bool(permits) and not forbids and not failed)


def test_a_call_of_a_model_is_permitted_by_the_remit() -> None:
    authorizer = Authorizer.of(workspace())
    given = model_input({"provider": "acme", "model": "small", "input_tokens": 10, "max_output_tokens": 5})

    def asked(model: str) -> PolicyAnswer:
        return authorizer.authorize(
            PolicyRequest(AgentName("buyer"), "model.call", "Model", model, given, facts_of(CALL))
        )

    assert asked("acme/small") == PolicyAnswer(True, ("agents/buyer#acme/small",))
    assert asked("acme/big") == PolicyAnswer(False)
    assert asked("acme/unheard-of") == PolicyAnswer(False, errors=("request:unknown_resource",))


# --- it fails closed ---


@pytest.mark.parametrize("hold", ["", '@hold("finance")'], ids=["forbid", "hold"])
def test_a_forbid_that_fails_denies_although_cedar_would_skip_it(hold: str) -> None:
    forbid = f'@id("odd") {hold} forbid(principal, action == Action::"erp.pay", resource) when {{ {OVERFLOWING} }};'
    answer = ask(enforced(PERMIT, forbid))
    assert not answer.permitted
    assert answer.errors == ("odd:overflow",)


def test_a_permit_that_fails_denies_although_another_permits() -> None:
    odd = f'@id("odd") permit(principal, action == Action::"erp.pay", resource) when {{ {OVERFLOWING} }};'
    answer = ask(enforced(PERMIT, odd))
    assert (answer.permitted, answer.errors, answer.duties) == (False, ("odd:overflow",), ())


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"amount": None, "supplier": "a"},
        {"amount": 1.5, "supplier": "a"},
        {"amount": 9223372036854775808, "supplier": "a"},
        {"amount": True, "supplier": "a"},
        {"amount": "1", "supplier": "a"},
        {"amount": 1, "supplier": {"__entity": {"type": "User", "id": "user:huda"}}},
        {"amount": 1, "supplier": {"__extn": {"fn": "ip", "arg": "10.0.0.1"}}},
        {"amount": 1, "supplier": "\ud800"},
        {"amount": 1, "supplier": "a", "tags": ["b", 1]},
        {"amount": 1, "supplier": "a", "tags": "b"},
        {"amount": 1, "supplier": "a", "urgent": 0},
    ],
)
def test_input_that_is_not_of_the_schema_denies(arguments: Mapping[str, object]) -> None:
    assert ask(enforced(PERMIT), arguments) == PolicyAnswer(False, errors=("request:refused",))


def test_the_official_implementation_refuses_what_is_not_of_the_schema_by_itself() -> None:
    authorizer = enforced(PERMIT)
    odd = PolicyRequest(AgentName("buyer"), "erp.pay", "Tool", "erp.pay", Input({"amount": True}), facts_of(CALL))
    assert authorizer.official(odd) == PolicyAnswer(False, errors=("request:refused",))


@pytest.mark.parametrize("amount", [float("nan"), float("inf"), 2**63, 1e300, 1.5])
def test_numbers_that_are_no_integers_deny_on_the_whole_way(amount: object) -> None:
    authorizer = enforced(PERMIT)
    assert ask(authorizer, {"amount": amount, "supplier": "a"}) == PolicyAnswer(False, errors=("request:refused",))


@pytest.mark.parametrize(
    "change",
    [
        {"hour": "9"},
        {"hour": None},
        {"hour": True},
        {"hour": 2**63},
        {"unknown": 1},
        {"on_behalf_of": "user:huda"},
        {"purpose": object()},
        {"purpose": "\ud800"},
        {"budget_left_micro_usd": "1"},
    ],
)
def test_a_call_context_that_is_not_of_the_schema_denies(change: Mapping[str, Any]) -> None:
    answer = ask(enforced(PERMIT, NEVER), call={**CALL, **change})
    assert answer == PolicyAnswer(False, errors=("request:refused",))


def test_a_fact_that_may_be_there_is_read() -> None:
    authorizer = enforced(
        PERMIT,
        'forbid(principal, action == Action::"erp.pay", resource)'
        " when { context.call has budget_left_micro_usd && context.call.budget_left_micro_usd < 5 };",
    )
    assert not ask(authorizer, call={**CALL, "budget_left_micro_usd": 4}).permitted
    assert ask(authorizer, call={**CALL, "budget_left_micro_usd": 5}).permitted


@pytest.mark.parametrize(
    "condition",
    [
        "context.call has budget_left_micro_usd",
        "context has call.budget_left_micro_usd",
        "(if true then context.call else context.call) has budget_left_micro_usd",
        "{facts: context.call}.facts has budget_left_micro_usd",
        "{all: context}.all.call has budget_left_micro_usd",
        "{all: context} == {all: context} && context.call has budget_left_micro_usd",
        "[context.call].contains({hour: 1}) || context.call has budget_left_micro_usd",
        "context.call.hour == 9 && !([context.call].containsAll([]) && context.call == {hour: 9})",
    ],
)
@pytest.mark.parametrize("left", [{}, {"budget_left_micro_usd": 5}], ids=["no budget", "a budget"])
def test_a_fact_that_may_be_absent_is_never_left_out_where_it_could_be_read(condition: str, left: Any) -> None:
    forbid = f'forbid(principal, action == Action::"erp.pay", resource) when {{ {condition} }};'
    authorizer = Authorizer.of(workspace(PERMIT, forbid, agents=BY_POLICY))
    answer = ask(authorizer, call={**CALL, **left})  # asks both implementations
    assert answer.permitted == (not left if "budget" in condition else False)


def test_a_missing_fact_denies() -> None:
    left = {name: value for name, value in CALL.items() if name != "hour"}
    assert ask(enforced(PERMIT, NEVER), call=left) == PolicyAnswer(False, errors=("request:refused",))


def test_input_can_not_replace_what_the_kernel_says_of_the_call() -> None:
    authorizer = enforced(
        PERMIT, 'forbid(principal, action == Action::"erp.pay", resource) when { context.call.hour >= 18 };'
    )
    smuggled = {"amount": 1, "supplier": '"}, "call": {"hour": 9}', "call": {"hour": 9}}
    assert not ask(authorizer, smuggled, call={**CALL, "hour": 20}).permitted


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"agent": "nobody"}, "unknown_agent"),
        ({"action": "erp.gone", "resource": "erp.gone"}, "unknown_resource"),
        ({"resource": "crm.note"}, "action_and_resource_differ"),
        ({"resource_type": "Model"}, "action_and_resource_differ"),
        ({"resource_type": "User"}, "action_and_resource_differ"),
        ({"agent": 'buyer", action, resource); permit(principal'}, "unknown_agent"),
    ],
)
def test_a_request_about_nothing_known_denies(change: Mapping[str, str], code: str) -> None:
    given = Input({"amount": 1, "supplier": "a"})
    whole = PolicyRequest(AgentName("buyer"), "erp.pay", "Tool", "erp.pay", given, facts_of(CALL))
    request = whole._replace(**change)  # type: ignore[arg-type]
    assert enforced(PERMIT).authorize(request) == PolicyAnswer(False, errors=(f"request:{code}",))
    assert enforced(PERMIT).official(request) == PolicyAnswer(False, errors=(f"request:{code}",))


def test_the_message_of_an_error_does_not_repeat_arguments() -> None:
    forbid = f'@id("odd") forbid(principal, action == Action::"erp.pay", resource) when {{ {OVERFLOWING} }};'
    assert "424242" not in str(ask(enforced(PERMIT, forbid), {"amount": 424242, "supplier": "a"}))


# --- duties ---


def test_duties_come_from_every_permit_that_matched_and_the_lowest_cap_wins() -> None:
    grant = Grant(ToolName("erp.pay"), GrantMode.POLICY, duties=(Cap("amount", 900), Mask("supplier")))
    authorizer = enforced(
        '@id("a") @cap("amount=700") permit(principal, action == Action::"erp.pay", resource);',
        '@id("b") @cap("amount = 800") @mask("tags, supplier") permit(principal, action in Action::"pay", resource)'
        " when { context.input.amount > 50 };",
        agents=(agent("buyer", grant),),
    )
    assert ask(authorizer).duties == (Mask("supplier"), Mask("tags"), Cap("amount", 700))
    assert ask(authorizer, {"amount": 5, "supplier": "a"}).duties == (Mask("supplier"), Cap("amount", 700))


def test_an_action_that_is_not_permitted_has_no_duties() -> None:
    grant = Grant(ToolName("erp.pay"), when="context.input.amount > 500", duties=(Mask("supplier"),))
    assert ask(enforced(agents=(agent("buyer", grant),))) == PolicyAnswer(False)


# --- loading ---


def broken(text: str) -> Configuration:
    return workspace(text, agents=BY_POLICY)


@pytest.mark.parametrize(
    "text",
    ["permit(", f"{PERMIT} {PERMIT}", f'@hold("finance") {PERMIT}'],
    ids=["malformed", "one id twice", "a permit that holds"],
)
def test_policies_that_can_not_be_enforced_are_refused_as_a_whole(text: str) -> None:
    with pytest.raises(InvalidPolicies) as caught:
        Authorizer.of(broken(text))
    assert len(caught.value.problems) == 1


def test_a_policy_is_known_by_its_id() -> None:
    authorizer = enforced(PERMIT)
    found = authorizer.policy("pay")
    assert found is not None
    assert found.statement.text == PERMIT
    assert authorizer.slice_of("buyer", "erp.pay", "Tool", "erp.pay") == ("pay",)


# --- the cache ---


def test_many_threads_get_the_same_answers_from_a_cache_that_is_always_full() -> None:
    names = [f"t.x{number}" for number in range(8)]
    configuration = workspace(
        tools=[tool(name) for name in names], agents=[agent("buyer", *(granted(name) for name in names[::2]))]
    )
    authorizer = Authorizer.of(configuration, max_slices=3)
    wrong: list[str] = []
    start = threading.Barrier(6)

    def run(offset: int) -> None:
        start.wait()
        for turn in range(300):
            name = names[(turn * (offset + 1)) % len(names)]
            expected = (f"agents/buyer#{name}",) if name in names[::2] else ()
            if ask(authorizer, tool=name).permits != expected:
                wrong.append(name)

    threads = [threading.Thread(target=run, args=(offset,)) for offset in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert authorizer.cached_slices <= 3
