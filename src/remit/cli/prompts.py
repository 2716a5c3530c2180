"""`remit prompts`: the prompts of the active release, and what one says once its variables are filled in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from remit.cli.home import get, home, part, post
from remit.cli.output import TABLE, document, fields, line, output_option, table
from remit.cli.session import workspace_option

LS_EXAMPLES = """\b
Examples:
  remit prompts ls
  remit prompts show order-status
  remit prompts render order-status --var order=PO-48213"""
SHOW_EXAMPLES = """\b
Examples:
  remit prompts show order-status
  remit prompts show order-status -o json"""
RENDER_EXAMPLES = """\b
Examples:
  remit prompts render order-status --var order=PO-48213 --var parcels=3
  remit prompts render summary --var text=@report.txt -o json

`@FILE` is what the file holds. Exit code: 0, and 2 where a value does not fit."""


@click.group(epilog=LS_EXAMPLES)
def prompts() -> None:
    """List prompts, show one, fill one in."""


@prompts.command(epilog=LS_EXAMPLES)
@workspace_option
@output_option
def ls(workspace: str | None, output: str) -> None:
    """List the prompts of the active release."""
    with home(workspace) as at:
        found = get(at, "/prompts")["prompts"]
    rows = [(p["name"], _short(p["version"]), p["model"], _names(p["variables"]), p["description"]) for p in found]
    table(("prompt", "version", "model", "variables", "description"), rows, output, found)


@prompts.command(epilog=SHOW_EXAMPLES)
@click.argument("name")
@workspace_option
@output_option
def show(name: str, workspace: str | None, output: str) -> None:
    """Show what prompt NAME says and takes."""
    with home(workspace) as at:
        one = get(at, f"/prompts/{part(name)}")
    if output != TABLE:
        document(one, output)
        return
    about = [
        (key.replace("_", " "), one[key]) for key in ("name", "version", "description", "model", "max_output_tokens")
    ]
    fields(about)
    for each in one["variables"]:
        line(f"{each['name']}: {_takes(each)}")
    _write(one["messages"])


@prompts.command(epilog=RENDER_EXAMPLES)
@click.argument("name")
@click.option("--var", "given", multiple=True, metavar="NAME=VALUE", help="A variable's value; may be repeated.")
@workspace_option
@output_option
def render(name: str, given: Sequence[str], workspace: str | None, output: str) -> None:
    """Show what a model would be asked: prompt NAME with its variables filled in."""
    written = dict(_pair(each) for each in given)
    with home(workspace) as at:
        types = {each["name"]: each["type"] for each in get(at, f"/prompts/{part(name)}")["variables"]}
        values = {key: _typed(value, types.get(key, "string")) for key, value in written.items()}
        one = post(at, f"/prompts/{part(name)}/render", {"variables": values})
    if output != TABLE:
        document(one, output)
        return
    fields([(key, one[key]) for key in ("name", "version", "model")])
    _write(one["messages"])


def _pair(written: str) -> tuple[str, str]:
    name, sign, value = written.partition("=")
    if not sign or not name:
        raise click.BadParameter(f"{written[:80]!r} is no NAME=VALUE", param_hint="--var")
    if value.startswith("@"):
        try:
            return name, Path(value[1:]).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise click.BadParameter(f"{value[1:]} can not be read: {error}", param_hint="--var") from None
    return name, value


def _typed(value: str, wanted: str) -> str | int | bool:
    """Return a value as its variable takes it; what does not fit stays text, and is refused with the reason."""
    if wanted == "boolean" and value in ("true", "false"):
        return value == "true"
    if wanted == "integer" and value.removeprefix("-").isdecimal() and value.isascii() and len(value) < _LONGEST_NUMBER:
        return int(value)
    return value


_LONGEST_NUMBER = 100


def _short(version: str) -> str:
    return version[:19]


def _names(variables: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(each["name"] if each["required"] else f"[{each['name']}]" for each in variables)


def _takes(variable: Mapping[str, Any]) -> str:
    said = f"{variable['type']}, {'required' if variable['required'] else 'optional'}"
    default = variable["default"]
    if default is not None:
        said += f", else {str(default).lower() if isinstance(default, bool) else default}"
    return said + (f". {variable['description']}" if variable["description"] else "")


def _write(messages: Sequence[Mapping[str, Any]]) -> None:
    for message in messages:
        line()
        line(message["role"], style="cyan")
        line(message["content"])
