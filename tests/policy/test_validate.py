"""Every mistake is found in one go, at its place, with what was probably meant."""

from collections.abc import Sequence
from typing import Literal

import pytest

from remit.domain.ids import ToolName
from remit.domain.problem import Severity
from remit.domain.release import Cap, Derived, DerivedType, Grant, Mask, Tool
from remit.policy.density import DENSE
from remit.policy.validate import problems
from tests.policy.samples import AGENTS, COVERED, TOOLS, agent, by_policy, granted, tool, workspace

PAY = 'forbid(principal, action == Action::"erp.pay", resource)'


def said(*policies: str, tools: Sequence[Tool] = TOOLS) -> list[str]:
    return [str(each) for each in problems(workspace(COVERED, *policies, tools=tools))]


def test_a_workspace_without_mistakes_has_no_problems() -> None:
    assert said(f"{PAY} when {{ context.input.amount > 1000 }};") == []


@pytest.mark.parametrize(
    "condition",
    ["context.input.amonut > 1000", "context.input has amonut && context.input.amonut > 1000"],
    ids=["read", "tested first, which Cedar lets pass"],
)
def test_a_misspelt_attribute_is_an_error_where_it_stands(condition: str) -> None:
    (found,) = problems(workspace(COVERED, f"// Ceiling\n{PAY}\nwhen {{ {condition} }};"))
    assert (found.file, found.line, found.field) == ("policies/1.cedar", 3, "context.input.amonut")
    assert found.column == len("when { ") + condition.index("amonut") + 1
    assert found.message == "`context.input` has no attribute `amonut` for erp.pay"
    assert found.remedy == "Perhaps you meant `amount`"


def test_a_misspelt_attribute_is_found_in_a_branch_that_never_decides() -> None:
    (found,) = said(f"{PAY} when {{ context.input.amount > 9 || context.input has amonut }};")
    assert "Perhaps you meant `amount`" in found


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (
            f'{PAY} when {{ context.input has currency && context.input.currency == "SRA" }};',
            "`context.input.currency` is never `SRA`. Perhaps you meant `SAR`",
        ),
        (
            f'{PAY} when {{ ["AED", "UDS"].contains(context.call.assurance) }};',
            "`context.call.assurance` is never `AED`. The values are `cooperative`, `enforced`, `observed`",
        ),
        (f'{PAY} when {{ context.input.currency == "AED" }};', "Test it first: `context.input has currency && ...`"),
        (f"{PAY} when {{ principal.ownr == principal }};", "Agent has no attribute `ownr`. Perhaps you meant `owner`"),
        (f"{PAY} when {{ context.call.hours > 5 }};", "has no attribute `hours` for erp.pay. Perhaps you meant `hour`"),
        (f"{PAY} when {{ context.input.amount }};", "unexpected type"),
        (
            'forbid(principal, action in Action::"invoke", resource) when { context.input.amount > 5 };',
            (
                "has no attribute `amount` for crm.note, which this policy covers too. "
                "Test it first: `context.input has amount && ...`, or narrow the scope"
            ),
        ),
        (
            'forbid(principal, action == Action::"erp.pya", resource);',
            "no Action `erp.pya`. Perhaps you meant `erp.pay`",
        ),
        ('forbid(principal == Agent::"byuer", action, resource);', "no Agent `byuer`. Perhaps you meant `buyer`"),
        ('forbid(principal in Role::"clrk", action, resource);', "no Role `clrk`. Perhaps you meant `clerk`"),
        (
            'forbid(principal in Team::"sales", action, resource);',
            "no Team `sales`. The teams of agents are `procurement`",
        ),
        (
            'forbid(principal, action, resource == Model::"acme/smal");',
            "no Model `acme/smal`. Perhaps you meant `acme/small`",
        ),
        ('forbid(principal, action, resource in ToolServer::"rep");', "no ToolServer `rep`. Perhaps you meant `erp`"),
        (
            f'{PAY} when {{ context.call.on_behalf_of in Group::"finanse" }};',
            "no Group `finanse`. Perhaps you meant `finance`",
        ),
        (
            f'{PAY} when {{ context.call.on_behalf_of == User::"huda" }};',
            "no User `huda`. Perhaps you meant `user:huda`",
        ),
        (
            'forbid(principal is Agnt, action == Action::"erp.pay", resource);',
            "no entity type `Agnt`. Perhaps you meant `Agent`",
        ),
        (f'@reson("why") {PAY};', "there is no annotation @reson. Perhaps you meant `reason`"),
        (f'@hold("fianance") {PAY};', "there is no group `fianance`. Perhaps you meant `finance`"),
        (f"@hold {PAY};", "there is no group ``. The groups are `finance`"),
        (f'@mask("supplier") {PAY};', "@mask stands on a forbid"),
        (f'@id("a/b") {PAY};', "`a/b` is no name"),
        (f'@id("one") {PAY}; @id("one") {PAY};', "the id `one` is taken by policies/1.cedar:1"),
        ('forbid(principal, action == Action::"erp.pay", resource == Tool::"crm.note");', "can never match"),
        (f"{PAY} when {{ context.input.amount > 10 && context.input.amount < 5 }};", "can never match"),
        (f"{PAY} when {{ context.input.amount > 1000000 }};", "can never match"),
        ('permit(principal, action == Action::"erp.refund", resource);', "the permit decides nothing"),
        ('permit(principal, action == Action::"model.call", resource);', "the permit decides nothing"),
        (
            'permit(principal, action in Action::"invoke", resource);',
            "the permit also covers `erp.pay` of auditor, whose grant sets a condition of its own",
        ),
    ],
)
def test_a_mistake_in_a_policy(policy: str, message: str) -> None:
    found = said(policy)
    assert any(message in each and ": error:" in each for each in found), found


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        ('@mask("txet")', "`crm.note` has no argument `txet`. Perhaps you meant `text`"),
        ('@cap("text=5")', "`text` of `crm.note` is no integer"),
        ('@cap("text")', "@cap must give arguments their maxima"),
        ('@mask("text,")', "@mask must name arguments"),
        ('@hold("finance")', "@hold stands on a permit"),
    ],
)
def test_a_duty_names_arguments_that_are_there(annotation: str, message: str) -> None:
    found = [str(each) for each in problems(workspace(annotation + COVERED))]
    assert len(found) == 1
    assert message in found[0]


def test_a_grant_that_no_policy_permits_is_an_error() -> None:
    (found,) = problems(workspace())
    assert (found.file, found.field) == ("agents/buyer.yaml", "remit.tools[1]")
    assert found.message == "no policy permits `crm.note`, so every call would be denied"


def test_an_unscoped_policy_is_a_warning() -> None:
    (found,) = said("forbid(principal, action, resource) when { context.call.hour < 6 };")
    assert ": warning: the policy has no scope" in found


def test_all_mistakes_are_found_at_once_in_the_order_of_their_places() -> None:
    found = said(f"{PAY} when {{ context.input.amonut > 1 }};\nforbid(;\n{PAY} when {{ true && false }};\n@hodl {PAY};")
    assert [each.split(":")[1] for each in found] == ["1", "2", "3", "4"]


class Lines:
    """A locator that knows a line for everything."""

    def where(self, kind: Literal["agent", "tool"], name: str, field: str) -> tuple[str, int, int]:
        return f"all/{kind}/{name}", 7, len(field)


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ("context.input.amonut > 5", "Perhaps you meant `amount`"),
        ("context.input.amount < 0", "can never match"),
        ("true } when { true", "the condition ends the `when { ... }` it stands in"),
        ("true }; permit(principal, action, resource) when { true", "the condition ends the `when { ... }`"),
        ("context.input.amount >", "this is not a Cedar policy"),
    ],
)
def test_a_mistake_in_the_condition_of_a_grant_is_placed_in_its_agent(when: str, message: str) -> None:
    configuration = workspace(agents=[agent("buyer", granted("crm.note"), granted("erp.pay", when))])
    (found,) = problems(configuration, Lines())
    field = "remit.tools[1].when"
    assert (found.file, found.line, found.column, found.field) == ("all/agent/buyer", 7, len(field), field)
    assert message in str(found)


def test_a_condition_beside_mode_policy_would_be_skipped_so_it_is_an_error() -> None:
    unread = Grant(ToolName("crm.note"), by_policy("crm.note").mode, "true")
    (found,) = problems(workspace(COVERED, agents=[agent("buyer", unread)]))
    assert "the condition would never be read" in found.message


def test_the_duties_of_a_grant_are_checked() -> None:
    duties = (Mask("suplier"), Cap("supplier", 5), Cap("amount", 5))
    configuration = workspace(agents=[agent("buyer", Grant(ToolName("erp.pay"), duties=duties))])
    assert {(each.field, each.message) for each in problems(configuration)} == {
        ("remit.tools[0].mask", "`erp.pay` has no argument `suplier`"),
        ("remit.tools[0].cap", "`supplier` of `erp.pay` is no integer"),
    }


ODD = {"type": "object", "properties": {"price": {"type": "number"}, "count": {"type": "integer"}}}


@pytest.mark.parametrize(
    ("not_governable", "derived", "messages"),
    [
        ((), (), ["policies can not read `price`, because it is a number that may have a fraction"]),
        (("price",), (), []),
        (("price", "prize"), (), ["the tool has no argument `prize`. Perhaps you meant `price`"]),
        (("price", "count"), (), ["policies can read `count`. Take it out of this list"]),
        (("price",), (("count", "price"),), ["`count` is an argument too, so an agent could fill it in"]),
        (
            ("price",),
            (("cents", "prize"),),
            ["reads `prize`, which is no argument of the tool. Perhaps you meant `price`"],
        ),
        (("price",), (("cents", "price +"),), ["the expression is not JMESPath"]),
        (("price",), (("cents", "a" * 1001),), ["the expression has 1001 characters, 1000 are allowed"]),
    ],
)
def test_the_fields_of_a_tool(
    not_governable: tuple[str, ...], derived: tuple[tuple[str, str], ...], messages: list[str]
) -> None:
    fields = [Derived(name, DerivedType.INTEGER, expression) for name, expression in derived]
    odd = tool("shop.buy", schema=ODD, not_governable=not_governable, derived=fields)
    found = said(tools=[*TOOLS, odd])
    assert len(found) == len(messages)
    for message, text in zip(messages, found, strict=True):
        assert message in text
        assert text.startswith("tools/shop.buy.yaml: error: ")


def test_a_tool_that_lets_in_unlisted_arguments_must_say_so() -> None:
    schema = {"type": "object", "properties": {"count": {"type": "integer"}}, "additionalProperties": True}
    (found,) = said(tools=[*TOOLS, tool("shop.buy", schema=schema)])
    assert "input: the schema lets in arguments that are not listed under `properties`, which no policy can" in found
    assert "List every argument under `properties`, or add `*` to `not_governable`" in found
    assert said(tools=[*TOOLS, tool("shop.buy", schema=schema, not_governable=["*"])]) == []


def test_a_policy_on_an_argument_that_is_not_governable_says_so() -> None:
    odd = tool("shop.buy", schema=ODD, not_governable=["price"])
    (found,) = said(
        'forbid(principal, action == Action::"shop.buy", resource) when { context.input has price };',
        tools=[*TOOLS, odd],
    )
    assert "policies can not read the argument `price` of `shop.buy`. Derive a field of it by JMESPath" in found


def test_a_tool_can_not_take_the_name_of_an_action_of_the_platform() -> None:
    (found,) = said(tools=[*TOOLS, tool("read")])
    assert "`read` names an action of the platform" in found


def test_the_samples_are_enforceable() -> None:
    assert [each.name for each in AGENTS] == ["buyer", "auditor"]
    assert problems(workspace(COVERED)) == ()


def test_a_slice_that_grows_dense_is_warned_of_before_it_is_slow() -> None:
    def rules(count: int) -> str:
        return "\n".join(
            f'forbid(principal, action in Action::"pay", resource) when {{ context.call.steps == {number} }};'
            for number in range(count)
        )

    assert said(rules(DENSE - 2)) == []
    (found,) = problems(workspace(COVERED, rules(DENSE - 1)))  # and the grant's own condition
    assert found.severity is Severity.WARNING
    assert found.message.startswith(f"{DENSE} policies have a say when auditor calls erp.pay; beyond 50")
