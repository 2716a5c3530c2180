"""`remit people`: who may do what in a workspace, set on the database itself."""

from __future__ import annotations

import sys

import click

from remit.cli.output import line, output_option, table
from remit.cli.refused import refused
from remit.cli.session import Session, moment, session, workspace_option
from remit.control.passwords import Passwords
from remit.control.people import People
from remit.domain.identity import Role

EXAMPLES = """\b
Examples:
  remit people add user:sara --role approver --role viewer
  remit people ls -o json
  remit people roles user:sara --role auditor
  remit people password user:sara < new-password.txt
  remit people disable user:sara -m "left the company"
  remit people enable user:sara

Whoever can write the database can do all this; each act is on record."""

role_option = click.option(
    "--role",
    "roles",
    multiple=True,
    type=click.Choice([role.value for role in Role]),
    help="May be given more than once.",
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
    with session(create=True) as open_session:
        found = _people(open_session).all(open_session.workspace(workspace))
    rows = [
        (p.id, " ".join(sorted(p.roles)), "disabled" if p.disabled_at else "", p.name, moment(p.created_at))
        for p in found
    ]
    table(("person", "roles", "state", "name", "added"), rows, output)


@people.command()
@click.argument("person")
@click.option("--name", default="", help="As people write it.")
@role_option
@workspace_option
def add(person: str, name: str, roles: tuple[str, ...], workspace: str | None) -> None:
    """Add PERSON, as user:name. `remit login` makes a link that signs them in."""
    with session(create=True) as open_session:
        where = open_session.workspace(workspace)
        with refused():
            added = _people(open_session).add(
                where, person, [Role(role) for role in roles], open_session.person, name=name
            )
    line(f"{added.id} is in workspace {where}: {_words(added.roles)}.", style="green")


@people.command()
@click.argument("person")
@role_option
@workspace_option
def roles(person: str, roles: tuple[str, ...], workspace: str | None) -> None:
    """Give PERSON exactly these roles, from their next request on."""
    with session(create=True) as open_session:
        where = open_session.workspace(workspace)
        with refused():
            changed = _people(open_session).set_roles(
                where, person, [Role(role) for role in roles], open_session.person
            )
    line(f"{changed.id}: {_words(changed.roles)}.")


@people.command()
@click.argument("person")
@workspace_option
def password(person: str, workspace: str | None) -> None:
    """Set PERSON's password, read from standard input; all their sessions end."""
    if sys.stdin.isatty():
        given = click.prompt("New password", hide_input=True, confirmation_prompt=True)
    else:
        given = sys.stdin.readline(10_000).rstrip("\n")
    with session(create=True) as open_session:
        where = open_session.workspace(workspace)
        with refused():
            _people(open_session).reset_password(where, person, given, open_session.person)
    line(f"{person} has a new password; every session of theirs has ended.")


@people.command()
@click.argument("person")
@message_option
@workspace_option
def disable(person: str, message: str, workspace: str | None) -> None:
    """Turn PERSON away from the next request on."""
    with session(create=True) as open_session:
        where = open_session.workspace(workspace)
        with refused():
            _people(open_session).disable(where, person, open_session.person, message)
    line(f"{person} is let in no more.", style="yellow")


@people.command()
@click.argument("person")
@message_option
@workspace_option
def enable(person: str, message: str, workspace: str | None) -> None:
    """Let PERSON in again; what they held before stays revoked."""
    with session(create=True) as open_session:
        where = open_session.workspace(workspace)
        with refused():
            _people(open_session).enable(where, person, open_session.person, message)
    line(f"{person} may sign in again.", style="green")


def _people(open_session: Session) -> People:
    parts = open_session.parts
    return People(parts.store, parts.clock, parts.ids, Passwords())


def _words(roles: frozenset[Role]) -> str:
    return ", ".join(sorted(roles)) or "no role"
