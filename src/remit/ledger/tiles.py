"""Trees as files: C2SP tlog-tiles (https://c2sp.org/tlog-tiles).

A tile holds up to 256 hashes of one height; any web server that hands out files can serve a ledger.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from .tree import EMPTY_ROOT, HASH_BYTES, Complete, folded, node_hash

HEIGHT = 8
WIDTH = 1 << HEIGHT
MAX_ENTRY_BYTES = 0xFFFF
"""A bundle gives each entry a length of two bytes."""
MAX_LEVEL = 63

_PATH = re.compile(r"tile/(entries|[0-9]|[1-5][0-9]|6[0-3])/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


class BadTile(ValueError):
    """A tile is not there, or is not what its name says. The message names it."""


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """The place of a tile: of hashes at `level`, counted in tiles; level -1 is a bundle of entries."""

    level: int
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Where it lies, as in section "Merkle Tree": `tile/1/x001/234.p/56`."""
        digits = f"{self.index:03d}"
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        parts = [digits[at : at + 3] for at in range(0, len(digits), 3)]
        place = "/".join([*(f"x{part}" for part in parts[:-1]), parts[-1]])
        name = "entries" if self.level < 0 else str(self.level)
        return f"tile/{name}/{place}" + (f".p/{self.width}" if self.width < WIDTH else "")

    @classmethod
    def at(cls, path: str) -> Tile:
        """Read a path. Raises BadTile for one that names no tile, or names it otherwise than `path` does."""
        found = _PATH.fullmatch(path)
        if found is None:
            raise BadTile(f"{path} names no tile")
        name, place, width = found.groups()
        index = int(place.replace("/", "").replace("x", ""))
        tile = cls(-1 if name == "entries" else int(name), index, int(width or WIDTH))
        if tile.path != path:
            raise BadTile(f"{path} names no tile")
        return tile


def tiles(size: int, level: int = 0, begin: int = 0) -> Iterator[Tile]:
    """Yield the tiles of one level of a tree of `size`, from tile `begin`; the last may be partial."""
    count = size >> HEIGHT * max(level, 0)
    for index in range(begin, count // WIDTH):
        yield Tile(level, index)
    if count % WIDTH and begin <= count // WIDTH:
        yield Tile(level, count // WIDTH, count % WIDTH)


def all_tiles(size: int) -> Iterator[Tile]:
    """Yield every tile of hashes of a tree of `size`, level by level."""
    level = 0
    while size >> HEIGHT * level:
        yield from tiles(size, level)
        level += 1


class Edge:
    """The right edge of a growing tree: of every level the hashes of the tile that is not full yet.

    That is all an append needs: a few kilobytes however many leaves there are. Owned by whoever appends.
    """

    def __init__(self, size: int = 0, partial: Sequence[bytes] = ()) -> None:
        """Take up a tree of `size` whose partial tiles, from level 0 upwards, are `partial`.

        Raises BadTile where a tile is not as wide as the size demands.
        """
        self.size = size
        self._rows = [bytearray(hashes) for hashes in partial]
        for level in range(max(len(self._rows), -(-size.bit_length() // HEIGHT))):
            have = len(self._rows[level]) if level < len(self._rows) else 0
            want = (size >> HEIGHT * level) % WIDTH * HASH_BYTES
            if have != want:
                raise BadTile(f"the edge of a tree of {size} has {have} bytes at level {level}, not {want}")

    def append(self, leaves: Iterable[bytes]) -> Iterator[tuple[Tile, bytes]]:
        """Add leaf hashes; yield each tile that became full. Nothing is added where nobody iterates."""
        for leaf in leaves:
            yield from self._add(leaf)

    def _add(self, found: bytes) -> Iterator[tuple[Tile, bytes]]:
        self.size += 1
        level = 0
        while True:
            if level == len(self._rows):
                self._rows.append(bytearray())
            row = self._rows[level]
            row += found
            if len(row) < WIDTH * HASH_BYTES:
                return
            full = bytes(row)
            row.clear()
            yield Tile(level, (self.size >> HEIGHT * (level + 1)) - 1), full
            found, level = folded(full), level + 1

    def partial(self) -> Iterator[tuple[Tile, bytes]]:
        """Yield the partial tiles, from level 0 upwards; empty ones are none."""
        for level, row in enumerate(self._rows):
            if row:
                yield Tile(level, self.size >> HEIGHT * (level + 1), len(row) // HASH_BYTES), bytes(row)

    def root(self) -> bytes:
        """Return the root of the tree as it stands.

        The partial tiles hold the complete subtrees that the bits of the size name: the root joins them from the right.
        """
        found = b""
        for row in self._rows:
            end = len(row)
            while end:
                width = (end // HASH_BYTES & -(end // HASH_BYTES)) * HASH_BYTES
                part = folded(bytes(row[end - width : end]))
                found = node_hash(part, found) if found else part
                end -= width
        return found or EMPTY_ROOT


def complete_from(fetch: Callable[[Tile], bytes], size: int) -> Complete:
    """Return the complete subtrees of a tree of `size`, read from its tiles.

    Args:
        fetch: returns the hashes of a tile; may return more than its width. Raises what it likes.
        size: the tree's, which says how wide the partial tiles are.
    """

    def complete(level: int, index: int) -> bytes:
        row, height = divmod(level, HEIGHT)
        first = index << height
        tile = Tile(row, first // WIDTH, min(WIDTH, (size >> HEIGHT * row) - first // WIDTH * WIDTH))
        hashes = fetch(tile)
        if len(hashes) < tile.width * HASH_BYTES:
            raise BadTile(f"{tile.path} has {len(hashes)} bytes, not {tile.width * HASH_BYTES}")
        begin = first % WIDTH * HASH_BYTES
        return folded(hashes[begin : begin + (HASH_BYTES << height)])

    return complete


def packed(entries: Iterable[bytes]) -> bytes:
    """Return a bundle of entries, each behind its length. Raises BadTile for one above MAX_ENTRY_BYTES."""
    parts = []
    for entry in entries:
        if len(entry) > MAX_ENTRY_BYTES:
            raise BadTile(f"an entry of {len(entry)} bytes does not fit a bundle, which takes {MAX_ENTRY_BYTES}")
        parts += [len(entry).to_bytes(2, "big"), entry]
    return b"".join(parts)


def unpacked(bundle: bytes) -> tuple[bytes, ...]:
    """Return the entries of a bundle. Raises BadTile where it is cut short or has too many."""
    entries = []
    at = 0
    while at < len(bundle):
        begin = at + 2
        at = begin + int.from_bytes(bundle[at:begin], "big")
        entries.append(bundle[begin:at])
        if at > len(bundle) or begin > len(bundle) or len(entries) > WIDTH:
            raise BadTile("a bundle of entries is cut short or too long")
    return tuple(entries)
