"""A mistake in a workspace folder: where it is, what is wrong and what would be right."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """An error keeps a release from being made; a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake.

    `line` and `column` count from 1; 0 means the file as a whole. `field` is a dotted path such as
    `remit.tools[2]`.
    """

    file: str
    line: int
    column: int
    field: str
    message: str
    remedy: str
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        field = f" {self.field}:" if self.field else ""
        return f"{where}: {self.severity.value}:{field} {self.message}. {self.remedy}."
