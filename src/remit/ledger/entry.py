"""From a record to the leaf it is sealed as.

A record of up to 65,535 bytes is an entry itself. A longer one does not fit a bundle (C2SP tlog-tiles, "Log entries"),
so that a short line stands for it, naming its number, length and SHA-256. No record looks like such a line: each has
a workspace.
"""

from __future__ import annotations

import hashlib
import json

from .tiles import MAX_ENTRY_BYTES
from .tree import leaf_hash


def entry_of(body: bytes, no: int) -> bytes:
    """Return what is sealed for record number `no`."""
    if len(body) <= MAX_ENTRY_BYTES:
        return body
    stands_for = {"no": no, "record_bytes": len(body), "record_sha256": hashlib.sha256(body).hexdigest(), "v": 1}
    return json.dumps(stands_for, separators=(",", ":")).encode()


def leaf_of(body: bytes, no: int) -> bytes:
    """Return the leaf hash of record number `no`."""
    return leaf_hash(entry_of(body, no))
