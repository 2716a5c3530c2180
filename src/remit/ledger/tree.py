"""Merkle trees over hashes: RFC 6962, section 2.1; proofs and how to check them as in RFC 9162, 2.1.3 and 2.1.4.

A tree is never held here. Whoever has the hashes of its complete subtrees hands them over as `Complete`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import TypeAlias

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

Complete: TypeAlias = Callable[[int, int], bytes]
"""Returns the hash of the complete subtree over the leaves [index << level, (index + 1) << level)."""


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of a leaf: SHA-256 over a zero byte and the entry."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node: SHA-256 over a one byte and its children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def folded(hashes: bytes) -> bytes:
    """Return the root over 32-byte hashes of subtrees of one height; of none it is the empty tree's."""
    if not hashes:
        return EMPTY_ROOT
    row = [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
    while len(row) > 1:
        # One that is left over goes up as it is: that splits at the largest power of two, as section 2.1 asks.
        odd = row[len(row) & ~1 :]
        row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row) & ~1, 2)] + odd
    return row[0]


def subtree(complete: Complete, begin: int, end: int) -> bytes:
    """Return the hash over the leaves [begin, end); `begin` is a multiple of a power of two not below the width."""
    size = end - begin
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return complete(level, begin >> level)
    split = begin + _split(size)
    return node_hash(subtree(complete, begin, split), subtree(complete, split, end))


def root(complete: Complete, size: int) -> bytes:
    """Return the root of the tree of the first `size` leaves."""
    return subtree(complete, 0, size) if size else EMPTY_ROOT


def inclusion_proof(complete: Complete, index: int, size: int) -> tuple[bytes, ...]:
    """Return the path from leaf `index` to the root of the tree of `size` leaves, from the leaf upwards."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    path: list[bytes] = []
    begin, end = 0, size
    while end - begin > 1:
        split = begin + _split(end - begin)
        if index < split:
            path.append(subtree(complete, split, end))
            end = split
        else:
            path.append(subtree(complete, begin, split))
            begin = split
    return tuple(reversed(path))


def consistency_proof(complete: Complete, old: int, size: int) -> tuple[bytes, ...]:
    """Return what shows that the tree of `size` leaves begins with the tree of `old` leaves."""
    if not 0 <= old <= size:
        raise ValueError(f"a tree of {size} does not begin with one of {old}")
    path: list[bytes] = []
    begin, end, whole = 0, size, True
    while 0 < old < end:
        split = begin + _split(end - begin)
        if old <= split:
            path.append(subtree(complete, split, end))
            end = split
        else:
            path.append(subtree(complete, begin, split))
            begin, whole = split, False
    if old > 0 and not whole:
        path.append(subtree(complete, begin, end))
    return tuple(reversed(path))


def includes(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Tell whether the path shows that leaf `index` of the tree with this root hashes to `leaf` (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    node, last, found = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if node & 1 or node == last:
            found = node_hash(sibling, found)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and found == root


def extends(old: int, size: int, old_root: bytes, root: bytes, path: Sequence[bytes]) -> bool:
    """Tell whether the path shows that the tree of `size` begins with that of `old` leaves (RFC 9162, 2.1.4.2)."""
    if old == size:
        return not path and old_root == root
    if old == 0:
        return not path and old_root == EMPTY_ROOT  # every tree begins with the empty one
    if not 0 < old < size or not path:
        return False
    steps = [old_root, *path] if old & (old - 1) == 0 else list(path)
    node, last = old - 1, size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    found_old = found = steps[0]
    for sibling in steps[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            found_old, found = node_hash(sibling, found_old), node_hash(sibling, found)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and found_old == old_root and found == root


def _split(size: int) -> int:
    """Return the largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1
