"""`remit audit`: seal the ledger, verify it, prove a record, hand it to an auditor, change its key."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from remit import __version__
from remit.cli.master_key import master_key
from remit.cli.output import TABLE, document, done, line, note, output_option
from remit.cli.session import Failed, Session, session, workspace_option
from remit.control.anchors import AnchorFailed, anchor, left_at
from remit.control.bundle import export as write_bundle
from remit.control.evidence import LiveEvidence, NotSealed
from remit.control.sealing import Came, LedgerBroken, Sealer, SealingRefused
from remit.domain.ids import OwnerId, WorkspaceName
from remit.ledger.evidence import Bundle, Evidence, Unreadable
from remit.ledger.examination import Report, examine
from remit.ledger.note import BadNote, Verifier
from remit.ledger.proof import NotProven, proven
from remit.ledger.tiles import BadTile
from remit.ledger.verify import lines, own_keys
from remit.storage.seals import Seals, seals_of

EXAMPLES = """\b
Examples:
  remit audit seal --anchor git:/srv/anchors
  remit audit verify --witness s3://worm-bucket/remit
  remit audit verify
  remit audit verify bundle/ --key "$KEY" --witness /mnt/worm
  remit audit export bundle/
  remit audit proof act_m83ab50taczcejtryx2y/decision
  remit audit key show
  remit audit key rotate -m "yearly"

Exit code of verify: 0 nothing was changed, 1 something was, 2 it could not
be looked at."""


@dataclass(frozen=True, slots=True)
class _Ledger:
    """One workspace's ledger in an open database."""

    open_session: Session
    seals: Seals
    workspace: WorkspaceName

    @property
    def sealer(self) -> Sealer:
        """A sealer of this process's own, which takes nobody's place."""
        parts = self.open_session.parts
        owner = OwnerId(f"own_{secrets.token_hex(8)}")
        return Sealer(parts.store, self.seals, master_key(parts), parts.clock, parts.ids, owner, lease_s=0)

    @property
    def evidence(self) -> LiveEvidence:
        """The ledger as it is now."""
        return LiveEvidence(self.open_session.parts.store, self.seals, self.workspace)


@contextmanager
def _ledger(workspace: str | None) -> Iterator[_Ledger]:
    """Open a ledger; turn expected errors into one line."""
    with session() as open_session:
        try:
            yield _Ledger(open_session, seals_of(open_session.parts.store), open_session.workspace(workspace))
        except (LedgerBroken, SealingRefused, AnchorFailed, NotSealed, BadNote, BadTile, Unreadable) as error:
            raise Failed(str(error)) from error


@click.group(epilog=EXAMPLES)
def audit() -> None:
    """Seal, verify and export the ledger of everything that happened."""


@audit.command()
@click.option(
    "--anchor",
    "places",
    multiple=True,
    metavar="PLACE",
    help="Leave the checkpoint there: file:FOLDER, git:REPOSITORY, s3://BUCKET/PREFIX or https://...; several times.",
)
@workspace_option
@output_option
def seal(places: tuple[str, ...], workspace: str | None, output: str) -> None:
    """Seal what is not sealed yet, now. A server does so every second by itself."""
    anchors = []
    with _ledger(workspace) as ledger:
        anchors = [anchor(place) for place in places]
        sealing = ledger.sealer.seal_all(ledger.workspace, relieve=True)
        newest = ledger.seals.newest(ledger.workspace)
        if sealing.came is Came.NOT_LEADER:
            note("Another process has sealed at the same time.")
        if output == TABLE:
            line(f"{sealing.size:,} records are sealed, {sealing.new:,} of them new.")
        left = list(zip(places, anchors, strict=True)) if newest is not None else []
        for place, opened in left:
            assert newest is not None
            opened.leave(newest.note)
            if output == TABLE:
                line(f"The checkpoint of {newest.size:,} records was left at {place}.")
    if output != TABLE:
        document({"sealed": sealing.size, "new": sealing.new, "left_at": [place for place, _ in left]}, output)


@audit.command()
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option("--key", "keys", multiple=True, metavar="KEY", help="A key you trust; may be given more than once.")
@click.option(
    "--witness",
    "witnesses",
    multiple=True,
    metavar="PLACE",
    help="A checkpoint kept elsewhere, a folder of them, or a place of --anchor; several times.",
)
@workspace_option
@output_option
@click.pass_context
def verify(
    ctx: click.Context,
    folder: Path | None,
    keys: tuple[str, ...],
    witnesses: tuple[str, ...],
    workspace: str | None,
    output: str,
) -> None:
    """Verify the ledger of the database, or an exported one, or a proof.

    DIR is what `remit audit export` wrote, or a file with a proof as `remit audit proof` and /api/v1/ledger give
    them: for it neither a database nor a network is needed.
    """
    try:
        if folder is not None and folder.is_file():
            ctx.exit(_proof_verified(folder, keys, witnesses, output))
        if folder is not None:
            report = _examined(Bundle(folder), keys, witnesses)
        else:
            with _ledger(workspace) as ledger:
                report = _examined(ledger.evidence, keys, witnesses)
    except (Unreadable, BadNote, AnchorFailed) as error:
        raise Failed(str(error)) from error
    if output != TABLE:
        document(_json(report), output)
    else:
        for text in lines(report, own=not keys):
            line(text)
    ctx.exit(0 if report.is_whole else 1)


def _proof_verified(file: Path, keys: tuple[str, ...], witnesses: tuple[str, ...], output: str) -> int:
    """Say what a proof shows, and return the exit code. Raises Unreadable, BadNote, AnchorFailed."""
    try:
        said, code = proven(file.read_bytes(), [Verifier.of(key) for key in keys], list(left_at(witnesses))), 0
    except NotProven as error:
        said, code = f"FAILED: {error}", 1
    if output != TABLE:
        document({"whole": code == 0, "said": said}, output)
    else:
        line(said)
    return code


def _examined(evidence: Evidence, keys: tuple[str, ...], witnesses: tuple[str, ...]) -> Report:
    trusted = [Verifier.of(key) for key in keys] or own_keys(evidence)
    return examine(evidence, trusted, list(left_at(witnesses)))


def _json(report: Report) -> dict[str, object]:
    last = report.checkpoint
    return {
        "whole": report.is_whole,
        "workspace": report.head.workspace,
        "origin": report.head.origin,
        "records": report.records,
        "sealed": 0 if last is None else last.checkpoint.size,
        "root": None if last is None else last.checkpoint.root.hex(),
        "signers": [] if last is None else [str(key) for key in last.signers],
        "faults": [{"kind": fault.kind.value, "text": fault.text} for fault in report.faults],
    }


@audit.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--ocsf", is_flag=True, help="Also write ocsf.jsonl, the records as OCSF events for a SIEM.")
@workspace_option
@output_option
def export(folder: Path, ocsf: bool, workspace: str | None, output: str) -> None:
    """Write the ledger into the empty folder DIR.

    An auditor verifies it offline; any static web server can serve it.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Failed(f"{folder}: exists and is not an empty folder; name another one")
    with _ledger(workspace) as ledger:
        evidence = ledger.evidence
        try:
            folder.mkdir(parents=True, exist_ok=True)
            count = write_bundle(evidence, folder, ocsf=__version__ if ocsf else "")
        except OSError as error:
            raise Failed(f"{error.filename}: {error.strerror}") from error
        told = {"records": count, "sealed": evidence.size, "folder": str(folder)}
        done(f"{count:,} records, {evidence.size:,} of them sealed, written to {folder}.", output, told, "green")
        if evidence.size < count:
            note("Those not sealed yet are checked for gaps only: `remit audit seal` first seals them all.")


@audit.command()
@click.argument("record", metavar="RECORD_KEY")
@workspace_option
@output_option
def proof(record: str, workspace: str | None, output: str) -> None:
    """Prove that a record is in the ledger.

    Writes JSON, to be checked with `python -m remit.ledger.verify FILE --key KEY`; YAML where that is asked for.
    """
    with _ledger(workspace) as ledger:
        document(ledger.evidence.inclusion(record).as_json(), output)


@audit.group()
def key() -> None:
    """Show the keys that sign the ledger, or go on to a new one."""


@key.command()
@workspace_option
@output_option
def show(workspace: str | None, output: str) -> None:
    """Write the public keys, oldest first: what an auditor is given. The last one signs."""
    with _ledger(workspace) as ledger:
        keys = ledger.seals.keys(ledger.workspace)
        if not keys:
            raise Failed("the ledger has no key yet: run `remit audit seal` first")
        if output != TABLE:
            document([{"key": one.key, "signs": one is keys[-1]} for one in keys], output)
            return
        for one in keys:
            line(one.key)


@key.command()
@click.option("-m", "--message", default="", help="Why, for the record.")
@workspace_option
@output_option
def rotate(message: str, workspace: str | None, output: str) -> None:
    """Sign with a new key from now on. The old key signs that it is the next one."""
    with _ledger(workspace) as ledger:
        verifier = ledger.sealer.rotate(ledger.workspace, ledger.open_session.person, message)
        done(f"From now on signs {verifier}", output, {"key": str(verifier), "signs": True})
        note("Who trusts the key before goes on to this one by itself; hand it to those who begin now.")
