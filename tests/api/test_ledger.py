"""The ledger over HTTP, read with nothing of Remit but the folder `ledger`, and from a static web server."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from remit.api.ledger import FOR_EVER
from remit.control.bundle import export
from remit.control.evidence import LiveEvidence
from remit.control.sealing import Sealer
from remit.domain.identity import Role
from remit.domain.ids import OwnerId
from remit.ledger.checkpoint import Checkpoint
from remit.ledger.entry import leaf_of
from remit.ledger.note import Note, Signer, Verifier
from remit.ledger.proof import Consistency, NotProven, Proof, proven
from remit.ledger.tiles import Tile, all_tiles, complete_from, tiles, unpacked
from remit.ledger.tree import extends, folded, leaf_hash, root
from remit.ledger.verify import main
from remit.storage.sealed import KeyFile
from remit.storage.seals import seals_of
from tests.api.office import PREFIX, Office, Shows, office
from tests.served import served
from tests.worlds import VISITOR, WORKSPACE

CALLS = 140
"""Two records each: more than one full tile."""
Fetch = Callable[[str], bytes]


@pytest.fixture(scope="module")
def it(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A ledger with a checkpoint that was kept early, an hour's worth of records sealed behind it, and a new key."""
    with office(tmp_path_factory.mktemp("ledger")) as opened:
        work(opened, 3)
        sealer = sealer_of(opened)
        sealer.seal_all(WORKSPACE)
        opened.world.clock.advance(4_000)
        work(opened, CALLS)
        sealer.rotate(WORKSPACE, "user:test", "yearly")
        yield opened


@pytest.fixture(scope="module")
def fetch(it: Office) -> Iterator[Fetch]:
    """What an auditor fetches from a real server, by its path."""
    token = it.token(Role.AUDITOR)
    with served(it.world) as server:

        def get(path: str) -> bytes:
            connection = http.client.HTTPConnection(server.host, server.port, timeout=20)
            try:
                connection.request("GET", f"{PREFIX}/ledger/{path}", headers=dict(token.headers))
                answer = connection.getresponse()
                content = answer.read()
            finally:
                connection.close()
            assert answer.status == 200, content
            return content

        yield get


def sealer_of(it: Office) -> Sealer:
    world = it.world
    path = world.parts.settings.key_path
    assert path is not None
    return Sealer(world.store, seals_of(world.store), KeyFile(path), world.clock, world.ids, OwnerId("own_1"))


def work(it: Office, calls: int) -> str:
    """Some calls; return the last action."""
    run, action = it.world.start("buyer", VISITOR), ""
    for number in range(calls):
        attempt = it.world.door.attempt_tool(run, "erp.get", {"id": str(number)})
        action = it.world.door.admit(attempt).action
        it.world.queue.submit(it.world.outcome(run, action))
    return action


@pytest.fixture(scope="module")
def key(it: Office) -> Verifier:
    """The key that an auditor was handed at the beginning, by another way."""
    return Verifier.of(seals_of(it.world.store).keys(WORKSPACE)[-1].key)


def checkpoint_of(raw: bytes) -> Checkpoint:
    return Checkpoint.of(Note.of(raw).text)


def test_a_record_is_proven_by_number_key_and_action(it: Office, fetch: Fetch, key: Verifier) -> None:
    action = json.loads(it.world.store.records(WORKSPACE, kind="decision_made")[1][1])["key"].partition("/")[0]
    by_action = fetch(f"inclusion?action={action}")
    proof = Proof.of(by_action)
    assert json.loads(proof.record)["key"] == f"{action}/decision"
    assert fetch(f"inclusion?record={action}/decision") == fetch(f"inclusion?number={proof.no}") == by_action
    assert proof.check([key]) == checkpoint_of(fetch("checkpoint"))
    for no in (1, 255, 256, 257, proof.check([key]).size):
        assert Proof.of(fetch(f"inclusion?number={no}")).check([key]).size >= no


@pytest.mark.parametrize("what", ["record", "no", "path", "checkpoint", "key"])
def test_a_proof_somebody_has_touched_proves_nothing(fetch: Fetch, key: Verifier, what: str) -> None:
    proof = Proof.of(fetch("inclusion?number=100"))
    touched = {
        "record": replace(proof, record=proof.record.replace("buyer", "seller")),
        "no": replace(proof, no=101),
        "path": replace(proof, path=(*proof.path[1:], proof.path[0])),
        "checkpoint": replace(proof, checkpoint=proof.checkpoint.replace("tiny", "tinx", 1)),
    }.get(what, proof)
    keys = [Verifier.of(fetch("keys").decode().split()[0])] if what != "key" else [other_key()]
    with pytest.raises(NotProven):
        touched.check([*keys, key] if what != "key" else keys)


def other_key() -> Verifier:
    return Signer("remit/tiny/0011", b"t" * 32).verifier


def test_the_ledger_goes_on_from_a_checkpoint_that_was_kept(it: Office, fetch: Fetch, tmp_path: Path) -> None:
    state = it.ask("GET", f"{PREFIX}/ledger", it.token(Role.VIEWER)).json()
    early = state["checkpoints"][0]
    kept = fetch(f"checkpoints/{early}")
    assert 0 < early < state["sealed"] == checkpoint_of(fetch("checkpoint")).size
    keys = [Verifier.of(text) for text in fetch("keys").decode().split()]
    assert [str(each) for each in keys] == state["keys"]
    raw = fetch(f"consistency?old={early}")
    assert Consistency.of(raw).check(keys, kept).size == state["sealed"]
    (tmp_path / "proof.json").write_bytes(raw)
    (tmp_path / "kept").write_bytes(kept)
    given = [str(tmp_path / "proof.json"), "--witness", str(tmp_path / "kept")]
    given += [argument for each in keys for argument in ("--key", str(each))]
    assert main(given) == 0
    assert proven(raw, keys, [("kept", kept)]).endswith(f"begins with the {early} signed before")
    # Another path, another kept checkpoint, another size: each shows nothing.
    proof = Consistency.of(raw)
    for touched in (replace(proof, path=proof.path[::-1]), replace(proof, old=early + 1)):
        with pytest.raises(NotProven):
            touched.check(keys, kept)
    with pytest.raises(NotProven, match="the checkpoints are of"):
        proof.check(keys, fetch("checkpoint"))
    (tmp_path / "proof.json").write_bytes(raw.replace(b'"path":["', b'"path":["AAAA'))
    assert main(given) == 1


def test_any_two_sizes_are_proven_against_roots_computed_from_the_tiles(fetch: Fetch) -> None:
    size = checkpoint_of(fetch("checkpoint")).size
    complete = complete_from(lambda tile: fetch(tile.path), size)
    for old, new in ((0, 1), (7, 256), (200, 257), (256, size), (size, size)):
        proof = Consistency.of(fetch(f"consistency?old={old}&size={new}"))
        assert extends(old, new, root(complete, old), root(complete, new), proof.path), (old, new)
        assert bool(proof.checkpoint) is (new == size)


def test_tiles_and_entries_give_the_root_that_was_signed(fetch: Fetch) -> None:
    """By the public specification alone: checkpoint, entry bundles and tiles of hashes."""
    signed = checkpoint_of(fetch("checkpoint"))
    assert signed.size > 256
    entries = [entry for tile in tiles(signed.size) for entry in unpacked(fetch(Tile(-1, tile.index, tile.width).path))]
    assert len(entries) == signed.size
    leaves = b"".join(leaf_hash(entry) for entry in entries)
    assert folded(leaves) == signed.root
    assert fetch("tile/0/000") == leaves[: 256 * 32]
    assert fetch("tile/1/000.p/1") == folded(leaves[: 256 * 32])
    assert leaf_of(entries[0], 1) == leaves[:32]


def test_tiles_may_be_kept_for_ever_and_a_checkpoint_may_not(it: Office) -> None:
    viewer, auditor = it.token(Role.VIEWER), it.token(Role.AUDITOR)

    def told(path: str, who: Shows) -> tuple[str, str]:
        answer = it.ask("GET", f"{PREFIX}/ledger/{path}", who)
        assert answer.status_code == 200, answer.text
        return answer.headers["content-type"], answer.headers["cache-control"]

    for path in ("tile/0/000", "tile/0/001.p/3", "tile/1/000.p/1"):
        assert told(path, viewer) == ("application/octet-stream", FOR_EVER["Cache-Control"])
    assert told("tile/entries/000", auditor) == ("application/octet-stream", FOR_EVER["Cache-Control"])
    assert told("rotations/1", viewer) == ("text/plain; charset=utf-8", FOR_EVER["Cache-Control"])
    assert told("checkpoint", viewer) == told("keys", viewer) == ("text/plain; charset=utf-8", "no-store")


def test_what_is_not_there_is_said_so(it: Office) -> None:
    auditor = it.token(Role.AUDITOR)
    size = it.ask("GET", f"{PREFIX}/ledger", auditor).json()["sealed"]
    index, rest = divmod(size, 256)
    for path in (
        "tile/0/0", "tile/0/000.p/256", "tile/-1/000", "tile/9/000", "tile/0/002",
        "tile/0/%2e%2e/%2e%2e/keys", "tile/0/%2e%2e/entries/000",
        f"tile/entries/{index:03d}", f"tile/entries/{index:03d}.p/{rest + 1}", f"tile/0/{index:03d}.p/{rest + 1}",
        "checkpoints/3", "checkpoints/x", "rotations/0", "rotations/2",
    ):  # fmt: skip
        assert it.ask("GET", f"{PREFIX}/ledger/{path}", auditor).status_code == 404, path
    work(it, 1)
    for query in (f"number={size + 1}", "record=act_1/decision", f"number={10**14}", "action=act_1"):
        answer = it.ask("GET", f"{PREFIX}/ledger/inclusion?{query}", auditor)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_sealed"), query
    for query in ("", "number=1&action=act_1"):
        assert it.ask("GET", f"{PREFIX}/ledger/inclusion?{query}", auditor).status_code == 422
    assert it.ask("GET", f"{PREFIX}/ledger/consistency?old={size}&size={size - 1}", auditor).status_code == 404


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None: ...


def test_an_exported_ledger_is_served_by_any_web_server(it: Office, tmp_path: Path) -> None:
    export(LiveEvidence(it.world.store, seals_of(it.world.store), WORKSPACE), tmp_path)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()

    def get(path: str) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
        try:
            connection.request("GET", f"/{path}")
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        assert answer.status == 200, path
        return content

    try:
        signed = checkpoint_of(get("checkpoint"))
        assert root(complete_from(lambda tile: get(tile.path), signed.size), signed.size) == signed.root
        for tile in all_tiles(signed.size):
            assert len(get(tile.path)) == tile.width * 32
        entries = [e for tile in tiles(signed.size) for e in unpacked(get(Tile(-1, tile.index, tile.width).path))]
        assert folded(b"".join(leaf_hash(entry) for entry in entries)) == signed.root
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
