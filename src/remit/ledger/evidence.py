"""What a verifier looks at: a bundle as `remit audit export` writes it, or anything that can be read like one.

README.md       what this is and how to check it
head.json       workspace, origin, how many records the database counted, and whether the sealer raised an alarm
checkpoint      the newest signed checkpoint
checkpoints/N   earlier ones, by the number of records
rotations/N     which key followed which, signed by both; N counts from 1
keys            the public keys, oldest first: for convenience, never for trust
records.jsonl   every record, one a line, in order; those behind the checkpoint are not sealed yet
releases.jsonl  each release with the SHA-256 of its files
tile/...        C2SP tlog-tiles, so that a static web server can serve the folder as a log
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

RECORDS, RELEASES, HEAD, KEYS, CHECKPOINT = "records.jsonl", "releases.jsonl", "head.json", "keys", "checkpoint"
CHECKPOINTS, ROTATIONS = "checkpoints", "rotations"
FORMAT = 1
MAX_LINE_BYTES = 256 * 1_048_576


class Unreadable(ValueError):
    """The evidence can not be looked at. The message says what to do."""


@dataclass(frozen=True, slots=True)
class Head:
    """What the database said of itself. None of it is signed: it can only accuse, not acquit."""

    workspace: str
    origin: str
    records: int
    alarm: str = ""

    def as_json(self) -> dict[str, object]:
        """Return the form that stands in head.json."""
        return {
            "format": FORMAT,
            "workspace": self.workspace,
            "origin": self.origin,
            "records": self.records,
            "alarm": self.alarm,
        }

    @classmethod
    def of(cls, raw: bytes) -> Head:
        """Read head.json. Raises Unreadable."""
        try:
            data = json.loads(raw)
            version, records = data["format"], data["records"]
            texts = [data[field] for field in ("workspace", "origin", "alarm")]
        except (ValueError, KeyError, TypeError) as error:
            raise Unreadable(f"{HEAD} can not be read: {error!r}") from None
        if version != FORMAT:
            raise Unreadable(f"{HEAD}: format {version} is not known here; use a newer verifier")
        if type(records) is not int or not all(isinstance(text, str) for text in texts):
            raise Unreadable(f"{HEAD}: a field has another type than it should")
        return cls(texts[0], texts[1], records, texts[2])


class Evidence(Protocol):
    """Something to verify. Every question may be asked again and gets the same answer."""

    def head(self) -> Head: ...

    def records(self) -> Iterator[bytes]: ...

    def releases(self) -> Iterator[dict[str, Any]]: ...

    def file(self, path: str) -> bytes | None:
        """Return a file of the bundle by its path; None where there is none."""

    def names(self, folder: str) -> tuple[str, ...]:
        """Return the names of the files in a folder, in order of the numbers they are."""

    def remarks(self) -> tuple[str, ...]:
        """Return what else is wrong, once `records` was read to its end."""


class Bundle:
    """A folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def head(self) -> Head:
        """Return what the database said. Raises Unreadable."""
        raw = self.file(HEAD)
        if raw is None:
            raise Unreadable(f"{self._folder}: holds no {HEAD}: name a folder that `remit audit export` has written")
        return Head.of(raw)

    def records(self) -> Iterator[bytes]:
        """Yield the lines of records.jsonl. Raises Unreadable."""
        return self._lines(RECORDS)

    def releases(self) -> Iterator[dict[str, Any]]:
        """Yield the releases. Raises Unreadable."""
        for line in self._lines(RELEASES):
            try:
                release = json.loads(line)
            except ValueError:
                raise Unreadable(f"{RELEASES}: a line is no JSON") from None
            if not isinstance(release, dict):
                raise Unreadable(f"{RELEASES}: a line is no object")
            yield release

    def file(self, path: str) -> bytes | None:
        """Return a file, None where it is missing. Raises Unreadable where it can not be read."""
        try:
            return (self._folder / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise Unreadable(f"{self._folder / path}: {error.strerror}") from None

    def names(self, folder: str) -> tuple[str, ...]:
        """Return the names of a folder's files that are numbers, in their order."""
        try:
            found = [path.name for path in (self._folder / folder).iterdir()]
        except (FileNotFoundError, NotADirectoryError):
            return ()
        return tuple(sorted((name for name in found if name.isascii() and name.isdigit()), key=int))

    def remarks(self) -> tuple[str, ...]:
        """A bundle has nothing to add."""
        return ()

    def _lines(self, name: str) -> Iterator[bytes]:
        try:
            with (self._folder / name).open("rb") as file:
                while line := file.readline(MAX_LINE_BYTES):
                    yield line.removesuffix(b"\n")
        except OSError as error:
            raise Unreadable(f"{self._folder / name}: {error.strerror}") from None
