"""Places for checkpoints: written once, never over, and found again by a verifier."""

import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from remit.control.anchors import LONGEST_NOTE, AnchorFailed, FileAnchor, GitAnchor, WebhookAnchor, anchor, left_at
from remit.ledger.checkpoint import Checkpoint
from remit.ledger.note import Signer, signed

SIGNER = Signer("remit/tiny/0011", b"s" * 32)


def note(size: int, root: int = 0) -> str:
    return signed(Checkpoint(SIGNER.name, size, bytes([root]) * 32).text, [SIGNER])


def files(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() and ".git" not in path.parts
    )


def test_a_folder_keeps_every_checkpoint(tmp_path: Path) -> None:
    place = FileAnchor(tmp_path / "worm")
    for size in (5, 5, 12):
        place.leave(note(size))
    kept = files(tmp_path / "worm")
    assert [name.split(".")[0] for name in kept] == ["remit_tiny_0011/000000000005", "remit_tiny_0011/000000000012"]
    assert (tmp_path / "worm" / kept[0]).read_text("utf-8") == note(5)


def test_two_checkpoints_of_one_size_are_both_kept(tmp_path: Path) -> None:
    place = FileAnchor(tmp_path)
    place.leave(note(5))
    place.leave(note(5, root=1))
    assert len(files(tmp_path)) == 2


def test_what_was_changed_there_is_told(tmp_path: Path) -> None:
    place = FileAnchor(tmp_path)
    place.leave(note(5))
    (tmp_path / files(tmp_path)[0]).write_text("x", "utf-8")
    with pytest.raises(AnchorFailed, match="was changed after it was left there"):
        place.leave(note(5))


def test_a_folder_that_can_not_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(AnchorFailed, match="file"):
        FileAnchor(tmp_path / "file" / "x").leave(note(5))


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "anchors"
    folder.mkdir()
    git(folder, "init", "--quiet")
    git(folder, "config", "user.email", "remit@example.com")
    git(folder, "config", "user.name", "Remit")
    return folder


def test_a_repository_gets_a_commit_for_each(repository: Path) -> None:
    (repository / "else").touch()
    place = GitAnchor(repository)
    for size in (5, 5, 12):
        place.leave(note(size))
    assert len(git(repository, "log", "--format=%s").splitlines()) == 2
    assert git(repository, "status", "--porcelain").strip() == "?? else", "only checkpoints are committed"


def test_what_was_written_and_not_committed_is_committed(repository: Path) -> None:
    FileAnchor(repository).leave(note(5))
    GitAnchor(repository).leave(note(5))
    assert len(git(repository, "log", "--format=%s").splitlines()) == 1


def test_what_is_no_repository_is_told(tmp_path: Path) -> None:
    with pytest.raises(AnchorFailed, match="no such repository"):
        GitAnchor(tmp_path / "nowhere").leave(note(5))
    with pytest.raises(AnchorFailed, match="git add: fatal: not a git repository"):
        GitAnchor(tmp_path).leave(note(5))


class Taker(BaseHTTPRequestHandler):
    taken: list[tuple[str, str]]
    answer = 204

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.taken.append((self.headers["Content-Type"], body))
        self.send_response(self.answer)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def do_GET(self) -> None:
        self.send_response(200 if self.answer == 204 else self.answer)
        self.end_headers()
        self.wfile.write(self.taken[-1][1].encode())

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def taker() -> Iterator[tuple[str, type[Taker]]]:
    handler = type("ThisTaker", (Taker,), {"taken": []})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/checkpoints", handler
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_address_is_sent_the_checkpoint(taker: tuple[str, type[Taker]]) -> None:
    url, handler = taker
    WebhookAnchor(url).leave(note(5))
    assert handler.taken == [("text/plain; charset=utf-8", note(5))]


def test_an_address_gives_back_the_last_checkpoint_and_a_verifier_compares_it(taker: tuple[str, type[Taker]]) -> None:
    url, handler = taker
    for size in (5, 6):
        WebhookAnchor(url).leave(note(size))
    assert list(left_at([url])) == [(url, note(6).encode())]
    handler.taken[-1] = ("text/plain", "x" * (LONGEST_NOTE + 1))
    with pytest.raises(AnchorFailed, match="more than the 65,536 bytes"):
        list(left_at([url]))
    handler.answer = 404
    with pytest.raises(AnchorFailed, match="404"):
        list(left_at([url]))


@pytest.mark.parametrize("answer", [302, 307, 403, 500])
def test_any_other_answer_is_a_failure(taker: tuple[str, type[Taker]], answer: int) -> None:
    url, handler = taker
    handler.answer = answer
    with pytest.raises(AnchorFailed, match=str(answer)):
        WebhookAnchor(url).leave(note(5))
    assert len(handler.taken) == 1, "nobody is followed"


def test_nobody_listens() -> None:
    with pytest.raises(AnchorFailed, match="refused"):
        WebhookAnchor("http://127.0.0.1:9/").leave(note(5))


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("http://anchors.example/", "use https"),
        ("http://127.0.0.1.example/", "use https"),
        ("s3:bucket", "is no bucket"),
        ("s3://", "is no bucket"),
        ("s3://key:secret@bucket/x", "is no bucket"),
        ("file:", "is no place for a checkpoint"),
        ("/tmp/x", "is no place for a checkpoint"),
    ],
)
def test_what_is_no_place_is_refused(place: str, said: str) -> None:
    with pytest.raises(AnchorFailed, match=said):
        anchor(place)


def test_places_are_read(tmp_path: Path) -> None:
    assert isinstance(anchor(f"file:{tmp_path}"), FileAnchor)
    assert isinstance(anchor(f"git:{tmp_path}"), GitAnchor)
    assert isinstance(anchor("https://anchors.example/x"), WebhookAnchor)
    assert isinstance(anchor("http://localhost:1/"), WebhookAnchor)
