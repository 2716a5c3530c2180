"""What was found where in a text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from remit.domain.upstream import DataClass


class MarkKind(StrEnum):
    """What is found. Its value is the word of the placeholder that takes its place."""

    SECRET = "SECRET"  # noqa: S105 - a kind of finding, not a password
    PRIVATE_KEY = "PRIVATE_KEY"
    EMAIL = "EMAIL"
    PHONE = "PHONE"
    CARD = "CARD"
    IBAN = "IBAN"
    EMIRATES_ID = "EMIRATES_ID"
    SAUDI_ID = "SAUDI_ID"
    PASSPORT = "PASSPORT"
    TRADE_LICENCE = "TRADE_LICENCE"


CLASSES: Mapping[MarkKind, DataClass] = MappingProxyType(
    {
        MarkKind.SECRET: DataClass.SECRET,
        MarkKind.PRIVATE_KEY: DataClass.SECRET,
        MarkKind.EMAIL: DataClass.PII,
        MarkKind.PHONE: DataClass.PII,
        MarkKind.CARD: DataClass.FINANCIAL,
        MarkKind.IBAN: DataClass.FINANCIAL,
        MarkKind.EMIRATES_ID: DataClass.PII,
        MarkKind.SAUDI_ID: DataClass.PII,
        MarkKind.PASSPORT: DataClass.PII,
        MarkKind.TRADE_LICENCE: DataClass.PII,
    }
)
"""The class of data that each kind belongs to."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A stretch of a text, from `start` up to but not including `end`, in characters of the text as it was given."""

    start: int
    end: int
    kind: MarkKind

    @property
    def label(self) -> DataClass:
        """The class of data that it is."""
        return CLASSES[self.kind]
