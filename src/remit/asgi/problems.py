"""Expected errors of the agents' use cases, as refusals."""

from __future__ import annotations

from remit.asgi.answers import Refusal
from remit.domain.arguments import BadArguments
from remit.execution.admission import AdmissionClosed, Overloaded
from remit.execution.door import RunRefused
from remit.execution.rulesets import ReleaseUnusable
from remit.execution.served import KeyReused
from remit.execution.transaction import ActionIdReused, NothingAsked, NothingOpen, RunNotStarted
from remit.storage.port import StoreError
from remit.storage.sealed import PayloadLost


def refusal_of(error: Exception) -> Refusal:
    """Put an expected error into a problem; anything else is an internal error that tells nothing."""
    for kind, status, code, remedy in _PROBLEMS:
        if isinstance(error, kind):
            return Refusal(status, code, str(error), remedy, retry_after_s=1 if status == 503 else 0)
    if isinstance(error, Refusal):
        return error
    if isinstance(error, BadArguments):
        return Refusal(422, f"arguments.{error.code}", error.message, error.remedy, field=error.path)
    return Refusal(500, "internal", "the request failed; nothing was admitted", "The server's log says why")


_PROBLEMS: tuple[tuple[type[Exception], int, str, str], ...] = (
    (Overloaded, 503, "overloaded", "Try again with the same id, slower"),
    (AdmissionClosed, 503, "closing", "Try again with the same id"),
    (StoreError, 503, "store_failed", "Try again with the same id: it finds out whether this took effect"),
    (PayloadLost, 410, "erased", "Start a new run"),
    (RunRefused, 422, "run_refused", "The detail says what would be right"),
    (ReleaseUnusable, 422, "release_unusable", "Apply the workspace again with this version, and start a new run"),
    (ActionIdReused, 422, "key_reused", "Take a new id for each new action"),
    (KeyReused, 422, "key_reused", "Take a new key for each new request"),
    (NothingAsked, 409, "nothing_asked", "The state of the approval lists the questions that wait"),
    (NothingOpen, 409, "nothing_open", "Report one outcome for each admitted action"),
    (RunNotStarted, 409, "no_run", "Start a run first"),
)
