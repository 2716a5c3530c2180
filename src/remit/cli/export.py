"""`remit export`: write a release back as files."""

from __future__ import annotations

from pathlib import Path

import click

from remit.cli.output import done, output_option
from remit.cli.session import Failed, session, workspace_option

EXAMPLES = """\b
Examples:
  remit export out/
  remit export out/ --release rel_330a804b

The files are byte for byte what was applied. A folder that holds anything is
refused, so that nothing is overwritten."""


@click.command(epilog=EXAMPLES)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--release", "name", default="", help="A release id or its beginning; the active one if left out.")
@click.option("--channel", default="production", show_default=True, help="Whose active release to export.")
@workspace_option
@output_option
def export(folder: Path, name: str, channel: str, workspace: str | None, output: str) -> None:
    """Write a release into the folder DIR."""
    with session() as open_session:
        where = open_session.workspace(workspace)
        releases = open_session.releases
        release = releases.named(where, name) if name else releases.active(where, channel)
    if release is None:
        raise Failed(f"channel {channel} points at no release")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Failed(f"{folder}: exists and is not an empty folder; name another one")
    try:
        for path, content in release.files.items():
            target = folder / path
            if not target.resolve().is_relative_to(folder.resolve()):
                raise Failed(f"{path}: leads out of {folder}; this release was tampered with")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    except OSError as error:
        raise Failed(f"{error.filename}: {error.strerror}") from error
    told = {"release": release.id, "folder": str(folder), "files": sorted(release.files)}
    done(f"{len(release.files)} files of {release.id} written to {folder}.", output, told, "green")
