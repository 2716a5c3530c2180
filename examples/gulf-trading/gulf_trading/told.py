"""What came of a tool call, read from what an agent writes down of it: the answer that any MCP client gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

OUTCOME = "remit/outcome"
"""Where the answer to a call that did not run says so for programs."""


@dataclass(frozen=True, slots=True)
class Told:
    """One tool call.

    Attributes:
        verdict: `allowed`, `held`, `denied`, or `failed` where it was allowed and its server brought no result.
        reasons: in words, where it was not allowed.
        approval: what a person answers, where it was held.
        digest: of the arguments, which the answer must name.
    """

    tool: str
    arguments: Mapping[str, Any]
    verdict: str
    reasons: tuple[str, ...] = ()
    approval: str = ""
    digest: str = ""

    @classmethod
    def of(cls, called: Mapping[str, Any]) -> Self:
        """Return what is told of a call that has been answered."""
        told = called.get("meta", {}).get(OUTCOME, {})
        outcome = told.get("outcome", "ok")
        verdict = {"ok": "allowed", "held": "held", "failed": "failed", "cut": "failed"}.get(outcome, "denied")
        reasons = tuple(finding["message"] for finding in told.get("findings", ())) or (called["words"],)
        return cls(
            called["tool"],
            called["arguments"],
            verdict,
            () if verdict == "allowed" else reasons,
            told.get("approval", ""),
        )

    @classmethod
    def waiting(cls, asked: Mapping[str, Any], digest: str) -> Self:
        """Return what is told of a call whose agent shows a person the address of the approval."""
        approval = asked["url"].rpartition("/")[2]
        return cls(asked["tool"], asked["arguments"], "held", (asked["words"],), approval, digest)
