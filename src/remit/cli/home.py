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

from remit.cli.places import Server, chosen_here

LONGEST_PAGE = 200


class Home(Protocol):
    """Where the routes are.

    Attributes:
        shown: how people call it: a database's path, or a server's address.
        is_server: whether it is a server.
        address: where browsers reach the server; of a database, the one that serves it.
        workspace: of all answers.
        person: who asks.
    """

    shown: str
    is_server: bool
    address: str
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
