"""What a browser has to load of the console: before the first page shows, and for each page after it."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

from bench.measure import Cell, Table
from remit.api.console import FOLDER, PAGE

_FIRST = re.compile(r'(?:src|href)="/([^"]+\.(?:js|css))"')
_DIGEST = re.compile(r"-[0-9a-f]{8,}$")
LARGEST = 12
"""Scripts that are loaded later and listed by name; the others are one row."""


def table(*, quick: bool = False, folder: Path = FOLDER) -> Table:
    """Weigh the files that were built. Nothing is measured, so `quick` makes no difference."""
    del quick
    if not (folder / PAGE).is_file():
        return Table("The console", (), (), "Left out: the console is not built; run `make console`.")
    first = set(_FIRST.findall((folder / PAGE).read_text("utf-8")))
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    scripts = {name for name in files if name.endswith(".js")}
    later = sorted(scripts - first, key=lambda name: -files[name].stat().st_size)
    rows = [
        _row("first load: JavaScript", files, scripts & first),
        _row("first load: styles", files, {name for name in first if name.endswith(".css")}),
        *(_row(f"later: {_DIGEST.sub('', Path(name).stem)}", files, {name}) for name in later[:LARGEST]),
        _row("later: the other scripts", files, set(later[LARGEST:])),
        _row("fonts, of which a page loads what it shows", files, {name for name in files if ".woff" in name}),
        _row("everything", files, set(files)),
    ]
    note = "Bytes of the build in this checkout; gzip -9, as the server sends them. Fonts are compressed already."
    return Table("The console", ("what", "files", "bytes", "gzip"), tuple(rows), note)


def _row(what: str, files: dict[str, Path], names: set[str]) -> tuple[Cell, ...]:
    bodies = [files[name].read_bytes() for name in sorted(names)]
    zipped = [
        body if ".woff" in name else gzip.compress(body, 9) for name, body in zip(sorted(names), bodies, strict=True)
    ]
    return what, len(bodies), sum(map(len, bodies)), sum(map(len, zipped))
