"""Stop: has somebody frozen or terminated the run, agent, user, team, workspace, or the tool or model itself?"""

from __future__ import annotations

from operator import itemgetter

from remit.domain.facts import Facts
from remit.domain.finding import ABOVE, Code, Finding, Verdict
from remit.kernel.prepared import Prepared

_OK = (Finding(Code.STOP_OK, Verdict.ALLOW),)


def check(facts: Facts, call: Prepared) -> tuple[Finding, ...]:
    """Deny while any stop is in force, one on a run above this one included."""
    if not facts.above and not any(scope.stops for scope in facts.scopes()):
        return _OK
    target = f"{call.action.kind.value}:{call.action.target}"
    found = []
    named = [(scope.kind.value, scope) for scope in facts.scopes()] + [(ABOVE, scope) for scope in facts.above]
    for kind, scope in named:
        for what, stop in sorted(scope.stops.items(), key=itemgetter(0)):  # in the order a record keeps them
            if what in ("", target) and stop.holds_at(facts.now):
                stopped = what.partition(":")[0] or kind
                found.append(
                    Finding.of(
                        Code.STOPPED,
                        Verdict.DENY,
                        scope=stopped,
                        stop=stop.kind.value,
                        by=stop.by,
                        reason=stop.reason,
                    )
                )
    return tuple(found) or _OK
