"""Verify an exported ledger offline: `python -m remit.ledger.verify BUNDLE --key KEY [--witness FILE]`.

Needs Python and `cryptography`, and this folder; nothing else of Remit. Exit code 0: nothing was changed; 1: something
was, and each line says what; 2: it could not be looked at.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from .evidence import KEYS, Bundle, Evidence, Unreadable
from .examination import Report, examine
from .note import BadNote, Verifier
from .proof import NotProven, proven

OWN_KEYS = (
    "The key was taken from the ledger itself: this shows that it is whole, not whose it is."
    " Give the key you were handed otherwise with --key."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Verify, write what was found to standard output, and return the exit code."""
    given = _parser().parse_args(arguments)
    try:
        keys = [Verifier.of(text) for text in given.key]
        if given.bundle.is_file():
            sys.stdout.write(proven(given.bundle.read_bytes(), keys, list(copies(given.witness))) + "\n")
            return 0
        bundle = Bundle(given.bundle)
        report = examine(bundle, keys or own_keys(bundle), list(copies(given.witness)))
    except (Unreadable, BadNote) as error:
        sys.stderr.write(f"Error: {error}\n")
        return 2
    except NotProven as error:
        sys.stdout.write(f"FAILED: {error}\n")
        return 1
    for line in lines(report, own=not keys):
        sys.stdout.write(line + "\n")
    return 0 if report.is_whole else 1


def lines(report: Report, *, own: bool) -> Iterator[str]:
    """Yield what was found, a line each; the last one is the answer."""
    for fault in report.faults:
        yield str(fault)
    last = report.checkpoint
    if last is not None:
        size = last.checkpoint.size
        rest = f", {report.records - size:,} not sealed yet" if report.records > size else ""
        yield f"{report.head.origin}: {size:,} records sealed{rest}; root {last.checkpoint.root.hex()}"
        yield f"signed by {', '.join(f'{key.name}+{key.id.hex()}' for key in last.signers)}"
        if last.others:
            yield f"also signed, not checked here, by {', '.join(last.others)}"
    if own:
        yield OWN_KEYS
    yield "OK: nothing was changed" if report.is_whole else f"FAILED: {_counted(len(report.faults))}"


def _counted(faults: int) -> str:
    return f"{faults:,} fault{'' if faults == 1 else 's'}"


def own_keys(evidence: Evidence) -> tuple[Verifier, ...]:
    """Return the first of the keys a bundle names: the others follow from it. Raises Unreadable, BadNote."""
    raw = evidence.file(KEYS)
    if not raw:
        raise Unreadable("the bundle names no key: give one with --key, or seal with `remit audit seal` first")
    return (Verifier.of(raw.decode("utf-8", "replace").split("\n")[0]),)


def copies(places: Sequence[Path]) -> Iterator[tuple[str, bytes]]:
    """Yield the checkpoints at some places: files, or folders of files. Raises Unreadable."""
    for place in places:
        try:
            files = [path for path in sorted(place.rglob("*")) if path.is_file()] if place.is_dir() else [place]
            for path in files:
                if not any(part.startswith(".") for part in path.relative_to(place).parts):
                    yield str(path), path.read_bytes()
        except OSError as error:
            raise Unreadable(f"{place}: {error.strerror}") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="verify", description="Verify an exported ledger offline.")
    parser.add_argument("bundle", type=Path, help="the folder `remit audit export` wrote, or a proof's JSON file")
    parser.add_argument("--key", action="append", default=[], help="a key you trust, as name+hash+key; several times")
    parser.add_argument(
        "--witness",
        action="append",
        default=[],
        type=Path,
        help="a checkpoint kept elsewhere, or a folder of them; several times",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
