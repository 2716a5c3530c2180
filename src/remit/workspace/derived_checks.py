"""Derived fields call functions that JMESPath has. What else they must be, remit.policy says: it evaluates them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions

from remit.workspace.draft import Draft, below
from remit.workspace.report import meant


def check_derived_fields(draft: Draft) -> None:
    """Report unknown functions: JMESPath would find them at the first call only, which would then be denied."""
    for written in draft.tools:
        for derived in written.value.derived:
            for name in dict.fromkeys(_functions_of(derived.jmespath)):
                if name not in Functions.FUNCTION_TABLE:
                    path = below("derived", derived.name, "jmespath")
                    remedy = meant(name, Functions.FUNCTION_TABLE, "See the functions at https://jmespath.org")
                    draft.report.add(written.source, path, f"JMESPath has no function `{name}`", remedy)


def _functions_of(expression: str) -> tuple[str, ...]:
    """Return the functions an expression calls; none where it can not be read, which is reported elsewhere."""
    try:
        return tuple(_called(jmespath.compile(expression).parsed))
    except (JMESPathError, ValueError, RecursionError):
        return ()


def _called(node: Mapping[str, object]) -> Iterator[str]:
    if node["type"] == "function_expression":
        yield str(node["value"])
    children = node.get("children", [])
    assert isinstance(children, list)
    for child in children:
        if isinstance(child, Mapping):
            yield from _called(child)
