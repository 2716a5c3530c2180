"""Expected errors of the use cases, put into problem documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi.exceptions import RequestValidationError

from remit.asgi.answers import Refusal
from remit.control.approval_detail import DetailRefused
from remit.control.approvals import AnswerRefused
from remit.control.attempts import TooManyAttempts
from remit.control.credentials import CredentialRefused
from remit.control.delegations import DelegationRefused
from remit.control.edits import EditDenied
from remit.control.passwords import PasswordUnfit
from remit.control.people import PersonRefused
from remit.control.releases import FolderHasProblems, GateClosed, ReleaseRefused, TestsFailed
from remit.control.signing_in import SignInRefused
from remit.control.stops import StopRefused
from remit.control.trials import TrialRefused
from remit.domain.arguments import BadArguments
from remit.domain.messages import say
from remit.domain.problem import Problem
from remit.execution.door import RunRefused
from remit.execution.rulesets import ReleaseUnusable, TooManyLoading
from remit.execution.served import KeyReused
from remit.execution.workflows.again import NotAgain
from remit.execution.workflows.programs import WorkflowUnknown
from remit.execution.workflows.starting import InputsUnfit, NothingActive
from remit.execution.workflows.triggers import InputsFailed
from remit.ledger.tiles import BadTile
from remit.storage.port import StoreError
from remit.storage.sealed import PayloadLost

_KNOWN: tuple[tuple[type[Exception], int, str, str], ...] = (
    (FolderHasProblems, 422, "folder_has_problems", "Correct the files; `problems` lists every mistake"),
    (TestsFailed, 422, "tests_failed", "Correct the files or the tests; POST /api/v1/releases/plan shows them"),
    (TrialRefused, 409, "trial_refused", "The detail says what would be right"),
    (GateClosed, 409, "gate_closed", "The detail says which gate, and what to run"),
    (ReleaseRefused, 409, "release_refused", "The detail says what would be right"),
    (DetailRefused, 409, "payload_changed", "Do not answer it; tell whoever runs the database"),
    (EditDenied, 422, "edit_denied", "Give arguments that the agent is allowed; `problems` lists every finding"),
    (DelegationRefused, 422, "delegation_refused", "The detail says what would be right"),
    (AnswerRefused, 409, "answer_refused", "The detail says why; look at the approval again"),
    (StopRefused, 422, "stop_refused", "The detail says what would be right"),
    (PersonRefused, 409, "person_refused", "The detail says what would be right"),
    (CredentialRefused, 409, "credential_refused", "The detail says what would be right"),
    (PasswordUnfit, 422, "password_unfit", "Choose a longer one"),
    (SignInRefused, 401, "not_signed_in", "Try again, or ask an admin for a sign-in link"),
    (ReleaseUnusable, 409, "release_unusable", "Apply the workspace again with this version"),
    (WorkflowUnknown, 404, "no_workflow", "GET /api/v1/workflows lists what there is"),
    (NothingActive, 409, "no_release", "Apply a workspace first"),
    (InputsUnfit, 422, "inputs_unfit", "Give what the workflow takes; `problems` lists every mistake"),
    (RunRefused, 422, "run_refused", "The detail says what would be right"),
    (NotAgain, 409, "not_again", "The detail says why, and what would be right"),
    (InputsFailed, 422, "inputs_unfit", "Tell of what the trigger reads"),
    (KeyReused, 422, "key_reused", "Take a new key for each new request"),
    (BadTile, 409, "ledger_broken", "Run `remit audit verify` where the database is"),
    (PayloadLost, 410, "erased", "It is gone for ever; the record stands"),
    (TooManyLoading, 503, "releases_loading", "Wait, and ask again"),
    (StoreError, 503, "store_failed", "Try again with the same Idempotency-Key"),
)


class Listed(Refusal):
    """A refusal that lists what is wrong, mistake by mistake."""

    def __init__(self, refusal: Refusal, problems: Sequence[Mapping[str, object]]) -> None:
        super().__init__(refusal.status, refusal.code, refusal.detail, refusal.remedy, field=refusal.field)
        self.problems = problems

    def document(self) -> dict[str, object]:
        """Return the problem document with one more member, `problems`."""
        return {**super().document(), "problems": list(self.problems)}


def refusal_of(error: Exception) -> Refusal | None:
    """Return the refusal an expected error stands for, or None for one that nobody expected."""
    match error:
        case Refusal():
            return error
        case RequestValidationError():
            return _unfit(error)
        case BadArguments():
            return Refusal(422, f"arguments.{error.code}", error.message, error.remedy, field=error.path)
        case TooManyAttempts():
            return Refusal(429, "too_many_attempts", str(error), "Wait", retry_after_s=error.wait_s)
    for kind, status, code, remedy in _KNOWN:
        if isinstance(error, kind):
            refusal = Refusal(status, code, str(error), remedy, retry_after_s=1 if status == 503 else 0)
            if isinstance(error, InputsUnfit):
                return Listed(refusal, [{"field": at, "message": what} for at, what in error.faults])
            if isinstance(error, FolderHasProblems | TestsFailed | EditDenied):
                return Listed(refusal, _mistakes(error))
            return refusal
    return None


def _unfit(error: RequestValidationError) -> Refusal:
    """Say which field does not fit and why; never what was in it."""
    problems = [{"field": _path(each), "message": str(each["msg"])} for each in error.errors()[:100]]
    first = problems[0]
    remedy = "Correct the fields; the OpenAPI document describes them"
    refusal = Refusal(422, "field_unfit", str(first["message"]), remedy, field=str(first["field"]))
    return Listed(refusal, problems)


def _path(each: Mapping[str, Any]) -> str:
    steps = [str(step) for step in each["loc"]]
    return ".".join(steps[1:] or steps)[:200].encode("unicode_escape").decode()[:200]


def _mistakes(error: FolderHasProblems | TestsFailed | EditDenied) -> list[dict[str, object]]:
    if isinstance(error, EditDenied):
        return [finding.as_json() | {"message": say(finding)} for finding in error.findings]
    if isinstance(error, FolderHasProblems):
        return [mistake(problem) for problem in error.problems]
    return [{"test": tested.scenario.name, "misses": list(tested.misses)} for tested in error.failed]


def mistake(problem: Problem) -> dict[str, object]:
    """Return one mistake in a file as JSON."""
    return {
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "field": problem.field,
        "message": problem.message,
        "remedy": problem.remedy,
        "severity": problem.severity.value,
    }
