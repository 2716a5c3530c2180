"""E-mail addresses, as people write them: ASCII names at domains of ASCII labels."""

from __future__ import annotations

import re
from collections.abc import Iterator

from remit.screens.mark import MarkKind
from remit.screens.span import Span

_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9_%+-][A-Za-z0-9._%+-]{0,63}+@"
    r"(?:[A-Za-z0-9-]{1,63}+\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9-])"
)
_REPOSITORY = re.compile(r"git@")
"""`git@github.com:owner/name` is where code is kept, and nobody's address."""


def addresses_in(text: str, begin: int, end: int) -> Iterator[Span]:
    """Yield the e-mail addresses between two places."""
    if text.find("@", begin, end) < 0:
        return
    for found in _EMAIL.finditer(text, begin, end):
        if _REPOSITORY.match(found[0]) is None:
            yield Span(*found.span(), MarkKind.EMAIL)
