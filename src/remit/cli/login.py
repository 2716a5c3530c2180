"""`remit login` and `remit logout`: a token for a server, made and kept, and given back."""

from __future__ import annotations

import os
import socket
import sys
from dataclasses import replace
from urllib.parse import urlsplit

import click

from remit.cli.output import TABLE, clean, document, done, line, note, output_option
from remit.cli.places import (
    LOCAL,
    NAME,
    PlaceUnusable,
    Server,
    chosen_here,
    read_contexts,
    write_contexts,
)
from remit.cli.remote import Remote, Unreachable
from remit.cli.token_input import given_token
from remit.cli.turned import Turned
from remit.cli.when import moment

EXAMPLES = """\b
Examples:
  remit login https://remit.example.com
  remit login http://127.0.0.1:7070 --person user:sara --name desk
  remit login https://remit.example.com --token-stdin < token.txt

On a terminal you are asked for name and password; with --token-stdin for an
API token, or the sign-in link that `remit up` or `remit people link` wrote."""

TOKEN = "rmt_p_"  # noqa: S105 - how one begins
DAY_S = 86_400


@click.command(epilog=EXAMPLES)
@click.argument("url", required=False)
@click.option("--person", default="", help="Who you are, as user:name.")
@click.option("--name", default="", help="What the context is called; the server's host if left out.")
@click.option("--token-stdin", is_flag=True, help="Read an API token or a sign-in link from standard input.")
@click.option(
    "--days", default=30, show_default=True, type=click.IntRange(1, 366), help="How long the new token holds."
)
@click.option("-w", "--workspace", default="", help="Where the server holds more than one.")
@output_option
def login(url: str | None, person: str, name: str, token_stdin: bool, days: int, workspace: str, output: str) -> None:
    """Sign in to the server at URL, and work there from now on.

    A token is made for you and kept in a file that only you can read; `remit logout` revokes it. Without URL the
    server of the context in use is meant.
    """
    contexts = read_contexts()
    old = chosen_here() if url is None else None
    if old is not None and not isinstance(old.place, Server):
        raise PlaceUnusable("name the server, as `remit login https://remit.example.com`")
    at = (url or (old.place.url if old is not None and isinstance(old.place, Server) else "")).rstrip("/")
    name = name or (old.name if old is not None and old.name else _name_of(at))
    server = Server(at, workspace, person)
    Remote(server).close()  # an address that can not be used is told before a secret is asked for
    if token_stdin:
        given = given_token(at)
        server = verified(replace(server, token=given)) if given.startswith(TOKEN) else _by_link(server, given, days)
    else:
        server = _by_password(server, days)
    before = contexts.places.get(name)
    write_contexts(contexts.holding(name, server))
    if isinstance(before, Server) and before.token and before.url == server.url and before.token != server.token:
        _revoked(before)
    if output != TABLE:
        document(_signed_in(server, name), output)
        return
    until = f", until {moment(server.expires_at)}" if server.expires_at else ""
    line(f"{server.person} is signed in at {at}, workspace {server.workspace}{until}.", style="green")
    line(f"Commands work there from now on, as context {name}; `remit context use {LOCAL}` goes back.")


@click.command(epilog="\b\nExamples:\n  remit logout\n  remit logout prod\n  remit logout prod --forget")
@click.argument("name", required=False)
@click.option("--forget", is_flag=True, help="Only drop the token here, where the server is not there any more.")
@output_option
def logout(name: str | None, forget: bool, output: str) -> None:
    """Revoke the token of the context NAME, by default the one in use, and drop it."""
    contexts = read_contexts()
    meant = name or chosen_here().name
    if not meant:
        raise PlaceUnusable("REMIT_TOKEN is not kept by Remit: unset it, and revoke the token where it was made")
    place = contexts.named(meant)
    if not isinstance(place, Server) or not place.token:
        raise PlaceUnusable(f"context {meant} holds no token; `remit context ls` lists them")
    if not forget:
        with Remote(place) as remote:
            try:
                remote.ask("DELETE", "/session")
            except Turned as refused:
                if refused.code not in ("not_valid", "not_signed_in"):
                    raise
                note("The token had expired, or was revoked before.")
            except Unreachable as error:
                raise Unreachable(f"{error} The token still holds; --forget drops it here all the same.") from error
    write_contexts(contexts.holding(meant, replace(place, token="", expires_at=0), use=meant == contexts.current))
    told = {"context": meant, "address": place.url, "revoked": not forget}
    done(f"The token of {meant} is {'dropped' if forget else 'revoked'}.", output, told, "yellow")


def _signed_in(server: Server, context: str) -> dict[str, object]:
    """Return what is told of a sign-in: never the token."""
    return {
        "context": context,
        "address": server.url,
        "person": server.person,
        "workspace": server.workspace,
        "expires_at": server.expires_at or None,
    }


def verified(server: Server) -> Server:
    """Return the server with whom its token stands for, as the server says. Raises click.ClickException."""
    with Remote(server) as remote:
        me = remote.ask("GET", "/me")
    if me["kind"] != "person_token":
        raise PlaceUnusable(
            f"this is no token of a person: it is {clean(str(me['kind'])).replace('_', ' ')}. People make theirs with"
            " `remit login`, or in the API at POST /api/v1/me/tokens"
        )
    if server.workspace and server.workspace != me["workspace"]:
        raise PlaceUnusable(f"this token is for workspace {me['workspace']}, not {server.workspace}")
    return replace(server, person=str(me["person"]), workspace=str(me["workspace"]))


def _by_password(server: Server, days: int) -> Server:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise PlaceUnusable("nobody can be asked for a password here: pipe an API token to --token-stdin")
    who = server.person or os.environ.get("REMIT_USER", "")
    if not who:
        who = click.prompt("Person, as user:name", err=True)
    password = click.prompt(f"Password of {clean(who)} at {server.url}", hide_input=True, err=True)
    with Remote(replace(server, token="")) as remote:
        remote.begin_session("/session", {"person": who, "password": password, "workspace": server.workspace})
        return _with_token(remote, server, days)


def _by_link(server: Server, given: str, days: int) -> Server:
    """Sign in with a link, as it was written or just what stands behind its `#`."""
    link, _, secret = given.rpartition("#")
    if link and urlsplit(link).hostname != urlsplit(server.url).hostname:
        raise PlaceUnusable(f"the link is of another server than {server.url}")
    with Remote(replace(server, token="")) as remote:
        remote.begin_session("/session/link", {"secret": secret})
        return _with_token(remote, server, days)


def _with_token(remote: Remote, server: Server, days: int) -> Server:
    me = remote.ask("GET", "/me")
    label = f"remit login on {socket.gethostname()}"[:200]
    made = remote.ask("POST", "/me/tokens", {"label": label, "lasting_s": days * DAY_S})
    if not made["secret"]:  # the first answer was lost, and a repeated one tells no secret
        raise Unreachable(f"a token was made as {made['id']}, and it did not arrive: sign in again")
    return replace(
        server,
        person=str(me["person"]),
        workspace=str(me["workspace"]),
        token=str(made["secret"]),
        expires_at=int(made["expires_at"] or 0),
    )


def _revoked(before: Server) -> None:
    """Revoke the token that a new one replaces; that it can not be is worth a note and no more: it expires."""
    try:
        with Remote(before) as remote:
            remote.ask("DELETE", "/session")
    except click.ClickException:
        note("The token before could not be revoked; it holds until it expires.")


def _name_of(url: str) -> str:
    parts = urlsplit(url)
    name = f"{parts.hostname or ''}{f'-{parts.port}' if parts.port else ''}"
    if not NAME.fullmatch(name):
        raise PlaceUnusable(f"{url} gives no name for the context: say one with --name")
    return name
