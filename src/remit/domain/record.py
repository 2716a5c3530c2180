"""One line of the ledger."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from remit.domain.canonical import canonical
from remit.domain.clock import Instant
from remit.domain.ids import RunId, WorkspaceName

FORMAT = 1
"""Version of the record format; every record carries it as `v`."""


class RecordKind(StrEnum):
    """What happened, in the past tense."""

    RUN_STARTED = "run_started"
    DECISION_MADE = "decision_made"
    OUTCOME_REPORTED = "outcome_reported"
    RUN_ENDED = "run_ended"
    APPROVAL_ANSWERED = "approval_answered"
    APPROVAL_ESCALATED = "approval_escalated"
    APPROVAL_EXPIRED = "approval_expired"
    APPROVAL_EDITED = "approval_edited"
    QUESTION_ASKED = "question_asked"
    QUESTION_ANSWERED = "question_answered"
    DELEGATION_CHANGED = "delegation_changed"
    STOP_CHANGED = "stop_changed"
    WORKFLOW_ASKED = "workflow_asked"
    RELEASE_MADE = "release_made"
    RELEASE_PROPOSED = "release_proposed"
    RELEASE_ACTIVATED = "release_activated"
    RELEASE_WITHDRAWN = "release_withdrawn"
    POLICIES_DIFFERED = "policies_differed"
    PAYLOAD_READ = "payload_read"
    PAYLOADS_ERASED = "payloads_erased"
    TRIAL_CHANGED = "trial_changed"
    LEDGER_KEY_CHANGED = "ledger_key_changed"
    PERSON_CHANGED = "person_changed"
    KEY_CHANGED = "key_changed"
    SIGNED_IN = "signed_in"


@dataclass(frozen=True, slots=True)
class Record:
    """A line as it is stored: `body` is its RFC 8785 form, `leaf` the RFC 6962 leaf hash over it.

    `key` is unique in the workspace: the same thing said twice is one record. `no` counts a workspace's records from 1
    without gaps, in the transaction that writes them: one that is missing is missed.
    """

    workspace: WorkspaceName
    no: int
    key: str
    kind: RecordKind
    run: RunId | None
    at: Instant
    body: bytes
    leaf: bytes

    @classmethod
    def of(
        cls,
        workspace: WorkspaceName,
        no: int,
        key: str,
        kind: RecordKind,
        at: Instant,
        run: RunId | None,
        content: Mapping[str, object],
    ) -> Record:
        """Write a record.

        `content` holds ASCII keys, integers, strings, booleans, nulls, and lists and mappings of those.
        """
        body = canonical(
            {
                "v": FORMAT,
                "workspace": workspace,
                "no": no,
                "key": key,
                "kind": kind.value,
                "at": at,
                "run": run,
                **content,
            }
        )
        return cls(workspace, no, key, kind, run, at, body, leaf_hash(body))


def policies_differed_key(release: str) -> str:
    """Return the key of the one record that says that a release's compiled policies were found to differ."""
    return f"{release}/policies_differed"


def leaf_hash(body: bytes) -> bytes:
    """Return the leaf hash of RFC 6962, section 2.1: SHA-256 over a zero byte and the entry."""
    return hashlib.sha256(b"\x00" + body).digest()
