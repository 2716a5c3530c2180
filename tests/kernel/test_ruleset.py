"""Which budgets an agent's actions count against, and what a release made ready knows."""

from dataclasses import replace

from remit.domain.facts import ScopeKind
from remit.domain.ids import AgentName, BudgetName, ReleaseId, ToolName, UserId
from remit.domain.release import Budget, BudgetLevel, BudgetUnit, BudgetWindow
from remit.kernel.ruleset import Ruleset
from tests.scenarios.reading import rules_and_scenarios

RULES, _ = rules_and_scenarios()


def charged(rules: Ruleset, agent: str) -> list[str]:
    return [charge.budget.name for charge in rules.charges(AgentName(agent))]


def budget(name: str, level: BudgetLevel, subject: str | None = None) -> Budget:
    window = BudgetWindow.RUN if level is BudgetLevel.RUN else BudgetWindow.DAY
    return Budget(BudgetName(name), level, BudgetUnit.CALLS, window, 1, subject, "UTC")


def with_budgets(*budgets: Budget) -> Ruleset:
    return Ruleset(ReleaseId("rel_other"), replace(RULES.configuration, budgets=budgets))


def test_budgets_count_from_the_widest_level_to_the_narrowest() -> None:
    assert charged(RULES, "spender") == [
        "company-month",
        "lab-day",
        "lab-habit",
        "lab-tokens",
        "spender-hour",
        "fatima-day",
        "spender-run",
    ]


def test_a_budget_of_somebody_else_does_not_count() -> None:
    assert charged(RULES, "buyer") == ["company-month", "fatima-day"]
    assert charged(RULES, "stranger") == []


def test_a_budget_without_a_subject_is_for_each_of_its_level() -> None:
    rules = with_budgets(
        budget("every-team", BudgetLevel.TEAM),
        budget("every-agent", BudgetLevel.AGENT),
        budget("every-run", BudgetLevel.RUN),
        budget("this-agent", BudgetLevel.AGENT, "buyer"),
        budget("this-agents-runs", BudgetLevel.RUN, "buyer"),
    )
    assert charged(rules, "buyer") == ["every-team", "every-agent", "this-agent", "every-run", "this-agents-runs"]
    assert charged(rules, "hurried") == ["every-agent", "every-run"], "hurried is of no team"


def test_a_persons_budget_counts_for_that_person() -> None:
    (charge,) = with_budgets(budget("b", BudgetLevel.USER, "user:fatima")).charges(AgentName("buyer"))
    assert charge.scope is ScopeKind.USER
    assert charge.applies_to(UserId("user:fatima"))
    assert not charge.applies_to(UserId("user:salem"))
    (each,) = with_budgets(budget("b", BudgetLevel.USER)).charges(AgentName("buyer"))
    assert each.applies_to(UserId("user:salem"))


def test_a_money_budget_anywhere_above_needs_prices() -> None:
    assert RULES.has_money_budget(AgentName("buyer"), UserId("user:sara")), "the workspace's month is in dollars"
    assert not with_budgets(budget("b", BudgetLevel.AGENT)).has_money_budget(AgentName("buyer"), UserId("user:sara"))


def test_a_name_that_is_not_there_is_none() -> None:
    assert RULES.agent(AgentName("stranger")) is None
    assert RULES.tool("no.such") is None
    assert RULES.grant(AgentName("buyer"), "erp.drop_table") is None
    assert RULES.grant(AgentName("stranger"), "erp.pay") is None
    assert RULES.budget(BudgetName("none")) is None


def test_a_budget_is_found_wherever_it_is_written() -> None:
    for name in ("company-month", "spender-run"):
        found = RULES.budget(BudgetName(name))
        assert found is not None
        assert found.name == name


def test_the_validator_of_a_tool_is_closed() -> None:
    assert not RULES.validator(ToolName("erp.get_order")).is_valid({"order": "PO-1", "also": 1})


def test_a_money_budget_of_one_user_is_no_reason_to_deny_others() -> None:
    saras = replace(budget("b", BudgetLevel.USER, "user:sara"), unit=BudgetUnit.MICRO_USD)
    rules = with_budgets(saras)
    assert rules.has_money_budget(AgentName("buyer"), UserId("user:sara"))
    assert not rules.has_money_budget(AgentName("buyer"), UserId("user:omar"))
