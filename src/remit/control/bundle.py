"""Write a ledger out as a folder that an auditor can verify offline and a static web server can serve."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

from remit.control.evidence import LiveEvidence
from remit.control.ocsf import event
from remit.ledger.entry import entry_of
from remit.ledger.evidence import CHECKPOINT, CHECKPOINTS, HEAD, KEYS, RECORDS, RELEASES, ROTATIONS
from remit.ledger.tiles import WIDTH, Tile, all_tiles, packed

OCSF = "ocsf.jsonl"

README = """# The ledger of {workspace}

Everything the agents of this workspace attempted, what was decided, and what people changed: {records} records, of
which {size} are sealed under a signature. Arguments and results are not in it, only salted digests.

## Verify it

You need Python 3.11 or newer with the package `cryptography`, the folder `ledger` of Remit's source, and the public
key, which you should have from somewhere else than this folder:

    python -m ledger.verify THIS_FOLDER --key "{key}"

Where Remit is installed it is `python -m remit.ledger.verify`. Neither needs a network or a database. If somebody kept
an earlier checkpoint, `--witness FILE` compares it: only that finds a ledger that was cut short together with its
checkpoint, or written anew by whoever holds the signing key.

It answers `OK: nothing was changed`, or one line for each thing that is wrong and exit code 1.

## What is here

| file | |
|---|---|
| `records.jsonl` | every record in order, one a line, each in its one form (RFC 8785) |
| `checkpoint` | how many are sealed and under which root, signed (C2SP tlog-checkpoint) |
| `checkpoints/`, `rotations/` | earlier checkpoints; which key followed which |
| `keys` | the public keys, oldest first |
| `tile/` | the Merkle tree and the entries (C2SP tlog-tiles): serve this folder, and it is a transparency log |
| `releases.jsonl` | each release with the SHA-256 of its files, as on record |
| `head.json` | what the database counted |
| `ocsf.jsonl` | if it is there: the same for a SIEM. It is derived and not verified |

A record of more than 65,535 bytes does not fit an entry of `tile/entries`: there a line stands for it that holds its
SHA-256, and it is sealed by that. Records behind the last sealed one are checked for gaps in their numbers only.
"""


def export(evidence: LiveEvidence, folder: Path, *, ocsf: str = "") -> int:
    """Write a bundle into an empty folder and return the number of records; `ocsf` is Remit's version, or empty.

    Raises OSError.
    """
    head, size = evidence.head(), evidence.size
    _put(folder, HEAD, json.dumps(head.as_json(), indent=2, ensure_ascii=False).encode() + b"\n")
    count = _put_records(folder, evidence.records(), size, ocsf=ocsf)
    for tile in all_tiles(size):
        _put(folder, tile.path, evidence.file(tile.path))
    for path in _notes(evidence):
        _put(folder, path, evidence.file(path))
    lines = (json.dumps(release, ensure_ascii=False, sort_keys=True) + "\n" for release in evidence.releases())
    _put(folder, RELEASES, "".join(lines).encode())
    key = (evidence.file(KEYS) or b"").decode().split("\n")[0]
    readme = README.format(workspace=head.workspace, records=f"{count:,}", size=f"{size:,}", key=key)
    _put(folder, "README.md", readme.encode())
    return count


def _notes(evidence: LiveEvidence) -> Iterator[str]:
    yield CHECKPOINT
    yield KEYS
    for kind in (CHECKPOINTS, ROTATIONS):
        for name in evidence.names(kind):
            yield f"{kind}/{name}"


def _put_records(folder: Path, records: Iterable[bytes], size: int, *, ocsf: str) -> int:
    """Write the records as lines and, as far as they are sealed, as bundles of entries."""
    count = 0
    bundle: list[bytes] = []
    with ExitStack() as files:
        lines = files.enter_context((folder / RECORDS).open("wb"))
        events = files.enter_context((folder / OCSF).open("wb")) if ocsf else None
        for count, body in enumerate(records, 1):
            lines.write(body + b"\n")
            if events is not None:
                events.write(event(body, ocsf) + b"\n")
            if count <= size:
                bundle.append(entry_of(body, count))
                if len(bundle) == WIDTH or count == size:
                    _put(folder, Tile(-1, (count - 1) // WIDTH, len(bundle)).path, packed(bundle))
                    bundle.clear()
    return count


def _put(folder: Path, path: str, content: bytes | None) -> None:
    """Write a file; nothing where there is none, which the verifier will say."""
    if content is not None:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
