"""What an agent is told of the policies that denied or held its action, when it asks."""

from __future__ import annotations

import orjson

from remit.domain.ids import ActionId, RunId, WorkspaceName
from remit.domain.policy_reading import PolicyReading, for_agent
from remit.domain.record import RecordKind
from remit.execution.recorded import Recorded
from remit.execution.rulesets import ReleaseUnusable
from remit.kernel.checks.policy import request_of
from remit.policy.why import readings
from remit.storage.port import Reads
from remit.storage.sealed import PayloadLost, WrongMasterKey


def reasons(
    store: Reads, recorded: Recorded, workspace: WorkspaceName, run: RunId, action: ActionId
) -> tuple[PolicyReading, ...]:
    """Return how the policies read an action of a run.

    Nothing where it is not on record, is another run's, or can not be read any more: then findings are all there is.
    """
    body = store.record(workspace, f"{action}/decision")
    record = {} if body is None else orjson.loads(body)
    if record.get("kind") != RecordKind.DECISION_MADE.value or record["run"] != run:
        return ()
    try:
        facts, call = recorded.situation(record)
    except (PayloadLost, WrongMasterKey, ReleaseUnusable):
        return ()
    request = request_of(facts, call)
    return () if request is None else for_agent(readings(call.rules.authorizer, request))
