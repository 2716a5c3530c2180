"""One line of what a release would change, in a reviewer's words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from remit.domain.change_arabic import ARABIC
from remit.domain.change_english import ENGLISH
from remit.domain.messages import Language
from remit.domain.said import Catalogue, Said

_CATALOGUES: Mapping[Language, Catalogue] = MappingProxyType({"en": ENGLISH, "ar": ARABIC})


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
        said: what changes, as a code with what is filled in.
    """

    resource: str
    kind: ChangeKind
    said: Said

    def words(self, language: Language = "en") -> str:
        """Return one sentence without a full stop; the text of a changed policy follows on lines of its own."""
        return _CATALOGUES[language].say(self.said)
