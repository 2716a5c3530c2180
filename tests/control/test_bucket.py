"""Checkpoints in a bucket of a real S3-compatible server: written once, told when changed, compared at verify."""

from __future__ import annotations

import json
import sqlite3
import sys
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import obstore
import pytest
from moto.server import ThreadedMotoServer
from obstore.store import S3Store

from remit.cli.main import run
from remit.control.anchors import AnchorFailed, BucketAnchor, anchor, left_at
from remit.control.bucket import Bucket
from remit.ledger.checkpoint import Checkpoint
from remit.ledger.note import Signer, signed
from tests.worlds import VISITOR, world

SIGNER = Signer("remit/tiny/0011", b"s" * 32)
SECRET = "a-secret-of-the-bucket"
PLACE = "s3://worm/remit"


def note(size: int, root: int = 0) -> str:
    return signed(Checkpoint(SIGNER.name, size, bytes([root]) * 32).text, [SIGNER])


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(address: str, monkeypatch: pytest.MonkeyPatch) -> S3Store:
    """An empty bucket `worm`, and the environment that leads to it."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "remit",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": address,
    }.items():
        monkeypatch.setenv(name, value)
    for method, path in (("POST", "/moto-api/reset"), ("PUT", "/worm")):
        urllib.request.urlopen(urllib.request.Request(address + path, method=method), timeout=20).close()
    return S3Store("worm", client_options={"allow_http": True})


def names(bucket: S3Store) -> list[str]:
    return sorted(meta["path"] for page in obstore.list(bucket) for meta in page)


def test_a_bucket_keeps_every_checkpoint(bucket: S3Store) -> None:
    place = anchor(PLACE)
    for size in (5, 5, 12):
        place.leave(note(size))
    place.leave(note(5, root=1))
    kept = names(bucket)
    assert [name.split(".")[0] for name in kept] == [
        "remit/remit_tiny_0011/000000000005",
        "remit/remit_tiny_0011/000000000005",
        "remit/remit_tiny_0011/000000000012",
    ]
    assert {raw.decode() for _, raw in left_at([PLACE])} == {note(5), note(12), note(5, root=1)}
    assert [name for name, _ in left_at([PLACE])] == [f"s3://worm/{name}" for name in kept]


def test_what_was_changed_there_is_told_and_not_written_over(bucket: S3Store) -> None:
    place = anchor(PLACE)
    place.leave(note(5))
    obstore.put(bucket, names(bucket)[0], b"x")
    with pytest.raises(AnchorFailed, match="was changed after it was left there"):
        place.leave(note(5))
    assert bytes(obstore.get(bucket, names(bucket)[0]).bytes()) == b"x"


def test_of_many_writers_of_one_name_one_is_the_first(bucket: S3Store) -> None:
    place = Bucket(PLACE)
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda number: place.put("x", b"%d" % number), range(8)))
    assert done.count(True) == 1
    assert bytes(obstore.get(bucket, "remit/x").bytes()) == b"%d" % done.index(True)


def test_a_bucket_that_is_not_there_is_told_without_a_secret(bucket: S3Store) -> None:
    with pytest.raises(AnchorFailed, match="s3://nowhere/x: ") as told:
        anchor("s3://nowhere/x").leave(note(5))
    assert SECRET not in str(told.value)


def test_plain_http_is_only_for_this_host(bucket: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://bucket.example:9")
    with pytest.raises(AnchorFailed):
        anchor(PLACE).leave(note(5))


def test_no_library_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    monkeypatch.delitem(sys.modules, "remit.control.bucket")
    with pytest.raises(AnchorFailed, match=r"remit\[server\]"):
        BucketAnchor(PLACE)


def test_a_ledger_set_back_is_found_by_what_lies_in_the_bucket(
    bucket: S3Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Everything is set back to an earlier day, checkpoint and all: nothing but the bucket can tell."""
    monkeypatch.setenv("REMIT_DATABASE_URL", f"sqlite:///{tmp_path / 'remit.db'}")
    with world(tmp_path) as it:
        it.start("buyer", VISITOR)
        assert run(["audit", "seal"]) == 0
        it.parts.store.close()
    earlier = tmp_path / "earlier.db"
    with sqlite3.connect(tmp_path / "remit.db") as source, sqlite3.connect(earlier) as copy:
        source.backup(copy)
    source.close()
    copy.close()
    assert run(["freeze", "agent:buyer", "-m", "why"]) == 0
    assert run(["audit", "seal", "--anchor", PLACE]) == 0
    assert run(["audit", "verify", "--witness", PLACE]) == 0
    for suffix in ("-wal", "-shm"):
        (tmp_path / f"remit.db{suffix}").unlink(missing_ok=True)
    earlier.rename(tmp_path / "remit.db")
    assert run(["audit", "verify"]) == 0, "by itself it looks whole"
    capsys.readouterr()
    assert run(["audit", "verify", "--witness", PLACE, "-o", "json"]) == 1
    assert {fault["kind"] for fault in json.loads(capsys.readouterr().out)["faults"]} == {"cut"}
