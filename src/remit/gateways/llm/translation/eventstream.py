"""Amazon's binary event stream: frames of a length, headers, a payload and two checksums.

The format is that of `vnd.amazon.eventstream`: a prelude of total length and headers' length with its CRC-32, headers,
the payload, and the CRC-32 of all before.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from remit.gateways.llm.face import UpstreamBroken

MOST_FRAME_BYTES = 16 * 1_048_576
_STRING = 7
_PRELUDE, _CHECKSUM = 12, 4


class Frames:
    """Cuts pieces of a stream into frames."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, piece: bytes) -> Iterator[tuple[str, bytes]]:
        """Yield the kind and payload of each event that is complete with this piece. Raises UpstreamBroken."""
        self._held += piece
        while len(self._held) >= _PRELUDE:
            total, of_headers, checksum = struct.unpack_from(">III", self._held)
            if zlib.crc32(self._held[:8]) != checksum:
                raise UpstreamBroken("answered a frame with a wrong checksum")
            if not _PRELUDE + _CHECKSUM + of_headers <= total <= MOST_FRAME_BYTES:
                raise UpstreamBroken("answered a frame of an impossible length")
            if len(self._held) < total:
                return
            frame, self._held = self._held[:total], self._held[total:]
            if zlib.crc32(frame[:-_CHECKSUM]) != struct.unpack_from(">I", frame, total - _CHECKSUM)[0]:
                raise UpstreamBroken("answered a frame with a wrong checksum")
            headers = _headers(frame[_PRELUDE : _PRELUDE + of_headers])
            if headers.get(":message-type") != "event":
                raise UpstreamBroken("broke off with an error")
            yield headers.get(":event-type", ""), frame[_PRELUDE + of_headers : -_CHECKSUM]


def _headers(raw: bytes) -> dict[str, str]:
    """Read headers that are texts; of others Bedrock sends none. Raises UpstreamBroken."""
    found: dict[str, str] = {}
    at = 0
    try:
        while at < len(raw):
            length = raw[at]
            name = raw[at + 1 : at + 1 + length].decode()
            at += 1 + length
            kind, size = struct.unpack_from(">BH", raw, at)
            if kind != _STRING:
                raise UpstreamBroken("answered a frame with a header that is no text")
            found[name] = raw[at + 3 : at + 3 + size].decode()
            at += 3 + size
    except (IndexError, struct.error, UnicodeDecodeError):
        raise UpstreamBroken("answered a frame with broken headers") from None
    return found
