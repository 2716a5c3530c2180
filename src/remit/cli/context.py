"""`remit context`: named places to work, databases and servers."""

from __future__ import annotations

import click

from remit.cli.output import done, fields, output_option, table
from remit.cli.places import (
    LOCAL,
    Chosen,
    Database,
    Place,
    PlaceUnusable,
    Server,
    chosen_here,
    contexts_path,
    read_contexts,
    write_contexts,
)
from remit.cli.token_input import given_token
from remit.cli.when import moment

EXAMPLES = """\b
Examples:
  remit context ls
  remit context add books --database sqlite:////srv/books/remit.db
  remit context add prod --url https://remit.example.com --token-stdin
  remit context use prod
  remit --context books runs ls
  remit context show -o json
  remit context rm books

`remit login URL` adds a server and signs you in. For one command there are
also --context, REMIT_CONTEXT, and REMIT_URL with REMIT_TOKEN."""


@click.group(epilog=EXAMPLES)
def context() -> None:
    """Say where commands work: on a database, or at a server."""


@context.command()
@output_option
def ls(output: str) -> None:
    """List the contexts; `*` marks the one in use."""
    contexts = read_contexts()
    known: dict[str, Place] = {LOCAL: Database(), **contexts.places}
    told = [_told(name, place, used=name == contexts.current) for name, place in known.items()]
    rows = [(t["name"], "*" if t["in_use"] else "", t["kind"], t["address"], t["workspace"], t["person"]) for t in told]
    table(("context", "in use", "kind", "where", "workspace", "person"), rows, output, told)


@context.command()
@click.argument("name")
@output_option
def use(name: str, output: str) -> None:
    """Work in NAME from now on."""
    contexts = read_contexts().using(name)
    write_contexts(contexts)
    told = _told(name, contexts.places.get(name, Database()), used=True)
    done(f"From now on commands work in {name}.", output, told, "green")


@context.command()
@click.argument("name")
@click.option("--database", default="", metavar="URL", help="sqlite:/// and a path, or postgresql://...")
@click.option("--key-file", default="", help="The database's master key, where it is not beside it.")
@click.option("--url", default="", help="A server, as https://HOST.")
@click.option("--token-stdin", is_flag=True, help="Read the API token for the server from standard input.")
@click.option("-w", "--workspace", default="", help="The workspace.")
@output_option
def add(name: str, database: str, key_file: str, url: str, token_stdin: bool, workspace: str, output: str) -> None:
    """Add NAME and work in it from now on."""
    if bool(database) is bool(url):
        raise PlaceUnusable("say what it is: --database URL for a database, or --url URL for a server")
    if url and not token_stdin:
        raise PlaceUnusable(f"a server needs a token: run `remit login {url}`, or give --token-stdin")
    place: Place = Database(database, workspace, key_file)
    if database:
        _check_database(database)
    else:
        from remit.cli.login import verified

        place = verified(Server(url.rstrip("/"), workspace, token=given_token(url)))
    write_contexts(read_contexts().holding(name, place))
    done(f"Context {name} is added, and commands work in it.", output, _told(name, place, used=True), "green")


@context.command()
@click.argument("name")
@output_option
def rm(name: str, output: str) -> None:
    """Forget NAME; a token in it goes on holding, `remit logout` revokes it."""
    write_contexts(read_contexts().without(name))
    done(f"Context {name} is forgotten.", output, {"name": name, "forgotten": True}, "yellow")


@context.command()
@output_option
def show(output: str) -> None:
    """Show where commands work now, and why."""
    chosen: Chosen = chosen_here()
    told = {**_told(chosen.name, chosen.place, used=True), "chosen_by": chosen.why, "file": str(contexts_path())}
    told.pop("in_use")
    rows = [
        ("context", told["name"] or "(none)"),
        ("chosen by", told["chosen_by"]),
        (str(told["kind"]), told["address"]),
        ("workspace", told["workspace"]),
        ("person", told["person"]),
        ("token", told["token"]),
        ("file", told["file"]),
    ]
    fields([(name, value) for name, value in rows if value], output, told)


def _told(name: str, place: Place, *, used: bool) -> dict[str, object]:
    """Return what may be told of a place: never a token, and no password of a database."""
    if isinstance(place, Server):
        until = f"holds until {moment(place.expires_at)}" if place.expires_at else "holds until it is revoked"
        token = until if place.token else "none: run `remit login`"
        return {
            "name": name,
            "in_use": used,
            "kind": "server",
            "address": place.url,
            "workspace": place.workspace,
            "person": place.person,
            "token": token,
        }
    return {
        "name": name,
        "in_use": used,
        "kind": "database",
        "address": _address(place),
        "workspace": place.workspace,
        "person": "",
        "token": "",
    }


def _address(place: Database) -> str:
    from remit.cli.session import explained
    from remit.settings import Settings

    with explained():
        return (Settings(database_url=place.url) if place.url else Settings()).database


def _check_database(url: str) -> None:
    from remit.cli.session import explained
    from remit.settings import Settings

    with explained():
        Settings(database_url=url)
