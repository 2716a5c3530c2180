"""`remit people`: who may do what in a workspace."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import click

from remit.cli.home import Home, get, home, part, post
from remit.cli.output import TABLE, document, line, note, output_option, table
from remit.cli.session import workspace_option
from remit.cli.when import moment

EXAMPLES = """\b
Examples:
  remit people add user:sara --role approver --role viewer
  remit people ls -o json
  remit people roles user:sara --role auditor
  remit people link user:sara --url https://remit.example.com
  remit people password user:sara < new-password.txt
  remit people disable user:sara -m "left the company"
  remit people enable user:sara

Whoever can write the database can do all this there; at a server admins can,
and are asked for their password. Each act is on record."""

ROLES = ("viewer", "operator", "approver", "author", "auditor", "admin")

role_option = click.option(
    "--role", "roles", multiple=True, type=click.Choice(ROLES), help="May be given more than once."
)
message_option = click.option("-m", "--message", default="", help="Why, for whoever reads the history.")


@click.group(epilog=EXAMPLES)
def people() -> None:
    """Add people, say what they may do, let them in no more."""


@people.command()
@workspace_option
@output_option
def ls(workspace: str | None, output: str) -> None:
    """List the people of a workspace."""
    with home(workspace, create=True) as at:
        found = get(at, "/people")["people"]
    rows = [
        (p["id"], " ".join(p["roles"]), "disabled" if p["disabled_at"] else "", p["name"], moment(p["created_at"]))
        for p in found
    ]
    table(("person", "roles", "state", "name", "added"), rows, output, found)


@people.command()
@click.argument("person")
@click.option("--name", default="", help="As people write it.")
@role_option
@workspace_option
@output_option
def add(person: str, name: str, roles: tuple[str, ...], workspace: str | None, output: str) -> None:
    """Add PERSON, as user:name. `remit people link` makes a link that signs them in."""
    with home(workspace, create=True) as at:
        added = post(at, "/people", {"id": person, "name": name, "roles": list(roles)})
        _tell(added, f"{added['id']} is in workspace {at.workspace}: {_words(added)}.", "green", output)


@people.command()
@click.argument("person")
@role_option
@workspace_option
@output_option
def roles(person: str, roles: tuple[str, ...], workspace: str | None, output: str) -> None:
    """Give PERSON exactly these roles, from their next request on."""
    with home(workspace, create=True) as at:
        changed = at.ask("PUT", f"/people/{part(person)}/roles", {"roles": list(roles)})
    _tell(changed, f"{changed['id']}: {_words(changed)}.", None, output)


@people.command()
@click.argument("person", required=False)
@click.option("--url", default="", help="Where the server is reached.")
@workspace_option
@output_option
def link(person: str | None, url: str, workspace: str | None, output: str) -> None:
    """Write a link that signs PERSON in once, within 15 minutes; by default yourself.

    In a workspace without people it makes the first admin.
    """
    with home(workspace, create=True) as at:
        made = _first_admin(at) or post(at, f"/people/{part(person or at.person)}/sign-in-link")
        reached = url or at.address
    address = f"{reached.rstrip('/')}/sign-in#{made['secret']}"
    if output != TABLE:
        document({"person": made["person"], "link": address, "expires_at": made["expires_at"]}, output)
        return
    note(f"Signs {made['person']} in, once, within 15 minutes:")
    line(address)


@people.command()
@click.argument("person")
@workspace_option
@output_option
def password(person: str, workspace: str | None, output: str) -> None:
    """Set PERSON's password, read from standard input; all their sessions end."""
    if sys.stdin.isatty():
        given = click.prompt("New password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        given = sys.stdin.readline(10_000).rstrip("\n")
    with home(workspace, create=True) as at:
        changed = post(at, f"/people/{part(person)}/password", {"password": given})
    _tell(changed, f"{person} has a new password; every session of theirs has ended.", None, output)


@people.command()
@click.argument("person")
@message_option
@workspace_option
@output_option
def disable(person: str, message: str, workspace: str | None, output: str) -> None:
    """Turn PERSON away from the next request on."""
    with home(workspace, create=True) as at:
        changed = post(at, f"/people/{part(person)}/disable", {"reason": message})
    _tell(changed, f"{person} is let in no more.", "yellow", output)


@people.command()
@click.argument("person")
@message_option
@workspace_option
@output_option
def enable(person: str, message: str, workspace: str | None, output: str) -> None:
    """Let PERSON in again; what they held before stays revoked."""
    with home(workspace, create=True) as at:
        changed = post(at, f"/people/{part(person)}/enable", {"reason": message})
    _tell(changed, f"{person} may sign in again.", "green", output)


def _first_admin(at: Home) -> Mapping[str, Any] | None:
    """Make the first admin of a workspace that has no people yet: only on the database, where nobody can sign in."""
    if at.is_server:
        return None
    from remit.cli.local import Local

    assert isinstance(at, Local)
    return at.first_admin()


def _tell(person: Mapping[str, Any], words: str, style: str | None, output: str) -> None:
    if output != TABLE:
        document(person, output)
    else:
        line(words, style=style)


def _words(person: Mapping[str, Any]) -> str:
    return ", ".join(person["roles"]) or "no role"
