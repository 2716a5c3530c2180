"""Places outside this host where checkpoints are left, so that not even its administrator can rewrite what came before.

What was left is handed to a verifier as `--witness`.
"""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from remit.ledger.checkpoint import Checkpoint
from remit.ledger.note import Note
from remit.ledger.verify import copies

if TYPE_CHECKING:
    from remit.control.bucket import Bucket

TIMEOUT_S = 30
LONGEST_NOTE = 64 * 1024
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class AnchorFailed(Exception):
    """A checkpoint could not be left there. The message says where and why."""


class Anchor(Protocol):
    """A place outside. Leaving the same checkpoint twice does no harm; what was left before is never changed."""

    def leave(self, note: str) -> None:
        """Leave a signed checkpoint. Raises AnchorFailed unless it is there when this returns."""


def anchor(place: str) -> Anchor:
    """Read `file:FOLDER`, `git:REPOSITORY`, `s3://BUCKET/PREFIX` or a web address. Raises AnchorFailed."""
    kind, _, rest = place.partition(":")
    if kind == "file" and rest:
        return FileAnchor(Path(rest))
    if kind == "git" and rest:
        return GitAnchor(Path(rest))
    if kind in ("https", "http"):
        return WebhookAnchor(place)
    if kind == "s3":
        return BucketAnchor(place)
    raise AnchorFailed(
        f"{place!r} is no place for a checkpoint: write file:FOLDER, git:REPOSITORY, s3://BUCKET/PREFIX or https://..."
    )


def left_at(places: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Yield the checkpoints that were left at some places: as `anchor` takes them, or paths of files and folders.

    An address is asked for the last that it was sent. Raises AnchorFailed, and Unreadable for a path.
    """
    for place in places:
        kind, _, rest = place.partition(":")
        if kind in ("http", "https"):
            yield WebhookAnchor(place).left()
        elif kind == "s3":
            yield from BucketAnchor(place).left()
        else:
            yield from copies([Path(rest if kind in ("file", "git") and rest else place)])


class FileAnchor:
    """A folder, best on another host or on storage that is written once: a file for each checkpoint."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def leave(self, note: str) -> None:
        """Write the checkpoint under its ledger and size; one that is there already must be the same."""
        path = self._folder / _name(note)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(note)
        except FileExistsError:
            _check_same(path, note)
        except OSError as error:
            raise AnchorFailed(f"{path}: {error.strerror}") from None


class GitAnchor:
    """A Git repository: a commit for each checkpoint. Push it somewhere else, or let a hook do so."""

    def __init__(self, repository: Path) -> None:
        self._repository = repository

    def leave(self, note: str) -> None:
        """Commit the checkpoint, and nothing else that happens to be in the repository."""
        name = _name(note)
        path = self._repository / name
        if not self._repository.is_dir():
            raise AnchorFailed(f"{self._repository}: there is no such repository")
        if path.exists():
            _check_same(path, note)
            if not self._git("status", "--porcelain", "--", name):
                return  # committed before
        FileAnchor(self._repository).leave(note)
        self._git("add", "--", name)
        self._git("commit", "--quiet", "-m", f"Checkpoint {name}", "--", name)

    def _git(self, *arguments: str) -> str:
        command = ["git", "-C", str(self._repository), *arguments]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)  # noqa: S603
        except (OSError, subprocess.TimeoutExpired) as error:
            raise AnchorFailed(f"{self._repository}: git did not run: {error}") from None
        if done.returncode:
            raise AnchorFailed(f"{self._repository}: git {arguments[0]}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout.strip()


class BucketAnchor:
    """A bucket: an object for each checkpoint, by a write that succeeds only where there is none of that name."""

    def __init__(self, place: str) -> None:
        """Raise AnchorFailed for what is no bucket, or where the library for it is not installed."""
        try:
            from remit.control.bucket import Bucket, BucketFailed
        except ImportError as error:
            raise AnchorFailed(
                f"{place}: `{error.name}` is not installed: add the extra, as in pip install 'remit[server]'"
            ) from None
        self._place = place
        self._failed = BucketFailed
        try:
            self._bucket: Bucket = Bucket(place)
        except BucketFailed as error:
            raise AnchorFailed(str(error)) from None

    def leave(self, note: str) -> None:
        """Write the checkpoint under its ledger and size; one that is there already must be the same."""
        name = _name(note)
        try:
            is_same = self._bucket.put(name, note.encode()) or self._bucket.get(name) == note.encode()
        except self._failed as error:
            raise AnchorFailed(str(error)) from None
        if not is_same:
            raise AnchorFailed(_changed(f"{self._place}/{name}"))

    def left(self) -> Iterator[tuple[str, bytes]]:
        """Yield what lies there, by name. Raises AnchorFailed."""
        try:
            yield from self._bucket.all()
        except self._failed as error:
            raise AnchorFailed(str(error)) from None


class WebhookAnchor:
    """An address that takes a checkpoint as text by POST, and answers GET with the last. Plain http here only."""

    def __init__(self, url: str) -> None:
        """Raise AnchorFailed for an address that would carry it in the clear."""
        parts = urlsplit(url)
        if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
            raise AnchorFailed(f"{url}: use https, so that nobody on the way can answer in its place")
        self._url = url

    def leave(self, note: str) -> None:
        """Send it; an answer other than 2xx, also one that leads elsewhere, is a failure."""
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        self._asked(Request(self._url, data=note.encode(), headers=headers, method="POST"))  # noqa: S310 - __init__ looked

    def left(self) -> tuple[str, bytes]:
        """Return the address and the last checkpoint it was sent. Whoever verifies looks at its signature."""
        found = self._asked(Request(self._url, headers={"Accept": "text/plain"}))  # noqa: S310 - __init__ looked
        if len(found) > LONGEST_NOTE:
            raise AnchorFailed(f"{self._url}: answers with more than the {LONGEST_NOTE:,} bytes of a checkpoint")
        return self._url, found

    def _asked(self, request: Request) -> bytes:
        try:
            with build_opener(_Stay).open(request, timeout=TIMEOUT_S) as answer:
                return bytes(answer.read(LONGEST_NOTE + 1))
        except (URLError, OSError) as error:
            raise AnchorFailed(f"{self._url}: {error}") from None


class _Stay(HTTPRedirectHandler):
    """Follows nobody."""

    def redirect_request(self, *_: object) -> None:
        return None


def _name(note: str) -> str:
    """Return where a checkpoint lies: under its ledger, by its size, and which of that size by its digest."""
    checkpoint = Checkpoint.of(Note.of(note.encode()).text)
    place = checkpoint.origin.replace("/", "_").replace("..", "_")
    return f"{place}/{checkpoint.size:012d}.{hashlib.sha256(note.encode()).hexdigest()[:8]}"


def _check_same(path: Path, note: str) -> None:
    if path.read_text("utf-8") != note:
        raise AnchorFailed(_changed(str(path)))


def _changed(place: str) -> str:
    return f"{place}: holds another checkpoint: it was changed after it was left there"
