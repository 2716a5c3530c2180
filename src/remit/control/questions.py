"""People ask the agent what they want to know before they answer. What it says is its own word, and never a fact."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from remit.control.approvals import AnswerRefused
from remit.control.edits import RunKeys
from remit.control.transaction import changing
from remit.control.voices import Voices, known_approval
from remit.domain.canonical import salted_digest
from remit.domain.clock import Clock
from remit.domain.facts import ApprovalState
from remit.domain.ids import ApprovalId, Ids, UserId
from remit.domain.record import RecordKind
from remit.domain.text import unfit
from remit.storage.approval import QUESTION, REPLY, Approval, Question
from remit.storage.port import SealedPayload, Store, Wanted

MOST = 20
"""Questions about one approval."""
LONGEST = 2_000
"""Characters of one."""


@dataclass(frozen=True, slots=True)
class Told:
    """A question with its words, and the agent's own, None where there are none yet."""

    question: Question
    text: str
    reply: str | None


class Questions:
    """Questions about approvals of one database."""

    def __init__(self, store: Store, clock: Clock, ids: Ids, keys: RunKeys) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._keys = keys

    def ask(self, id: ApprovalId, person: UserId, text: str, *, instead_of: UserId | None = None) -> Approval:
        """Ask the agent. Its text is sealed as the arguments are, and on record by its digest.

        Raises AnswerRefused: unknown, answered or expired; somebody who may not answer; no text, or too many questions.
        """
        known = known_approval(self._store, id)
        why = unfit(text, LONGEST, prose=True) if text.strip() else "is empty"
        if why is not None:
            raise AnswerRefused(f"the question {why}")
        now = self._clock.now()
        voice = Voices(self._store, known).of(person, instead_of, now)
        run = self._store.run(known.run)
        assert run is not None, "an approval belongs to a run"
        run = self._keys.salted(run)
        question = Question(self._ids.new("qst"), voice.by, now)
        with changing(self._store, Wanted(approval_ids=[id], workspace=known.workspace), now) as change:
            approval = change.loaded.approvals_by_id[id].lapsed(now)
            if approval.state is not ApprovalState.PENDING:
                raise AnswerRefused(f"approval {id} is {approval.state.value} already: nobody waits for an answer")
            if len(approval.questions) >= MOST:
                raise AnswerRefused(f"{MOST} questions were asked about approval {id} already")
            asked = replace(approval, questions=(*approval.questions, question))
            change.put_approval(asked)
            change.writes.payloads.append(self._keys.of_run(run).seal(question.id, QUESTION, text.encode()))
            content: dict[str, object] = {
                "approval": id,
                "run_id": run.id,
                "action": approval.action,
                "question": question.id,
                "by": voice.by,
                "text_digest": salted_digest(run.salt, text.encode()),
            }
            change.record(self._ids.new("chg"), RecordKind.QUESTION_ASKED, content)
        return asked

    def read(self, approval: Approval, person: UserId, *, reads_all: bool = False) -> tuple[Told, ...]:
        """Return the questions with their words. That they are read is on record first.

        Raises AnswerRefused for who may not answer, unless they read everything, as auditors do; PayloadLost.
        """
        if not reads_all:
            Voices(self._store, approval).check_concerned(person, self._clock.now())
        run = self._store.run(approval.run)
        assert run is not None, "an approval belongs to a run"
        found = list(self._sealed(approval))
        if found:
            named = [f"{each.owner}/{each.part}" for _, asked, reply in found for each in (asked, reply) if each]
            content: dict[str, object] = {"by": person, "approval": approval.id, "payloads": named, "searched": []}
            with changing(self._store, Wanted(workspace=approval.workspace), self._clock.now()) as change:
                change.record(self._ids.new("prd"), RecordKind.PAYLOAD_READ, content)
        key = self._keys.of_run(run) if found else None

        def words(payload: SealedPayload | None) -> str | None:
            return None if payload is None or key is None else key.open(payload).decode()

        return tuple(Told(question, words(asked) or "", words(reply)) for question, asked, reply in found)

    def _sealed(self, approval: Approval) -> Iterator[tuple[Question, SealedPayload | None, SealedPayload | None]]:
        for question in approval.questions:
            yield question, self._store.payload(question.id, QUESTION), self._store.payload(question.id, REPLY)
