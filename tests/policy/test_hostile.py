"""Policies as large, as deep and as many as limits allow, ids that try injection, schemas that change."""

from __future__ import annotations

import pytest
from cedarpy import validate_policies

from remit.domain.ids import AgentName
from remit.domain.policy_reading import Came
from remit.domain.problem import Problem
from remit.domain.release import Configuration
from remit.policy import strict
from remit.policy.authorizer import Authorizer, InvalidPolicies
from remit.policy.consequences import Search, Side
from remit.policy.remaining import Permissions
from remit.policy.request import PolicyRequest
from remit.policy.statements import MAX_NESTING
from remit.policy.validate import problems
from remit.policy.why import readings
from tests.policy.samples import AGENTS, CALL, COVERED, PAYMENT, TOOLS, agent, ask, facts_of, granted, tool, workspace

PAY = 'forbid(principal, action == Action::"erp.pay", resource)'
MEGABYTE = 1_000_000
BUYER = (agent("buyer", granted("erp.pay"), role="clerk"),)


def found(text: str) -> list[Problem]:
    return [each for each in problems(workspace(COVERED, text)) if each.file == "policies/1.cedar"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (f'// one\n{PAY} when {{ context.input.supplier == "{"x" * MEGABYTE}" }};', (2, 1)),
        (f"{PAY};\n  {PAY} when {{ {'(' * MEGABYTE}", (2, 3)),
        (f"{PAY} when {{ {'context.input.amount > 1 || ' * 40_000} true }};", (1, 1)),
        (f'"{"x" * MEGABYTE}', (1, 1)),
        (f'@id("{"i" * MEGABYTE}")\n{PAY};', (1, 1)),
    ],
    ids=["a string", "brackets", "operators", "an open string", "an id"],
)
def test_a_policy_of_a_megabyte_is_one_clear_mistake_at_its_place(text: str, place: tuple[int, int]) -> None:
    (one,) = [each for each in found(text) if each.severity == "error"]
    assert (one.line, one.column) == place
    assert one.message.startswith("a policy may have 20000 characters, this has ")
    assert len(str(one)) < 300, "what is wrong is said without repeating it"
    with pytest.raises(InvalidPolicies):
        Authorizer.of(workspace(COVERED, text))


def test_a_megabyte_of_small_policies_is_no_mistake() -> None:
    many = "\n".join(f'@id("p{n}") {PAY} when {{ context.input.supplier == "{"s" * 400}{n}" }};' for n in range(2_000))
    assert len(many) > MEGABYTE
    configuration = workspace(COVERED, many)
    assert [each for each in problems(configuration) if each.severity == "error"] == []
    assert ask(Authorizer.of(configuration), {**PAYMENT, "supplier": "s" * 400 + "7"}).forbids == (("p7", ""),)


def rules(count: int) -> str:
    """Each about another amount, half of one agent and half of the other."""
    scopes = [f'principal == Agent::"{each.name}", action == Action::"erp.refund", resource' for each in AGENTS]
    return "\n".join(
        f'@id("p{n}") forbid({scopes[n % 2]}) when {{ context.input.amount == {n + 1} }};' for n in range(count)
    )


@pytest.mark.slow
def test_of_ten_thousand_policies_the_one_mistake_is_found_and_the_others_decide() -> None:
    lines = rules(10_000).split("\n")
    lines[7_776] = lines[7_776].replace("amount", "amonut")
    (wrong,) = [each for each in problems(workspace(COVERED, "\n".join(lines))) if each.severity == "error"]
    assert (wrong.file, wrong.line, wrong.remedy) == ("policies/1.cedar", 7_777, "Perhaps you meant `amount`")
    authorizer = Authorizer.of(workspace(COVERED, rules(10_000)))
    assert len(authorizer.slice_of("buyer", "erp.pay", "Tool", "erp.pay")) == 1, "none of them has a say here"
    assert ask(authorizer).permitted


def test_policies_are_validated_a_few_at_once_so_that_others_can_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    """The official implementation lets no other thread run while it validates."""
    sizes: list[int] = []

    def counted(text: str, schema: object) -> object:
        sizes.append(text.count("forbid"))
        return validate_policies(text, schema)  # type: ignore[arg-type]

    monkeypatch.setattr(strict, "validate_policies", counted)
    lines = rules(350).split("\n")
    lines[301] = lines[301].replace("== 302", '== "x"')
    (wrong,) = [each for each in problems(workspace(COVERED, "\n".join(lines))) if each.severity == "error"]
    assert wrong.line == 302
    assert max(sizes) <= strict.AT_ONCE
    assert sum(sizes) == 350


DEEP = [
    "(" * (MAX_NESTING - 1) + "context.input.amount > 100" + ")" * (MAX_NESTING - 1),
    "!!!!(context.input.amount > 100)",
    "true && " * 90 + "context.input.amount > 100",
    "if true then " * 45 + "context.input.amount > 100" + " else false" * 45,
    "!(" * (MAX_NESTING - 2) + "context.input.amount > 100" + ")" * (MAX_NESTING - 2),
]


@pytest.mark.parametrize("condition", DEEP, ids=["brackets", "not", "and", "if", "not in brackets"])
def test_at_the_limit_of_nesting_everything_still_works(condition: str) -> None:
    text = f'@id("deep") {PAY} when {{ {condition} }};'
    configuration = workspace(text, agents=BUYER)
    assert [each for each in problems(configuration) if each.severity == "error"] == []
    authorizer = Authorizer.of(configuration)
    assert [bool(ask(authorizer, {**PAYMENT, "amount": amount}).forbids) for amount in (100, 101)] == [False, True]
    given = authorizer.inputs[tool("erp.pay").name].read({**PAYMENT, "amount": 101}, {})
    request = PolicyRequest(AgentName("buyer"), "erp.pay", "Tool", "erp.pay", given, facts_of(CALL))
    assert readings(authorizer, request)[0].came is Came.MATCHED
    (condition_left,) = Permissions(authorizer, configuration).of(BUYER[0], "erp.pay").conditions[1:]
    assert condition_left.needs == ("context.input.amount > 100",)
    without = workspace(agents=BUYER)
    (denied,) = Search(Side(without, Authorizer.of(without)), Side(configuration, authorizer), "s").run()
    assert denied.cause == "deep"


@pytest.mark.parametrize(
    "id",
    [
        r"x\"); permit(principal, action, resource); //",
        r"a\nb",
        "'; drop table records; --",
        "agents/buyer#erp.pay",
        "policy0",
        "../../etc/passwd",
        "{0.__class__}",
        "%s%n",
        "$(reboot)",
    ],
)
def test_an_id_is_a_name_and_nothing_else(id: str) -> None:
    """Whatever it says: nobody is permitted by it, and it comes back as it was written."""
    text = f'@id("{id}") {PAY} when {{ context.input.amount > 100 }};'
    configuration = workspace(COVERED, text)
    if id.startswith("agents/"):
        with pytest.raises(InvalidPolicies, match="is taken"):
            Authorizer.of(configuration)
        return
    authorizer = Authorizer.of(configuration)
    written = id.replace(r"\"", '"').replace(r"\n", "\n")
    assert ask(authorizer, {**PAYMENT, "amount": 101}).forbids == ((written, ""),)
    assert not ask(authorizer, tool="erp.refund").permitted
    assert ask(authorizer).permitted


def test_a_schema_that_changed_under_a_policy_is_told_at_the_policy() -> None:
    def under(schema: object) -> list[str]:
        changed = tool("erp.pay", schema=schema)  # type: ignore[arg-type]
        text = f"// Ceiling\n{PAY}\n  when {{ context.input.amount > 100 }};"
        return [str(each) for each in problems(changed_workspace(text, changed)) if each.severity == "error"]

    def changed_workspace(text: str, changed: object) -> Configuration:
        return workspace(text, tools=(changed, *TOOLS[1:]), agents=BUYER)  # type: ignore[arg-type]

    amount: dict[str, object] = {"type": "object", "properties": {"amount": {"type": "integer", "minimum": 1}}}
    (optional,) = under(amount)
    assert optional.startswith("policies/0.cedar:3:24: error: context.input.amount: `amount` may be absent")
    (renamed,) = under({"type": "object", "properties": {"amounts": {"type": "integer"}}, "required": ["amounts"]})
    assert renamed.startswith("policies/0.cedar:3:24: error: context.input.amount: `context.input` has no attribute")
    assert renamed.endswith("Perhaps you meant `amounts`.")
    (text,) = under({"type": "object", "properties": {"amount": {"type": "string"}}, "required": ["amount"]})
    assert text.startswith("policies/0.cedar:2:1: error: ")
    assert "unexpected type" in text
    bounds = {"type": "integer", "maximum": 100}
    (never,) = under({"type": "object", "properties": {"amount": bounds}, "required": ["amount"]})
    assert "the policy can never match" in never
