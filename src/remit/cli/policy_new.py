"""`remit policy new`: a policy made of a template."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from remit.cli.output import line, note, wrapped
from remit.cli.session import Failed
from remit.workspace.template import BadTemplate, Parameter, template, template_names

EXAMPLES = """\b
Examples:
  remit policy new
  remit policy new spend-cap --set tool=erp.pay --set most=5000
  remit policy new working-hours --set tool=erp.pay --set start=7 \\
      -o policies/hours.cedar
  remit policy new allow-list --set tool=crm.mail --set argument=to \\
      --set "allowed=a@example.com,b@example.com" --set id=known-readers

Then: remit validate . && remit diff ."""


@click.command(epilog=EXAMPLES)
@click.argument("name", metavar="[TEMPLATE]", required=False)
@click.option("--set", "given", multiple=True, metavar="NAME=VALUE", help="A parameter; may be given more than once.")
@click.option("-o", "--out", type=click.Path(path_type=Path), metavar="FILE", help="A new file to write it to.")
def new(name: str | None, given: Sequence[str], out: Path | None) -> None:
    """Make a policy of TEMPLATE; without it, list the templates.

    It is Cedar text from then on: nothing remembers the template. Nothing is changed but FILE.
    """
    try:
        if name is None:
            _list()
            return
        text = template(name).filled(_values(given))
    except BadTemplate as error:
        raise Failed(f"{error}.") from error
    if out is None:
        click.echo(text, nl=False)
        return
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise Failed(f"{out} is there already: name another file, or append without -o, as `>> {out}`.") from error
    except OSError as error:
        raise Failed(f"{out} can not be written: {error.strerror}.") from error
    note(f"Wrote {out}. `remit validate` checks it together with the rest of the folder.")


def _values(given: Sequence[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals:
            raise BadTemplate(f"--set {each} has no value: write --set {each}=VALUE")
        if name in values:
            raise BadTemplate(f"{name} is given twice: leave out one")
        values[name] = value
    return values


def _list() -> None:
    for name in template_names():
        found = template(name)
        line(name)
        line(f"  {wrapped(found.summary, 2)}")
        for parameter in found.parameters:
            line(f"    {wrapped(_told(parameter), 6)}")
        line()


def _told(parameter: Parameter) -> str:
    default = "" if parameter.default is None else f" [{parameter.default}]"
    return f"{parameter.name}{default}: {parameter.meaning}"
