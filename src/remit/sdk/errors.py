"""What an agent is told when an action is not admitted. Messages are for people; `findings` are for programs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from remit.domain.action import ActionState
from remit.domain.admission import Admission, AskedQuestion, WaitingFor
from remit.domain.finding import Check, Code, Finding
from remit.domain.ids import ApprovalId
from remit.domain.messages import Language, say, telling
from remit.domain.policy_reading import PolicyReading, say_reading


class RemitError(Exception):
    """Any reason why an action did not run. Nothing was dispatched."""


class Unavailable(RemitError):
    """The decision could not be made or stored: the store is full, read-only or gone.

    Fails closed: nothing was admitted. It may be tried again.
    """


class Unreachable(Unavailable):
    """Nobody answers where the server should be; whether it has heard is not known."""


class Refused(RemitError):
    """Something was asked for that can not be: no such agent, no active or usable release, data that was erased.

    Asking the same again brings nothing until that is changed.
    """


class NotAdmitted(RemitError):
    """The action was decided, and it may not run, or not yet."""

    _policies: tuple[PolicyReading, ...] = ()

    def __init__(self, admission: Admission, target: str) -> None:
        self.admission = admission
        self.target = target
        self.reader: Callable[[], tuple[PolicyReading, ...]] | None = None
        super().__init__(self._found("en"))

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What every check found."""
        return self.admission.decision.findings

    @property
    def reasons(self) -> tuple[Finding, ...]:
        """The findings that made the verdict."""
        return self.admission.decision.reasons

    @property
    def policies(self) -> tuple[PolicyReading, ...]:
        """How the policies read the action, clause by clause: what forbade or held it, else the nearest permits.

        Asked for when it is first looked at, of the database or the server; nothing where they do not answer.
        """
        reader, self.reader = self.reader, None
        if reader is not None:
            with contextlib.suppress(RemitError):
                self._policies = reader()
        return self._policies

    def why(self, language: Language = "en") -> str:
        """Say in words why: what was found, and of the policies each clause that decided, with the values it read."""
        policies = self.policies if any(finding.code.check is Check.POLICY for finding in self.reasons) else ()
        return ". ".join((self._found(language), *(say_reading(each, language) for each in policies)))

    def _found(self, language: Language) -> str:
        return f"{self.target}: {'; '.join(say(finding, language) for finding in telling(self.reasons))}"


class Denied(NotAdmitted):
    """The action is outside the agent's remit."""


class Stopped(Denied):
    """The run, its agent or something above was stopped, or the run was denied too often.

    Whatever the agent tries next is denied too.
    """


class Rejected(Denied):
    """A person has said no to exactly this action."""


class Expired(Denied):
    """Nobody answered in time. Not a no: trying again asks again."""


class Held(NotAdmitted):
    """A person must decide first.

    `approval` names what is waited for; the same call again, once approved, runs once. `questions` are what people have
    asked the agent meanwhile, as far as it has waited: `run.answer(held.approval, "...")` answers the oldest.
    """

    def __init__(self, admission: Admission, target: str, questions: tuple[AskedQuestion, ...] = ()) -> None:
        super().__init__(admission, target)
        self.questions = questions

    @property
    def approval(self) -> ApprovalId:
        """The id of the approval that people answer."""
        assert self.admission.approval is not None
        return self.admission.approval

    @property
    def digest(self) -> str:
        """The digest of the arguments, which whoever answers must name."""
        return self.admission.digest


def not_admitted(admission: Admission, target: str, waited: WaitingFor | None = None) -> NotAdmitted:
    """Return the error that fits an admission that is not `admitted`."""
    if admission.state is ActionState.HELD:
        return Held(admission, target, () if waited is None else waited.unanswered)
    codes = {finding.code for finding in admission.decision.reasons}
    if Code.DENIALS_REACHED in codes or any(code.check is Check.STOP for code in codes):
        return Stopped(admission, target)
    if Code.OVERSIGHT_REJECTED in codes:
        return Rejected(admission, target)
    if Code.OVERSIGHT_EXPIRED in codes:
        return Expired(admission, target)
    return Denied(admission, target)
