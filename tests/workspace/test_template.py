"""Every template makes a policy that a workspace with the tool takes, and that decides as its name says."""

from collections.abc import Mapping

import pytest

from remit.control.policy_tests import run_tests
from remit.domain.ids import ReleaseId
from remit.domain.release import PolicyFile
from remit.kernel.ruleset import Ruleset
from remit.policy.statements import Policy, parse, split
from remit.workspace.reading import read
from remit.workspace.template import TYPES, BadTemplate, template, template_names
from tests.worlds import OWNER, SARA, VISITOR, agent, documents, files, yaml

TOOLS = documents(
    yaml(
        "Tool",
        name="bank.pay",
        effect="pay",
        description="Pays somebody.",
        input={
            "type": "object",
            "required": ["payee"],
            "properties": {
                "amount": {"type": "integer", "minimum": 1, "maximum": 1_000_000},
                "payee": {"type": "string"},
                "region": {"type": "string"},
            },
        },
    ),
    yaml("Tool", name="bank.read", effect="read", description="Reads.", input={"type": "object", "properties": {}}),
)
MORNING, NIGHT, SUNDAY = "2026-01-05T06:00:00Z", "2026-01-05T17:00:00Z", "2026-01-04T06:00:00Z"
"""10:00 and 21:00 of a Monday in Dubai, and 10:00 of a Sunday."""
PAY: Mapping[str, object] = {"tool": "bank.pay", "arguments": {"payee": "Najd", "amount": 10, "region": "ae"}}
READ: Mapping[str, object] = {"tool": "bank.read", "arguments": {}}


def pays(**arguments: object) -> Mapping[str, object]:
    return {"tool": "bank.pay", "arguments": {"payee": "Najd", **arguments}}


def at(moment: str, call: Mapping[str, object] = PAY) -> Mapping[str, object]:
    return {**call, "facts": {"at": moment}}


def by(person: str) -> Mapping[str, object]:
    return {**PAY, "on_behalf_of": person}


CASES: Mapping[str, tuple[Mapping[str, str], list[tuple[Mapping[str, object], str]]]] = {
    "separation-of-duties": (
        {"tool": "bank.pay", "group": "finance"},
        [(by(SARA), "deny"), (by(VISITOR), "allow"), (by(OWNER), "deny")],
    ),
    "known-person": (
        {"tool": "bank.pay"},
        [(PAY, "deny"), (READ, "allow"), ({**PAY, "facts": {"verified": True}}, "allow")],
    ),
    "spend-cap": (
        {"tool": "bank.pay", "most": "500"},
        [(pays(amount=500), "allow"), (pays(amount=501), "deny"), (pays(), "deny")],
    ),
    "working-hours": (
        {"tool": "bank.pay"},
        [(at(MORNING), "allow"), (at(NIGHT), "deny"), (at(SUNDAY), "deny"), (at(NIGHT, READ), "allow")],
    ),
    "residency": (
        {"tool": "bank.pay", "regions": "ae, sa"},
        [(pays(region="sa"), "allow"), (pays(region="us"), "deny"), (pays(), "deny")],
    ),
    "allow-list": (
        {"tool": "bank.pay", "argument": "payee", "allowed": "Najd"},
        [(pays(), "allow"), (pays(payee="Nadj"), "deny")],
    ),
    "read-only-outside-hours": (
        {},
        [(at(MORNING), "allow"), (at(NIGHT), "deny"), (at(SUNDAY), "deny"), (at(NIGHT, READ), "allow")],
    ),
    "first-time-payee": (
        {"tool": "bank.pay", "known": "Najd", "group": "finance"},
        [(pays(), "allow"), (pays(payee="Someone new"), "hold")],
    ),
}


def folder(name: str, policy: str) -> dict[str, bytes]:
    """A workspace with the policy and its scenarios."""
    scenarios = [
        {"name": f"{name} {number}", "agent": "buyer", "expect": expect, **call}
        | ({} if expect == "allow" else {"policies": [name]})
        for number, (call, expect) in enumerate(CASES[name][1])
    ]
    return files(
        {
            "tools/erp.yaml": TOOLS,
            "agents/buyer.yaml": agent(tools=["bank.pay", "bank.read"]),
            "policies/pay.cedar": policy,
            "tests/made.yaml": yaml("Tests", tests=scenarios),
        }
    )


def test_every_template_has_a_case_and_all_that_the_issue_names_are_there() -> None:
    assert sorted(CASES) == list(template_names())


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_template_is_valid_and_decides_as_its_name_says(name: str) -> None:
    reading = read(folder(name, template(name).filled(CASES[name][0])), "tiny")
    assert reading.problems == ()
    assert reading.configuration is not None
    tested = run_tests(Ruleset(ReleaseId("rel_1"), reading.configuration), reading.scenarios)
    assert len(tested) == len(CASES[name][1])
    assert [result.misses for result in tested if not result.passed] == []


@pytest.mark.parametrize("name", sorted(CASES))
def test_the_parameters_of_a_template_are_typed_and_all_of_them_are_in_its_text(name: str) -> None:
    found = template(name)
    assert {parameter.type for parameter in found.parameters} <= TYPES.keys()
    assert all(f"${parameter.name}" in found.text for parameter in found.parameters)
    assert len(found.summary) <= 78
    assert [parameter.name for parameter in found.parameters if parameter.default is None] == list(CASES[name][0])


def one(text: str) -> Policy:
    """The only policy of a text."""
    (statement,) = split(PolicyFile("policies/a.cedar", text))
    found = parse(statement)
    assert isinstance(found, Policy)
    return found


def test_a_text_can_not_end_the_string_it_stands_in() -> None:
    evil = 'a"].contains("a") }; permit(principal, action, resource); //\\'
    given = {"tool": "bank.pay", "argument": "payee", "allowed": f"{evil},$tool,\u0634\u0631\u0643\u0629"}
    policy = one(template("allow-list").filled(given))
    assert policy.tree.effect == "forbid"
    assert all(text in str(policy.tree) for text in ("$tool", "\u0634\u0631\u0643\u0629"))


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("spend-cup", {}, "there is no template `spend-cup`. Perhaps `spend-cap` is meant"),
        ("xyz", {}, "there is no template `xyz`. There are allow-list, first-time-payee, "),
        ("spend-cap", {"tool": "a"}, "spend-cap needs --set most=...; `remit policy new` says what each means"),
        ("spend-cap", {"mots": "5"}, "spend-cap has no parameter `mots`; it takes tool, amount, most, id"),
        ("spend-cap", {"most": "-5"}, "most can not be '-5': write a whole number from 0, digits only"),
        ("spend-cap", {"most": "9223372036854775808"}, "most can not be '9223372036854775808'"),
        ("spend-cap", {"most": "\u0665"}, "most can not be '\u0665'"),
        ("spend-cap", {"most": "5", "tool": 'a" || true'}, "tool can not be 'a\" || true': write the name of a tool"),
        ("spend-cap", {"most": "5", "amount": "has"}, "amount can not be 'has'"),
        ("spend-cap", {"most": "5", "amount": "a > 0 || x"}, "amount can not be 'a > 0 || x'"),
        ("spend-cap", {"most": "5", "id": "a b"}, "id can not be 'a b'"),
        ("working-hours", {"start": "25"}, "start can not be '25': write an hour from 0 to 24"),
        ("working-hours", {"start": "18", "end": "9"}, "start must be less than end, and 18 is not less than 9"),
        ("working-hours", {"days": "1,8"}, "days can not be '1,8': write days from 1 (Monday) to 7"),
        ("allow-list", {"argument": "a", "allowed": "b,"}, "allowed can not be 'b,': write one text or more"),
        ("allow-list", {"argument": "a", "allowed": "b\u202ec"}, "allowed contains U+202E: leave it out"),
        ("allow-list", {"argument": "a", "allowed": "b\nc"}, "allowed contains a line break: leave it out"),
        ("allow-list", {"argument": "a", "allowed": "b" * 10_001}, "allowed has 10,001 characters"),
    ],
    ids=lambda value: None if isinstance(value, dict) else ascii(value)[:30],
)
def test_a_wrong_parameter_is_told_with_what_would_be_right(name: str, given: dict[str, str], said: str) -> None:
    needed = {} if "needs" in said or "no parameter" in said else {"tool": "bank.pay"}
    with pytest.raises(BadTemplate) as raised:
        template(name).filled(needed | given)
    assert said in str(raised.value)
