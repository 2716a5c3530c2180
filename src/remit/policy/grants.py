"""The permits that remits make: one for each tool granted and each model, so that nothing else is permitted."""

from __future__ import annotations

from collections.abc import Iterator

from cedarpy import pst

from remit.domain.ids import AgentName
from remit.domain.problem import Problem
from remit.domain.release import Agent, Grant, GrantMode, PolicyFile
from remit.policy.schema import MODEL_CALL
from remit.policy.scopes import Uid, uid
from remit.policy.statements import Policy, Statement, parse, split


def quoted(name: str) -> str:
    """Return `name` as a Cedar string. Everything but printable ASCII is escaped (Cedar grammar, "STR")."""
    return '"' + "".join(_escaped(character) for character in name) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    return character if " " <= character <= "~" else f"\\u{{{ord(character):x}}}"


def grant_id(agent: AgentName, target: str) -> str:
    """Return the id of the permit made from a grant, such as `agents/buyer#erp.pay`."""
    return f"agents/{agent}#{target}"


def granted(agent: Agent, grant: Grant) -> Policy | Problem:
    """Return the permit of a grant. The file of its place is the permit's id: the caller knows the YAML line."""
    return _permit(agent, grant.tool, uid("Action", grant.tool), uid("Tool", grant.tool), grant.when)


def granted_model(agent: Agent, model: str) -> Policy | Problem:
    """Return the permit to call a model of the remit."""
    return _permit(agent, model, uid("Action", MODEL_CALL), uid("Model", model), "")


def permits(agent: Agent) -> Iterator[Policy | Problem]:
    """Yield the permits of one remit. Tools whose grant has mode POLICY are left to written policies."""
    for grant in agent.remit.grants:
        if grant.mode is GrantMode.GRANT:
            yield granted(agent, grant)
    for model in agent.remit.models:
        yield granted_model(agent, model)


def _permit(agent: Agent, target: str, action: Uid, resource: Uid, when: str) -> Policy | Problem:
    """Compose the permit around the condition, parse it, and see that the condition stayed a condition."""
    principal = uid("Agent", agent.name)
    scope = ", ".join(
        f"{variable} == {entity.type}::{quoted(entity.id)}"
        for variable, entity in (("principal", principal), ("action", action), ("resource", resource))
    )
    # The line break after the condition keeps a comment in it from swallowing the brace.
    condition = f" when {{\n{when}\n}}" if when.strip() else ""
    text = f"permit({scope}){condition};"
    name = grant_id(agent.name, target)
    statement = Statement(name, 0, 0, 1, text)
    if len(split(PolicyFile(name, text))) != 1:
        return _broken_out(statement)
    parsed = parse(statement)
    if isinstance(parsed, Problem):
        return parsed
    tree = parsed.tree
    expected = pst.Template(
        tree.id,
        "permit",
        pst.ScopeEq(principal),
        pst.ActionEq(action),
        pst.ScopeEq(resource),
        tree.clauses,
        tree.annotations,
    )
    clauses_held = [type(clause) for clause in tree.clauses] == ([pst.When] if condition else [])
    if tree != expected or tree.annotations or not clauses_held:
        return _broken_out(statement)
    return Policy(name, parsed.statement, tree)


def _broken_out(statement: Statement) -> Problem:
    return statement.problem(
        "the condition ends the `when { ... }` it stands in",
        "Write one Cedar expression without closing the braces around it",
    )
