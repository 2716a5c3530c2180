"""Tiles: paths, what belongs to a tree, the growing edge, proofs read from tiles, bundles of entries."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.ledger import tiles, tree
from remit.ledger.entry import entry_of
from remit.ledger.tiles import BadTile, Edge, Tile
from tests.ledger import naive


def grown(leaves: list[bytes]) -> tuple[Edge, dict[str, bytes]]:
    edge = Edge()
    files = {tile.path: hashes for tile, hashes in edge.append(leaves)}
    return edge, files | {tile.path: hashes for tile, hashes in edge.partial()}


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 1234067), "tile/0/x001/x234/067"),
        (Tile(63, 999), "tile/63/999"),
        (Tile(1, 1000, 1), "tile/1/x001/000.p/1"),
        (Tile(-1, 5, 255), "tile/entries/005.p/255"),
    ],
)
def test_paths_are_those_of_the_specification(tile: Tile, path: str) -> None:
    assert tile.path == path
    assert Tile.at(path) == tile


@pytest.mark.parametrize(
    "path",
    "tile/0/0 tile/64/000 tile/00/000 tile/0/000.p/0 tile/0/000.p/256 tile/0/000.p/01 tile/0/x000/001 tile/0/1000"
    " tile/0/001/002 tile/0/../000 tile/data/000 checkpoint".split(),
)
def test_other_paths_name_no_tile(path: str) -> None:
    with pytest.raises(BadTile, match="names no tile"):
        Tile.at(path)


def test_the_tiles_of_the_specifications_example() -> None:
    """A tree of 70,000: 273 full and one of 112 at level 0, one full and one of 17 at level 1, one of 1 at level 2."""
    found = list(tiles.all_tiles(70_000))
    assert [tile.path for tile in found if tile.width < 256] == [
        "tile/0/273.p/112",
        "tile/1/001.p/17",
        "tile/2/000.p/1",
    ]
    assert [sum(tile.level == level for tile in found) for level in range(3)] == [274, 2, 1]
    assert [tile.path for tile in tiles.all_tiles(256)] == ["tile/0/000", "tile/1/000.p/1"]
    assert list(tiles.all_tiles(0)) == []


@pytest.mark.parametrize("size", [0, 1, 2, 3, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 66_049])
def test_the_edge_makes_exactly_the_tiles_of_the_tree(size: int) -> None:
    leaves = naive.leaves_of(size)
    edge, files = grown(leaves)
    assert edge.size == size
    assert edge.root() == naive.mth(leaves)
    assert sorted(files) == sorted(tile.path for tile in tiles.all_tiles(size))
    for path, hashes in files.items():
        tile = Tile.at(path)
        width = 256**tile.level
        begin = tile.index * 256
        expected = [naive.mth(leaves[n * width : (n + 1) * width]) for n in range(begin, begin + tile.width)]
        assert hashes == b"".join(expected)


@given(st.lists(st.integers(0, 700), max_size=5))
def test_an_edge_taken_up_from_its_partial_tiles_goes_on_alike(steps: list[int]) -> None:
    leaves = naive.leaves_of(sum(steps))
    files: dict[str, bytes] = {}
    edge, at = Edge(), 0
    for step in steps:
        edge = Edge(edge.size, [next((h for t, h in edge.partial() if t.level == level), b"") for level in range(3)])
        files |= {tile.path: hashes for tile, hashes in edge.append(leaves[at : at + step])}
        at += step
    assert edge.root() == naive.mth(leaves)
    assert files.items() <= grown(leaves)[1].items()


def test_an_edge_of_the_wrong_width_is_refused() -> None:
    with pytest.raises(BadTile, match="has 32 bytes at level 0, not 96"):
        Edge(3, [bytes(32)])
    with pytest.raises(BadTile, match="at level 1"):
        Edge(256, [b""])
    with pytest.raises(BadTile, match="at level 1"):
        Edge(1, [bytes(32), bytes(32)])


@given(st.integers(1, 2000), st.data())
def test_proofs_are_read_from_tiles(size: int, data: st.DataObject) -> None:
    leaves = naive.leaves_of(size)
    edge, files = grown(leaves)
    complete = tiles.complete_from(lambda tile: files[tile.path], size)
    assert tree.root(complete, size) == edge.root()
    index = data.draw(st.integers(0, size - 1))
    assert list(tree.inclusion_proof(complete, index, size)) == naive.path(index, leaves)
    old = data.draw(st.integers(1, size))
    assert list(tree.consistency_proof(complete, old, size)) == naive.proof(old, leaves)


def test_a_tile_cut_short_is_named() -> None:
    complete = tiles.complete_from(lambda _: bytes(64), 3)
    with pytest.raises(BadTile, match=r"tile/0/000\.p/3 has 64 bytes, not 96"):
        tree.root(complete, 3)


@given(st.lists(st.binary(max_size=300), max_size=256))
def test_bundles_hold_what_was_packed(entries: list[bytes]) -> None:
    assert tiles.unpacked(tiles.packed(entries)) == tuple(entries)


def test_a_bundle_is_big_endian_lengths_and_entries() -> None:
    assert tiles.packed([b"ab", b""]) == b"\x00\x02ab\x00\x00"
    assert tiles.packed([bytes(0x0102)])[:2] == b"\x01\x02"


@pytest.mark.parametrize("bundle", [b"\x00", b"\x00\x02a", b"\x00\x00" * 257])
def test_a_broken_bundle_is_refused(bundle: bytes) -> None:
    with pytest.raises(BadTile, match="cut short or too long"):
        tiles.unpacked(bundle)


def test_an_entry_of_more_than_two_bytes_length_is_refused() -> None:
    with pytest.raises(BadTile, match="an entry of 65536 bytes does not fit"):
        tiles.packed([bytes(65_536)])


def test_a_record_too_long_for_a_bundle_is_sealed_by_its_digest() -> None:
    longest, longer = b"x" * 65_535, b"x" * 65_536
    assert entry_of(longest, 7) == longest
    digest = hashlib.sha256(longer).hexdigest()
    assert entry_of(longer, 7) == b'{"no":7,"record_bytes":65536,"record_sha256":"%s","v":1}' % digest.encode()
    assert entry_of(b"y" + longer[1:], 7) != entry_of(longer, 7)
