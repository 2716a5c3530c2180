"""Trees and proofs against the words of RFC 6962, for every small size and for large ones at random."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.ledger import tree
from tests.ledger import naive

EVERY = 130
LEAVES = naive.leaves_of(EVERY)
COMPLETE = naive.complete_of(LEAVES)
ROOTS = [naive.mth(LEAVES[:size]) for size in range(EVERY + 1)]


def test_the_prefixes_of_leaf_and_node_differ() -> None:
    assert tree.leaf_hash(b"x") == hashlib.sha256(b"\x00x").digest()
    assert tree.node_hash(b"a" * 32, b"b" * 32) == hashlib.sha256(b"\x01" + b"a" * 32 + b"b" * 32).digest()
    assert tree.EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_roots_of_every_small_size() -> None:
    assert [tree.root(COMPLETE, size) for size in range(EVERY + 1)] == ROOTS
    assert [tree.folded(b"".join(LEAVES[:size])) for size in range(EVERY + 1)] == ROOTS


def test_known_roots() -> None:
    """The test vectors of Certificate Transparency's reference implementation (merkletree: "" , 00, 10, 2021, ...)."""
    inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    hashes = b"".join(tree.leaf_hash(bytes.fromhex(text)) for text in inputs)
    assert tree.folded(hashes).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 64, 65, 127, 128, 129, EVERY])
def test_inclusion_of_every_leaf(size: int) -> None:
    for index in range(size):
        path = tree.inclusion_proof(COMPLETE, index, size)
        assert list(path) == naive.path(index, LEAVES[:size])
        assert tree.includes(LEAVES[index], index, size, path, ROOTS[size])


def test_consistency_of_every_pair_of_small_sizes() -> None:
    for size in range(1, EVERY + 1):
        for old in range(1, size + 1):
            path = tree.consistency_proof(COMPLETE, old, size)
            assert list(path) == naive.proof(old, LEAVES[:size])
            assert tree.extends(old, size, ROOTS[old], ROOTS[size], path)


def test_every_tree_begins_with_the_empty_one() -> None:
    assert tree.consistency_proof(COMPLETE, 0, 5) == ()
    assert tree.extends(0, 5, tree.EMPTY_ROOT, ROOTS[5], ())
    assert not tree.extends(0, 5, ROOTS[1], ROOTS[5], ())


@given(st.data())
def test_a_changed_inclusion_proof_shows_nothing(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, EVERY))
    index = data.draw(st.integers(0, size - 1))
    path = list(tree.inclusion_proof(COMPLETE, index, size))
    other = data.draw(st.integers(0, size - 1).filter(lambda n: n != index))
    assert not tree.includes(LEAVES[other], index, size, path, ROOTS[size])
    assert not tree.includes(LEAVES[index], other, size, path, ROOTS[size])
    assert not tree.includes(LEAVES[index], index, size, path, ROOTS[size - 1])
    assert not tree.includes(LEAVES[index], index, size, path[:-1], ROOTS[size])
    assert not tree.includes(LEAVES[index], index, size, [*path, path[0]], ROOTS[size])
    at = data.draw(st.integers(0, len(path) - 1))
    path[at] = bytes(32)
    assert not tree.includes(LEAVES[index], index, size, path, ROOTS[size])


@given(st.data())
def test_a_changed_consistency_proof_shows_nothing(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, EVERY))
    old = data.draw(st.integers(1, size - 1))
    path = list(tree.consistency_proof(COMPLETE, old, size))
    assert not tree.extends(old, size, ROOTS[old - 1], ROOTS[size], path)
    assert not tree.extends(old, size, ROOTS[old], ROOTS[size - 1], path)
    assert not tree.extends(size, old, ROOTS[size], ROOTS[old], path)
    assert not tree.extends(old, size, ROOTS[old], ROOTS[size], [*path, path[-1]])
    at = data.draw(st.integers(0, len(path) - 1))
    path[at] = bytes(32)
    assert not tree.extends(old, size, ROOTS[old], ROOTS[size], path)


@given(st.integers(131, 3000), st.data())
def test_larger_trees(size: int, data: st.DataObject) -> None:
    leaves = naive.leaves_of(size)
    complete = naive.complete_of(leaves)
    whole = tree.root(complete, size)
    assert whole == naive.mth(leaves)
    index = data.draw(st.integers(0, size - 1))
    assert tree.includes(leaves[index], index, size, tree.inclusion_proof(complete, index, size), whole)
    old = data.draw(st.integers(1, size))
    path = tree.consistency_proof(complete, old, size)
    assert tree.extends(old, size, naive.mth(leaves[:old]), whole, path)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (5, 5), (-1, 5)])
def test_a_leaf_outside_is_refused(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="is not in a tree"):
        tree.inclusion_proof(COMPLETE, index, size)
    assert not tree.includes(LEAVES[0], index, size, (), ROOTS[0])


def test_a_longer_tree_is_no_beginning() -> None:
    with pytest.raises(ValueError, match="does not begin with"):
        tree.consistency_proof(COMPLETE, 6, 5)
