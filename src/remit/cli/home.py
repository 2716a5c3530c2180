"""The one interface that commands ask: the control plane's routes, of a server or in this process on a database.

with home(workspace) as at:
    for run in at.pages("/runs", "runs", 20):
        ...

Paths, bodies and answers are those of the HTTP API (docs/reference/api.md) in either case.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol
from urllib.parse import quote

import click

from remit.cli.places import Server, chosen_here

LONGEST_PAGE = 200

_REMEDIES = {
    "no_run": "`remit runs ls` lists them",
    "no_approval": "`remit approvals ls` lists them",
    "no_release": "`remit releases` lists them; without any, `remit apply DIR` makes the first",
    "no_agent": "`remit agents` lists them",
    "no_tool": "`remit tools` lists them",
    "no_person": "`remit people ls` lists them",
    "no_key": "`remit keys ls` lists them",
    "no_action": "`remit runs show RUN` lists those of a run",
    "not_signed_in": "Run `remit login URL`",
    "not_valid": "The token has expired or was revoked: run `remit login URL` again",
    "folder_has_problems": "",
    "tests_failed": "`remit policy test DIR` shows them",
    "release_refused": "",
    "gate_closed": "",
    "trial_refused": "",
    "no_trial": "`remit observe ls` lists them",
    "answer_refused": "",
    "edit_denied": "",
    "delegation_refused": "",
    "no_delegation": "`remit approvals delegate` lists them",
    "stop_refused": "",
    "person_refused": "",
    "credential_refused": "",
    "store_failed": "",
    "password_unfit": "",
}
"""What to do on the command line, where the API's own remedy speaks of HTTP or the detail says it already."""


class Turned(click.ClickException):
    """The control plane turned a request away: its problem document, as one line and exit code 2."""

    exit_code = 2

    def __init__(self, problem: Mapping[str, Any], status: int = 0) -> None:
        self.problem = problem
        self.status = status or int(problem.get("status") or 0)
        self.code = str(problem.get("code") or "")
        detail = str(problem.get("detail") or "the request was refused").rstrip(".")
        remedy = _REMEDIES.get(self.code, str(problem.get("remedy") or ""))
        if "OpenAPI" in remedy:  # of a field that does not fit: the option's own help is nearer
            remedy = ""
        field = str(problem.get("field") or "")
        where = f"{field}: " if self.code in ("field_unfit", "field_missing", "field_unknown") and field else ""
        super().__init__(f"{where}{detail}. {remedy.rstrip('.')}." if remedy else f"{where}{detail}")


class Home(Protocol):
    """Where the routes are.

    Attributes:
        shown: how people call it: a database's path, or a server's address.
        is_server: whether it is a server.
        workspace: of all answers.
        person: who asks.
    """

    shown: str
    is_server: bool
    workspace: str
    person: str

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None, **query: object) -> Any:
        """Ask one route; `path` is below /api/v1. Empty and absent parts of `query` are left out.

        Raises Turned for what is refused, and click.ClickException where nobody can be asked.
        """
        ...

    def events(self, after: int | None) -> Iterator[Mapping[str, Any]]:
        """Yield events behind `after`, or from now on, as they are committed. Never ends by itself.

        The first one may be just `{"id": N}`: listening has begun behind record N.
        """
        ...


def get(at: Home, path: str, **query: object) -> Any:
    """Ask for something."""
    return at.ask("GET", path, None, **query)


def post(at: Home, path: str, body: Mapping[str, Any] | None = None) -> Any:
    """Change something."""
    return at.ask("POST", path, body or {})


def pages(at: Home, path: str, entries: str, most: int, **query: object) -> list[Any]:
    """Return the first `most` entries of a list that comes in pages."""
    found: list[Any] = []
    cursor = str(query.pop("cursor", "") or "")
    while len(found) < most:
        page = at.ask("GET", path, None, limit=min(LONGEST_PAGE, most - len(found)), cursor=cursor, **query)
        found += page[entries]
        cursor = page["next"] or ""
        if not cursor:
            break
    return found


def part(id: str) -> str:
    """Return an id as one step of a path."""
    return quote(id, safe="")


@contextmanager
def home(workspace: str | None = None, *, create: bool = False, new: str = "") -> Iterator[Home]:
    """Open the place of this command.

    Args:
        workspace: where a database holds more than one; of a server's token only its own.
        create: make a database file that is not there.
        new: a workspace that may not be there yet, as the folder that is applied names it.

    Raises:
        click.ClickException: it can not be opened.
    """
    place = chosen_here().place
    if isinstance(place, Server):
        from remit.cli.remote import Remote

        with Remote(place, new or workspace or "") as remote:
            yield remote
        return
    from remit.cli.local import Local
    from remit.cli.session import session
    from remit.domain.ids import WorkspaceName

    with session(create=create) as opened:
        yield Local(opened, WorkspaceName(new) if new else opened.workspace(workspace))
