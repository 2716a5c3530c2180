"""Which budgets an action counts against, and on which rows: its own agent's, and those of every agent above it."""

from __future__ import annotations

from collections.abc import Iterator

from remit.domain.facts import Facts, Scope
from remit.kernel.prepared import Prepared
from remit.kernel.ruleset import Charge


def charged(facts: Facts, call: Prepared) -> list[tuple[Charge, Scope]]:
    """Return each budget once with the row it is counted on, own ones first, then those of the runs above.

    A delegated run spends what the one above it has: budgets of that run, of its agent and its team. Those of the
    workspace and of the user are the same for all of them.
    """
    user = call.run.on_behalf_of
    own = [
        (charge, scope)
        for charge in call.rules.charges(call.run.agent)
        if (scope := facts.of(charge.scope)) is not None and charge.applies_to(user)
    ]
    return [*own, *_above(facts, call)] if facts.line else own


def _above(facts: Facts, call: Prepared) -> Iterator[tuple[Charge, Scope]]:
    own = ((charge, facts.of(charge.scope)) for charge in call.rules.charges(call.run.agent))
    counted = {(charge.budget.name, scope.id) for charge, scope in own if scope is not None}
    for superior in facts.line:
        for charge in call.rules.charges(superior.agent):
            scope = superior.of(charge.scope)
            if scope is not None and (charge.budget.name, scope.id) not in counted:
                counted.add((charge.budget.name, scope.id))
                yield charge, scope


def has_money_budget(facts: Facts, call: Prepared) -> bool:
    """Tell whether an action without a known price must be denied."""
    agents = (call.run.agent, *(superior.agent for superior in facts.line))
    return any(call.rules.has_money_budget(agent, call.run.on_behalf_of) for agent in agents)
