"""What a finding says of arguments: where, and which rule. Never a value, which may be a secret."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.control.policy_tests import situation
from remit.domain.action import Action, ActionKind, Cost
from remit.domain.arguments import PayloadLimits, checked
from remit.domain.clock import Instant
from remit.domain.finding import Code, Finding, Verdict
from remit.domain.ids import ActionId, AgentName, KeyId, ReleaseId, RunId, ToolName, UserId, WorkspaceName
from remit.domain.messages import say
from remit.domain.release import (
    Agent,
    Configuration,
    Derived,
    DerivedType,
    Effect,
    Grant,
    Remit,
    Settings,
    Tool,
)
from remit.domain.run import Run
from remit.kernel.decide import decide
from remit.kernel.places import steps_to
from remit.kernel.prepared import MAX_FAULTS, MAX_PLACE, Prepared, prepare
from remit.kernel.ruleset import Ruleset
from tests.scenarios.reading import rules_and_scenarios

SCHEMA = {
    "type": "object",
    "required": ["amount", "to"],
    "properties": {
        "amount": {"type": "integer", "minimum": 1, "maximum": 500, "multipleOf": 5},
        "to": {"type": "string", "pattern": "^[A-Z]{2}$", "maxLength": 2, "minLength": 2},
        "kind": {"enum": ["wire", "card"]},
        "fixed": {"const": "yes"},
        "day": {"type": "string", "format": "date"},
        "lines": {
            "type": "array",
            "maxItems": 2,
            "minItems": 1,
            "uniqueItems": True,
            "items": {"type": "object", "properties": {"sku": {"type": "string"}}, "minProperties": 1},
        },
        "choice": {"anyOf": [{"type": "string", "maxLength": 1}, {"type": "integer", "maximum": 3}]},
        "one": {"oneOf": [{"type": "string", "maxLength": 1}, {"type": "integer", "maximum": 3}]},
        "not": {"not": {"type": "string"}},
        "names": {"type": "object", "propertyNames": {"maxLength": 1}, "additionalProperties": {"type": "integer"}},
        "has": {"type": "array", "contains": {"const": "marker"}},
        "free": {},
    },
    "dependentRequired": {"day": ["kind"]},
}
TOOL = Tool(
    name=ToolName("t.call"),
    server="t",
    effect=Effect.WRITE,
    description="",
    input_schema=SCHEMA,
    derived=(Derived("first", DerivedType.STRING, "lines[0].sku", optional=True),),
    not_governable=("choice", "one", "not", "names", "free"),
)
AGENT = Agent(AgentName("a"), UserId("user:o"), "p", remit=Remit(grants=(Grant(TOOL.name),)))
RULES = Ruleset(
    ReleaseId("rel_t"),
    Configuration(Settings(WorkspaceName("w")), {AGENT.name: AGENT}, {TOOL.name: TOOL}, (), (), {}, {}),
)
RUN = Run(
    RunId("run_t"),
    WorkspaceName("w"),
    AGENT.name,
    None,
    RULES.release,
    UserId("user:x"),
    "",
    Instant(0),
    KeyId("k"),
    salt=b"s",
)

SPEC_RULES, SPEC_SCENARIOS = rules_and_scenarios()


def prepared(arguments: dict[str, Any], run: Run = RUN) -> Prepared:
    action = Action(
        ActionId("act_t"),
        run.workspace,
        run.id,
        run.agent,
        ActionKind.TOOL,
        TOOL.name,
        arguments,
        Cost(),
        UserId("user:x"),
    )
    return prepare(RULES, run, action)


BASE = {"amount": 5, "to": "AE"}
FAULTS: dict[str, tuple[dict[str, Any], str, str]] = {
    "too much": ({**BASE, "amount": 505}, "amount", "maximum 500"),
    "too little": ({**BASE, "amount": 0}, "amount", "minimum 1"),
    "not a multiple": ({**BASE, "amount": 7}, "amount", "multipleOf 5"),
    "text for a number": ({**BASE, "amount": "5"}, "amount", "type integer"),
    "missing": ({"amount": 5}, "to", "required"),
    "another pattern": ({**BASE, "to": "ae"}, "to", "pattern ^[A-Z]{2}$"),
    "not in the list": ({**BASE, "kind": "cash"}, "kind", "enum wire, card"),
    "not the constant": ({**BASE, "fixed": "no"}, "fixed", "const yes"),
    "unknown": ({**BASE, "iban": "AE07"}, "(undeclared)", "additionalProperties"),
    "unknown within": (
        {**BASE, "lines": [{"sku": "1"}, {"price": "2"}]},
        "lines.1.(undeclared)",
        "additionalProperties",
    ),
    "too many": ({**BASE, "lines": [{"sku": "1"}, {"sku": "2"}, {"sku": "3"}]}, "lines", "maxItems 2"),
    "no alternative": ({**BASE, "choice": "long"}, "choice", "anyOf"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_fault_names_the_place_and_the_rule(case: str) -> None:
    arguments, place, rule = FAULTS[case]
    (fault,) = prepared(arguments).faults
    assert fault.verdict is Verdict.DENY
    assert fault.param("field") == place
    assert fault.param("rule") == rule
    assert fault.code is (Code.ARGUMENT_UNKNOWN if rule == "additionalProperties" else Code.ARGUMENTS_INVALID)


def test_only_the_first_of_a_thousand_faults_are_reported() -> None:
    faults = prepared({**BASE, "lines": [{"sku": n} for n in range(1000)]}).faults
    assert len(faults) == MAX_FAULTS


def test_a_name_that_the_agent_chose_stands_in_no_finding() -> None:
    """It may be a card number. What the tool takes is said instead, in the words of its author."""
    for name in ("4111111111111111 exp 12/27 cvv 123", "x" * 10_000, "\u202eevil", "\x1b[31mred", "ناقل"):
        for arguments in ({**BASE, name: 1}, {**BASE, "names": {name: "text"}}, {**BASE, "lines": [{name: 1}]}):
            faults = prepared(arguments).faults
            assert faults
            assert all(name not in words((fault,)) for fault in faults)
            assert all(len(str(fault.param("field"))) <= MAX_PLACE for fault in faults)


def test_an_undeclared_argument_is_told_with_what_the_tool_takes_there() -> None:
    (fault,) = prepared({**BASE, "lines": [{"card": "1"}]}).faults
    assert say(fault) == "t.call takes no argument lines.0.(undeclared); it takes sku"
    (fault,) = prepared({**BASE, "card": "1", "pin": 2}).faults
    assert str(fault.param("takes")).startswith("amount, to, kind, ")


def test_a_name_within_a_map_is_not_shown() -> None:
    faults = prepared({**BASE, "names": {"q": "text"}}).faults
    assert [fault.param("field") for fault in faults] == ["names.*"]


COMPOSED: dict[str, Any] = {
    "properties": {"head": {"$ref": "#/$defs/a~1node"}},
    "allOf": [{"properties": {"also": {"type": "integer"}}}],
    "$defs": {"a/node": {"properties": {"next": {"$ref": "#/$defs/a~1node"}, "n": {"type": "integer"}}}},
}


def test_declared_names_are_found_through_references_and_parts() -> None:
    assert steps_to(COMPOSED, ["head", "next", "next", "n"]) == (["head", "next", "next", "n"], [])
    assert steps_to(COMPOSED, ["also"]) == (["also"], [])
    assert steps_to(COMPOSED, ["head", "also", 0, "n"]) == (["head", "*", "0", "*"], [])
    assert steps_to(COMPOSED, []) == ([], ["head", "also"])
    assert steps_to({"$ref": "#"}, [])[1] == []


SECRET = "s3cr3t-"
secrets = st.one_of(
    st.text("abcdef", min_size=6, max_size=12).map(lambda text: SECRET + text),
    st.integers(10**9, 10**10).map(lambda number: 770_000_000_000_000 + number),
    st.floats(1e17, 1e18),
)
deep = st.recursive(
    secrets,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(["sku", SECRET + "extra"]), inner, max_size=2),
    ),
    max_leaves=5,
)
hostile = st.dictionaries(st.sampled_from([*SCHEMA["properties"], SECRET + "unknown"]), deep, max_size=6)


def leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for part in value.values() for leaf in leaves(part)]
    if isinstance(value, list):
        return [leaf for part in value for leaf in leaves(part)]
    return [value]


def words(findings: tuple[Finding, ...]) -> str:
    written = json.dumps([finding.as_json() for finding in findings], ensure_ascii=False)
    return written + "".join(say(finding, language) for finding in findings for language in ("en", "ar"))


@given(hostile)
def test_no_value_of_an_argument_stands_in_any_finding(arguments: dict[str, Any]) -> None:
    checked(arguments, PayloadLimits())
    call = prepared(arguments)
    facts, _ = situation(SPEC_RULES, SPEC_SCENARIOS[0])
    said = words(decide(facts, call).findings)
    for value in leaves(arguments):
        assert str(value) not in said
    assert SECRET not in said
