"""What goes on record of trials, and how an activation ends them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from remit.control.transaction import Change
from remit.domain.ids import Ids, ReleaseId
from remit.domain.record import RecordKind
from remit.storage.candidate import Trial, TrialState


def record_trial(
    change: Change, ids: Ids, trial: Trial, what: str, by: str, more: dict[str, object] | None = None
) -> None:
    """Put on record what became of a trial."""
    content: dict[str, object] = {
        "trial": trial.id,
        "change": what,
        "trial_kind": trial.kind.value,
        "release": trial.release,
        "channel": trial.channel,
        "agents": list(trial.agents),
        "share": trial.share,
        "by": by,
        **(more or {}),
    }
    change.record(ids.new("chg"), RecordKind.TRIAL_CHANGED, content)


def end_trials(change: Change, ids: Ids, running: Sequence[Trial], active: ReleaseId | None, by: str) -> None:
    """End trials; one whose release is active now was promoted."""
    for trial in running:
        state = TrialState.PROMOTED if trial.release == active else TrialState.STOPPED
        ended = replace(trial, state=state, ended_at=change.now, ended_by=by)
        change.writes.candidates.append(ended)
        record_trial(change, ids, ended, state.value, by)
