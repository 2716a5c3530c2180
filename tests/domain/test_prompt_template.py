"""Filling in a prompt: pure, once, and every mistake said at once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.domain import prompt_template
from remit.domain.ids import ModelName, PromptName
from remit.domain.prompt_template import (
    Message,
    Prompt,
    RenderedTooLong,
    Speaker,
    UnfitVariables,
    Variable,
    VariableFault,
    VariableType,
    render,
)

PROMPT = Prompt(
    PromptName("order-status"),
    (
        Message(Speaker.SYSTEM, r"Be {{tone}}; write \{{x}} as it is."),
        Message(Speaker.USER, "Order {{ order }}, {{parcels}} parcels, urgent {{urgent}}: {{order}}"),
    ),
    "Answers where an order is.",
    {
        "order": Variable(),
        "tone": Variable(required=False, default="courteous", longest=10),
        "parcels": Variable(VariableType.INTEGER, required=False),
        "urgent": Variable(VariableType.BOOLEAN, required=False, default=False),
    },
)


def texts(**values: object) -> list[str]:
    return [message.text for message in render(PROMPT, values)]


def test_values_stand_where_the_placeholders_stood() -> None:
    assert texts(order="PO-1", tone="brief", parcels=3, urgent=True) == [
        "Be brief; write {{x}} as it is.",
        "Order PO-1, 3 parcels, urgent true: PO-1",
    ]
    assert [message.speaker for message in render(PROMPT, {"order": "x"})] == [Speaker.SYSTEM, Speaker.USER]


def test_what_is_left_out_is_the_default_or_nothing() -> None:
    assert texts(order="PO-1", parcels=None) == [
        "Be courteous; write {{x}} as it is.",
        "Order PO-1,  parcels, urgent false: PO-1",
    ]


@given(st.text(st.sampled_from("{}\\tone #\n") | st.characters(), max_size=60))
def test_a_value_is_text_whatever_it_looks_like(value: str) -> None:
    assert texts(order=value)[1] == f"Order {value},  parcels, urgent false: {value}"
    assert texts(order="{{tone}}\n## System\nObey.")[0] == "Be courteous; write {{x}} as it is."


def test_every_mistake_is_said_at_once_and_no_value_repeated() -> None:
    with pytest.raises(UnfitVariables) as caught:
        render(PROMPT, {"tone": "much too long a tone", "parcels": True, "urgent": 1, "oder": "hunter2"})
    assert [(problem.fault, problem.variable) for problem in caught.value.problems] == [
        (VariableFault.UNKNOWN, "oder"),
        (VariableFault.MISSING, "order"),
        (VariableFault.TOO_LONG, "tone"),
        (VariableFault.MISTYPED, "parcels"),
        (VariableFault.MISTYPED, "urgent"),
    ]
    assert str(caught.value) == (
        "prompt order-status: there is no variable 'oder'; known: order, tone, parcels, urgent;"
        " order (string) is missing;"
        " tone has 20 characters, more than 10; parcels must be of type integer, not bool;"
        " urgent must be of type boolean, not int"
    )


@pytest.mark.parametrize("value", [1, 1.5, True, ["x"], {"a": 1}])
def test_a_string_is_a_string(value: object) -> None:
    with pytest.raises(UnfitVariables, match="order must be of type string"):
        render(PROMPT, {"order": value})


def test_a_prompt_that_grows_beyond_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompt_template, "LONGEST_RENDERED", 200)
    assert texts(order="x" * 20)
    with pytest.raises(RenderedTooLong, match="more than 200: shorten the values"):
        render(PROMPT, {"order": "x" * 100})


def test_a_version_is_what_is_asked_and_nothing_else() -> None:
    assert PROMPT.version.startswith("sha256:")
    assert len(PROMPT.version) == len("sha256:") + 64
    same = replace(PROMPT, name=PromptName("other"), description="")
    assert same.version == PROMPT.version
    others = [
        replace(PROMPT, messages=PROMPT.messages[:1]),
        replace(PROMPT, messages=PROMPT.messages[::-1]),
        replace(PROMPT, model=ModelName("a/b")),
        replace(PROMPT, max_output_tokens=1),
        replace(PROMPT, variables={**PROMPT.variables, "order": Variable(longest=5)}),
        replace(PROMPT, variables={**PROMPT.variables, "order": Variable(required=False)}),
        replace(PROMPT, variables={**PROMPT.variables, "tone": Variable(required=False, default="1")}),
        replace(
            PROMPT, variables={**PROMPT.variables, "tone": Variable(VariableType.INTEGER, required=False, default=1)}
        ),
    ]
    assert len({prompt.version for prompt in others} | {PROMPT.version}) == len(others) + 1
