"""Answers to what can do harm need a person who has signed in: a token lies in scripts and leaks.

On the machine itself, `remit approvals` works on the database and asks for no credential: whoever can read the database
and its key file can do more than that.
"""

from __future__ import annotations

from remit.api.use_cases import UseCases
from remit.asgi.answers import Refusal
from remit.domain.identity import Caller, CredentialKind
from remit.domain.release import Effect
from remit.kernel.ruleset import Ruleset
from remit.storage.approval import Approval

HIGH_RISK = frozenset({Effect.PAY, Effect.DELETE, Effect.ADMIN})
"""Effects whose approvals need a session in every workspace; `sign_in_to_approve` adds to them."""


class SignInNeeded(Refusal):
    """A token was shown where a session is needed. `link` is where to sign in and answer."""

    def __init__(self, effect: Effect, link: str) -> None:
        super().__init__(
            403,
            "sign_in_needed",
            f"an approval of what has the effect {effect.value} is answered by a signed-in person, with no token",
            f"Sign in and answer it at {link}",
        )
        self.link = link

    def document(self) -> dict[str, object]:
        """Return the problem document with one more member, `link`."""
        return {**super().document(), "link": self.link}


def check_signed_in(use: UseCases, caller: Caller, approval: Approval) -> None:
    """Refuse a token for a high-risk approval, by the release that asked or by the one that is active now.

    Raises Refusal, and ReleaseUnusable where nobody can tell.
    """
    if caller.kind is CredentialKind.SESSION:
        return
    active = use.rules(approval.workspace)
    for rules in (use.rulesets.of(approval.workspace, approval.release), active):
        effect = None if rules is None else _high_risk(rules, approval.target)
        if effect is not None:
            raise SignInNeeded(effect, use.link_to(approval.id))


def _high_risk(rules: Ruleset, target: str) -> Effect | None:
    tool = rules.tool(target)
    wider = rules.configuration.settings.sign_in_to_approve
    return tool.effect if tool is not None and (tool.effect in HIGH_RISK or tool.effect in wider) else None
