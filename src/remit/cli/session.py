"""What every command that works on a database begins with."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click
from pydantic import ValidationError

from remit.compose import Parts, open_parts, the_workspace
from remit.control.approval_detail import DetailRefused
from remit.control.approvals import AnswerRefused, Approvals
from remit.control.releases import ReleaseRefused, Releases
from remit.control.stops import StopRefused, Stops
from remit.control.terminations import Terminations
from remit.domain.clock import MICROS_PER_SECOND
from remit.domain.ids import UserId, WorkspaceName
from remit.sdk.errors import RemitError
from remit.settings import Settings
from remit.storage.port import StoreError


class Failed(click.ClickException):
    """An expected failure: one clear line on standard error and exit code 2."""

    exit_code = 2  # 1 is a command's own answer


@dataclass(frozen=True, slots=True)
class Session:
    """An open database and who is asking."""

    parts: Parts
    person: UserId

    @property
    def releases(self) -> Releases:
        """Use cases of releases."""
        return Releases(self.parts.store, self.parts.clock, self.parts.ids)

    @property
    def approvals(self) -> Approvals:
        """Use cases of approvals."""
        return Approvals(self.parts.store, self.parts.clock, self.parts.ids)

    @property
    def stops(self) -> Stops:
        """Use cases of stops."""
        return Stops(self.parts.store, self.parts.clock, self.parts.ids)

    @property
    def terminations(self) -> Terminations:
        """Use cases of terminations."""
        return Terminations(self.parts.store, self.parts.clock, self.parts.ids)

    def workspace(self, name: str | None) -> WorkspaceName:
        """Return the workspace meant."""
        return the_workspace(self.parts, name)


@contextmanager
def session(*, create: bool = False) -> Iterator[Session]:
    """Open the database that the settings name; turn expected errors into one line.

    A file that is not there is made only by a command that begins something new (`create`).
    """
    with explained():
        settings = Settings()
        parts = open_parts(settings, create=create)
        try:
            yield Session(parts, UserId(settings.user or f"user:{_login()}"))
        finally:
            parts.close()


@contextmanager
def explained() -> Iterator[None]:
    """Turn expected errors into one line on standard error and exit code 2."""
    try:
        yield
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        raise Failed(f"REMIT_{name}: {first['msg']}") from error
    except (StoreError, RemitError, ReleaseRefused, AnswerRefused, DetailRefused, StopRefused) as error:
        raise Failed(str(error)) from error


def folder_name(folder: Path) -> str:
    """Return the name a workspace has where its folder does not say."""
    return folder.resolve().name


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container without a user entry
        return "unknown"


def moment(at: int) -> str:
    """Write an instant for people: UTC, to the second."""
    return datetime.fromtimestamp(at / MICROS_PER_SECOND, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


folder_option = click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
only_option = click.option(
    "--only", multiple=True, metavar="PATH", help="Just this file, as agents/x.yaml; may be given more than once."
)
workspace_option = click.option("-w", "--workspace", default=None, help="Where the database holds more than one.")
