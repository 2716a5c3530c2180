"""How commands write: tables for people, lines, JSON or YAML for programs.

On a terminal a table fits its width, 80 columns or more. Piped, it is tab-separated without a heading, one row a line,
so that `cut` and `sort` work. With `-o json` and `-o yaml` it is the whole answer in either case.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

NARROWEST = 80
TABLE = "table"

# What an agent wrote may hold terminal control sequences or text that runs backwards: neither reaches a terminal.
_UNSAFE = re.compile("[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_YAML_BREAKS = re.compile("[\u0085\u2028\u2029\ufeff]")


def output_option(command: F) -> F:
    """Give a command the option `-o table|json|yaml`, as its parameter `output`."""
    choice = click.Choice([TABLE, "json", "yaml"])
    words = "A table for people; JSON or YAML for programs."
    return click.option("-o", "--output", type=choice, default=TABLE, show_default=True, help=words)(command)


def on_terminal() -> bool:
    """Tell whether standard output is a terminal."""
    return sys.stdout.isatty()


def clean(text: str) -> str:
    """Return text with every character that a terminal would act on replaced by U+FFFD."""
    return _UNSAFE.sub("\ufffd", text)


def line(text: str = "", *, style: str | None = None) -> None:
    """Write one line; `style` is a colour, left out where output is piped or NO_COLOR is set (https://no-color.org)."""
    click.echo(coloured(clean(text), style))


def coloured(text: str, style: str | None) -> str:
    """Return text in a colour, where there may be one. What is quoted in it must be clean already."""
    return click.style(text, fg=style) if style and in_colour() else text


def note(text: str) -> None:
    """Write one line to standard error: what a person should know and a program need not read."""
    click.echo(clean(text), err=True)


def in_colour() -> bool:
    """Tell whether output may be coloured."""
    return on_terminal() and not os.environ.get("NO_COLOR")


def document(value: object, output: str) -> None:
    """Write a value as `json` or `yaml`."""
    if output == "yaml":
        _as_yaml(value)
    else:
        as_json(value)


def as_json(value: object) -> None:
    """Write a value as JSON, indented, with text of any script as it is; what a terminal would act on is escaped."""
    click.echo(_escaped(json.dumps(value, indent=2, ensure_ascii=False)))


def as_json_line(value: object) -> None:
    """Write a value as JSON on one line."""
    click.echo(_escaped(json.dumps(value, ensure_ascii=False)))


def _escaped(text: str) -> str:
    return _UNSAFE.sub(lambda char: f"\\u{ord(char[0]):04x}", text)


def _as_yaml(value: object) -> None:
    from ruamel.yaml import YAML  # 40 ms: only where it is asked for

    yaml = YAML(typ="rt")
    yaml.width = 1_000_000  # no folding: one value, one line
    written = io.StringIO()
    yaml.dump(_quoted(value), written)
    # What is unsafe stands in double quotes, where YAML 1.2 knows the same escapes as JSON (section 5.7).
    text = _YAML_BREAKS.sub(lambda char: f"\\u{ord(char[0]):04x}", written.getvalue())
    click.echo(_escaped(text), nl=False)


def _quoted(value: object) -> object:
    """Return a value in which text that needs escapes is marked to be double quoted."""
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    if isinstance(value, dict):
        return {_quoted(key): _quoted(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_quoted(inner) for inner in value]
    if isinstance(value, str) and (_UNSAFE.search(value) or _YAML_BREAKS.search(value)):
        return DoubleQuotedScalarString(value)
    return str(value) if isinstance(value, str) else value  # a word of a closed list is written as the text it is


def table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], output: str = TABLE, told: object | None = None
) -> None:
    """Write rows: a table on a terminal, tab-separated lines when piped, all of `told` for `json` and `yaml`.

    Without `told` these are a list of objects, whose keys are `columns`, in lower case with `_` for blanks. None is an
    empty cell.
    """
    if output != TABLE:
        keys = [column.casefold().replace(" ", "_") for column in columns]
        document([dict(zip(keys, row, strict=True)) for row in rows] if told is None else told, output)
    elif on_terminal():
        _drawn(columns, rows)
    else:
        for row in rows:
            click.echo("\t".join(_cell(value) for value in row))


def done(text: str, output: str, told: object, style: str | None = None) -> None:
    """Write what a command has done: one line, or all of `told` for `json` and `yaml`."""
    if output == TABLE:
        line(text, style=style)
    else:
        document(told, output)


def fields(rows: Iterable[tuple[str, object]], output: str = TABLE, told: object | None = None) -> None:
    """Write one thing: a name and a value a line; all of `told` for `json` and `yaml`."""
    shown = [(name, _cell(value)) for name, value in rows]
    if output != TABLE:
        document(dict(shown) if told is None else told, output)
        return
    widest = max((len(name) for name, _ in shown), default=0) + 1
    for name, value in shown:
        line(f"{name:{widest}} {value}".rstrip())


def wrapped(text: str, indent: int = 0, width: int | None = None) -> str:
    """Return clean text in lines of a terminal's width, 80 columns or more, all but the first one indented."""
    widest = max(NARROWEST, width or shutil.get_terminal_size().columns)
    lines = textwrap.wrap(clean(text), widest - indent, break_long_words=False, break_on_hyphens=False)
    return f"\n{' ' * indent}".join(lines)


def _cell(value: object) -> str:
    return clean(" ".join(_text(value).split()))


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _drawn(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    from rich import box  # 60 ms: only where a person looks on
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for index, column in enumerate(columns):
        # The first column names the row, for the next command: it must stay in one piece to be copied.
        drawn.add_column(column, overflow="fold", no_wrap=index == 0)
    for row in rows:
        drawn.add_row(*(Text(clean(_text(value))) for value in row))
    console.print(drawn, width=max(NARROWEST, console.width))
