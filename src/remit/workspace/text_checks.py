"""Bytes to text, and the characters that would make a reviewer read something else than Remit does."""

from __future__ import annotations

import re

from remit.domain.problem import Problem

MAX_BYTES = 1 << 20
"""Largest file, in bytes."""

_MISLEADING = re.compile(
    "[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u0084\u0086-\u009f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def decoded(file: str, data: bytes) -> tuple[str, Problem | None]:
    """Return the text of a file without its byte order mark, or the problem that keeps it from being read."""
    if len(data) > MAX_BYTES:
        message = f"the file is larger than {MAX_BYTES >> 20} MiB"
        return "", Problem(file, 0, 0, "", message, "Split it; keep data outside the configuration")
    try:
        return data.decode("utf-8").removeprefix("\ufeff"), None
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        message = f"byte 0x{data[error.start]:02x} is not UTF-8"
        return "", Problem(file, line, column, "", message, "Save the file as UTF-8")


def misleading_character(text: str) -> str | None:
    """Name the first control, bidirectional override or lone surrogate, such as `U+202E`, or return None.

    Arabic letters and their marks, joiners and direction marks pass: prose needs them. Overrides and isolates
    reorder what stands around them, which is how source text deceives (CVE-2021-42574). Names are checked
    more strictly, by domain/text.py.
    """
    found = _MISLEADING.search(text)
    return f"U+{ord(found[0]):04X}" if found else None


def without_misleading(text: str) -> str:
    """Return text of the same length and lines, in which every misleading character is U+FFFD."""
    return _MISLEADING.sub("\ufffd", text)


def text_problems(file: str, text: str) -> tuple[Problem, ...]:
    """Report the misleading characters of a file, comments included; one a line."""
    problems = []
    for number, line in enumerate(text.split("\n"), start=1):
        found = _MISLEADING.search(line.removesuffix("\r"))
        if found is not None:
            message = f"the line holds U+{ord(found[0]):04X}, which is not shown as it is stored"
            remedy = "Remove the character"
            problems.append(Problem(file, number, found.start() + 1, "", message, remedy))
    return tuple(problems)
