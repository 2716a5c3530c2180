"""What runs are asked to be started with: refused where it can not be on record, or goes beyond the run above."""

from __future__ import annotations

from remit.domain.action import ActionState
from remit.domain.admission import Admission, RunRequest
from remit.domain.messages import say
from remit.domain.own_tools import delegating_tool
from remit.domain.run import Run
from remit.domain.text import ACTOR_FORMS, is_actor, unfit
from remit.kernel.ruleset import Ruleset

_LONGEST = {"agent": 128, "on_behalf_of": 256, "subject": 256, "channel": 128, "parent": 64}
_LONGEST_PURPOSE = 4_000

DEEPEST = 64
"""Most runs above one: each admission locks the rows of them all."""


class RunRefused(Exception):
    """A run can not be started: no such agent, or no active release. The message says what to do."""


def check_texts(request: RunRequest) -> None:
    """Refuse what could not be put on record as it is. A name is never altered: it would be somebody else's."""
    for name, longest in _LONGEST.items():
        value = getattr(request, name)
        why = None if value is None and name == "parent" else unfit(value, longest)
        if why is not None:
            raise RunRefused(f"{name} {why}")
    if request.identity_token:
        raise RunRefused("identity_token can be verified by a server only: connect to one, or leave it out")
    if not is_actor(request.on_behalf_of):
        raise RunRefused(
            f"on_behalf_of says whom the run acts for, and {request.on_behalf_of!r} names nobody: write {ACTOR_FORMS},"
            " where NAME is of ASCII letters, digits, `.`, `_` and `-`"
        )
    why = unfit(request.purpose, _LONGEST_PURPOSE, prose=True)
    if why is not None:
        raise RunRefused(f"purpose {why}")
    if not isinstance(request.task, str):
        raise RunRefused(f"task {unfit(request.task, 0)}")


def check_handed(rules: Ruleset, above: Run, request: RunRequest) -> None:
    """Refuse a run that would have more than the one above it: another agent than that may hand work to."""
    if request.on_behalf_of != above.on_behalf_of:
        raise RunRefused(
            f"the run above, {above.id}, acts for {above.on_behalf_of}: so does a run below it, and nobody else"
        )
    if above.agent == request.agent or rules.grant(above.agent, delegating_tool(request.agent)) is not None:
        return
    listed = rules.agent(above.agent)
    may = ", ".join(listed.remit.agents) if listed is not None else ""
    raise RunRefused(
        f"{above.agent} may not hand work to {request.agent}: its remit lists {may or 'nobody'} under `agents` in"
        f" release {above.release}"
    )


def accepted_by(admission: Admission, request: RunRequest) -> None:
    """Raise RunRefused unless work may be handed on."""
    if admission.state is not ActionState.ADMITTED:
        why = "; ".join(say(finding) for finding in admission.decision.reasons)
        word = "waits for people" if admission.state is ActionState.HELD else "was denied"
        raise RunRefused(f"handing work to {request.agent} {word}: {why}")
