"""A Cedar file is taken apart at its semicolons; the official implementation parses each part."""

import pytest

from remit.domain.problem import Problem
from remit.domain.release import PolicyFile
from remit.policy.statements import MAX_CHARACTERS, Policy, parse, split

ANYTHING = "permit(principal, action, resource)"


def parsed(text: str) -> list[Policy | Problem]:
    return [parse(statement) for statement in split(PolicyFile("policies/pay.cedar", text))]


def only_problem(text: str) -> Problem:
    (found,) = parsed(text)
    assert isinstance(found, Problem)
    return found


def test_semicolons_in_strings_and_comments_end_nothing() -> None:
    text = f"""// a comment; with "one" in it
{ANYTHING} when {{ context.a == "x;\\"//y" }}; // another; one

  {ANYTHING};
"""
    first, second = split(PolicyFile("policies/pay.cedar", text))
    assert (first.line, first.column, second.line, second.column) == (2, 1, 4, 3)
    assert first.text.endswith('"x;\\"//y" };')
    assert all(isinstance(each, Policy) for each in parsed(text))


def test_a_policy_without_an_id_is_named_by_its_place() -> None:
    first, second = parsed(f'{ANYTHING};\n@id("ceiling") {ANYTHING};')
    assert isinstance(first, Policy)
    assert isinstance(second, Policy)
    assert (first.id, second.id) == ("policies/pay.cedar#1", "ceiling")


def test_nothing_but_comments_holds_no_statement() -> None:
    assert parsed("// nothing here\n\n  // at all") == []


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("permit(principal, action);", 1, 1, "this is not a Cedar policy"),
        (f"{ANYTHING};\n  {ANYTHING}", 2, 3, "this is not a Cedar policy"),
        (f"{ANYTHING};;", 1, 37, "this is not a Cedar policy"),
        (f"{ANYTHING} {ANYTHING};", 1, 1, "this is not a Cedar policy"),
        (f'{ANYTHING};\n{ANYTHING} when {{ context.a == "open }};', 2, 1, "this is not a Cedar policy"),
        ("permit(principal == ?principal, action, resource);", 1, 1, "is a template"),
        (f'@reason("a\u202eb") {ANYTHING};', 1, 1, "contains U\\+202E, which nobody can see"),
        (f'{ANYTHING} when {{ context.a == "\ud800" }};', 1, 1, "contains U\\+D800"),
    ],
)
def test_a_mistake_is_placed_at_its_statement(text: str, line: int, column: int, message: str) -> None:
    found = next(each for each in parsed(text) if isinstance(each, Problem))
    assert (found.line, found.column) == (line, column)
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(found.message)


@pytest.mark.parametrize(
    "condition",
    [
        "(" * 5_000 + "true" + ")" * 5_000,
        "context" + ".a" * 6_000 + " == 1",
        "true && " * 2_400 + "true",
        "if true then " * 1_000 + "true" + " else false" * 1_000,
        "[" * 1_000 + "1" + "]" * 1_000 + " == 1",
    ],
    ids=["brackets", "attributes", "and", "if", "sets"],
)
def test_what_would_overflow_the_official_parser_never_reaches_it(condition: str) -> None:
    assert "Split it into several policies" in only_problem(f"{ANYTHING} when {{ {condition} }};").remedy


def test_a_policy_has_a_length() -> None:
    found = only_problem(f'{ANYTHING} when {{ context.a == "{"x" * MAX_CHARACTERS}" }};')
    assert found.message.startswith(f"a policy may have {MAX_CHARACTERS} characters")


def test_nesting_beyond_the_typed_tree_is_a_mistake_and_no_crash() -> None:
    assert "nesting" in only_problem(f"{ANYTHING} when {{ {'true && ' * 150}true }};").message
