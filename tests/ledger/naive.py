"""RFC 6962, section 2.1, word for word: recursive, over lists, with nothing kept. What ours is compared with."""

import hashlib

from remit.ledger.tree import Complete


def mth(leaves: list[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return hashlib.sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def split(n: int) -> int:
    k = 1
    while 2 * k < n:
        k *= 2
    return k


def path(m: int, leaves: list[bytes]) -> list[bytes]:
    """PATH(m, D[n]), section 2.1.1."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def proof(m: int, leaves: list[bytes]) -> list[bytes]:
    """PROOF(m, D[n]), section 2.1.2."""
    return subproof(m, leaves, True)


def subproof(m: int, leaves: list[bytes], whole: bool) -> list[bytes]:
    if m == len(leaves):
        return [] if whole else [mth(leaves)]
    k = split(len(leaves))
    if m <= k:
        return [*subproof(m, leaves[:k], whole), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], False), mth(leaves[:k])]


def leaves_of(size: int, seed: bytes = b"") -> list[bytes]:
    return [hashlib.sha256(seed + number.to_bytes(8, "big")).digest() for number in range(size)]


def complete_of(leaves: list[bytes]) -> Complete:
    known: dict[tuple[int, int], bytes] = {}

    def complete(level: int, index: int) -> bytes:
        if (level, index) not in known:
            part = leaves[index << level : (index + 1) << level]
            assert len(part) == 1 << level, "asked for a subtree that is not complete"
            known[level, index] = mth(part)
        return known[level, index]

    return complete
