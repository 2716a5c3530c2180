"""What every command that works on a database begins with."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
from pydantic import ValidationError

from remit.cli.places import Server, chosen_here
from remit.cli.when import moment as moment
from remit.compose import Parts, open_parts, open_releases, the_workspace
from remit.control.approval_detail import DetailRefused
from remit.control.approvals import AnswerRefused, Approvals
from remit.control.releases import ReleaseRefused, Releases
from remit.control.stops import StopRefused, Stops
from remit.control.terminations import Terminations
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
        return open_releases(self.parts)

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
    """Open the database of this command's context; turn expected errors into one line.

    A file that is not there is made only by a command that begins something new (`create`).
    """
    with explained():
        settings = database_settings()
        parts = open_parts(settings, create=create)
        try:
            yield Session(parts, UserId(settings.user or f"user:{_login()}"))
        finally:
            parts.close()


def database_settings(*, serving: bool = False) -> Settings:
    """Return the settings, with the database that the context names. Raises Failed where it is a server.

    A command that serves (`serving`) has a database of this machine in mind, unless a server was named for it.
    """
    chosen = chosen_here()
    place = chosen.place
    if isinstance(place, Server):
        if serving and not chosen.is_named:
            return Settings()
        raise Failed(
            f"this works on a database only, and {chosen.why} says {place.url}: run it where the database is,"
            " as `remit --context local ...`"
        )
    given = {"database_url": place.url, "workspace": place.workspace, "key_file": place.key_file}
    return Settings(**{name: value for name, value in given.items() if value})  # type: ignore[arg-type]


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


folder_option = click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
work_folder_option = click.option(
    "--dir",
    "folder",
    default=".",
    show_default=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="The workspace folder that is read or written.",
)
only_option = click.option(
    "--only", multiple=True, metavar="PATH", help="Just this file, as agents/x.yaml; may be given more than once."
)
language_option = click.option(
    "--lang", "--language", "language", type=click.Choice(["en", "ar"]), default="en", help="The language of the words."
)
expect_option = click.option(
    "--expect", "expected", multiple=True, metavar="FLIP", help="A flip of the backtest that is wanted; goes on record."
)
workspace_option = click.option("-w", "--workspace", default=None, help="Where the database holds more than one.")
