"""The whole ledger as one file, which an auditor takes away and verifies without this server."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from remit.api.access import allow, people
from remit.api.route import Route
from remit.api.shapes import Asker
from remit.api.use_cases import UseCases
from remit.control.bundle import export
from remit.domain.identity import Role


class BundleResponse(FileResponse):
    """A ZIP file."""

    media_type = "application/zip"


class BundleRoutes:
    """The ledger, to take away."""

    def __init__(self, use: UseCases) -> None:
        self._use = use

    def routes(self) -> Iterator[Route]:
        """Name the routes."""
        yield Route("GET", "/ledger/bundle", self.one, None, form=BundleResponse)

    @allow(people(Role.AUDITOR, Role.ADMIN))
    def one(self, caller: Asker) -> BundleResponse:
        """Return what `remit audit export` writes, as a ZIP file; unpacked, `remit audit verify` checks it."""
        handle, packed = tempfile.mkstemp(suffix=".zip", prefix="remit-ledger-")
        with tempfile.TemporaryDirectory(prefix="remit-ledger-") as name, os.fdopen(handle, "wb") as written:
            folder = Path(name)
            export(self._use.evidence(caller.workspace), folder)
            with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
                for path in sorted(folder.rglob("*")):
                    if path.is_file():
                        archive.write(path, path.relative_to(folder).as_posix())
        return BundleResponse(
            packed, filename=f"{caller.workspace}-ledger.zip", background=BackgroundTask(os.unlink, packed)
        )
