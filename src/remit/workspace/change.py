"""One line of what a release would change, in a reviewer's words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ChangeKind(StrEnum):
    """What happened to a resource."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Change:
    """One change.

    Attributes:
        resource: kind and name, such as `agent procurement-optimizer`; a policy file by its path.
        words: one sentence without a full stop; the text of a changed policy follows on lines of its own.
    """

    resource: str
    kind: ChangeKind
    words: str
