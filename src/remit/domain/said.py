"""Something to be said in English or Arabic: a code of a catalogue, and what is filled in, which may itself be said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from remit.domain.messages import Language
from remit.domain.title import FSI, PDI

Part: TypeAlias = "str | Said | tuple[Part, ...]"
"""What is filled in: a name or value as it is, something that is said as well, or a list."""


@dataclass(frozen=True, slots=True)
class Said:
    """Something to be said. With a `count`, the form of the words is that of the number, which is filled in as `n`."""

    code: str
    parts: Mapping[str, Part] = field(default_factory=dict)
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The words of one language: sentences by code, and of what is counted the forms that the language has."""

    language: Language
    sentences: Mapping[str, str]
    forms: Mapping[str, tuple[str, ...]]
    comma: str

    def say(self, part: Part) -> str:
        """Put something into words."""
        match part:
            case Said(code, _, int(count)):
                return self._form(self.forms[code], count).format(n=f"{count:,}")
            case Said(code, parts):
                return self.sentences[code].format_map({name: self.say(each) for name, each in parts.items()})
            case tuple():
                return self.comma.join(self.say(each) for each in part)
            case _:
                return self._kept_apart(str(part))

    def _form(self, forms: tuple[str, ...], count: int) -> str:
        """Choose the form for a number: as the Unicode plural rules for Arabic, and for English, have it."""
        if self.language == "en":
            return forms[0 if count == 1 else 1]
        one, two, few, many, other = forms
        if count in (1, 2):
            return one if count == 1 else two
        return few if 3 <= count % 100 <= 10 else many if count % 100 >= 11 else other

    def _kept_apart(self, value: str) -> str:
        """Keep a name or value in its own direction within Arabic (UAX 9, section 2.5); lines of text stand apart."""
        return value if self.language == "en" or "\n" in value or not value else f"{FSI}{value}{PDI}"
