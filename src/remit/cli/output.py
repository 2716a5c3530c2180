"""How commands write: tables for people, lines or JSON for programs.

On a terminal a table fits its width, 80 columns or more. Piped, it is tab-separated without a heading, one row a line,
so that `cut` and `sort` work. With `-o json` it is JSON in either case.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

NARROWEST = 80

# What an agent wrote may hold terminal control sequences or text that runs backwards: neither reaches a terminal.
_UNSAFE = re.compile("[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def output_option(command: F) -> F:
    """Give a command the option `-o table|json`, as its parameter `output`."""
    choice = click.Choice(["table", "json"])
    words = "A table for people, or JSON for programs."
    return click.option("-o", "--output", type=choice, default="table", show_default=True, help=words)(command)


def on_terminal() -> bool:
    """Tell whether standard output is a terminal."""
    return sys.stdout.isatty()


def clean(text: str) -> str:
    """Return text with every character that a terminal would act on replaced by U+FFFD."""
    return _UNSAFE.sub("\ufffd", text)


def line(text: str = "", *, style: str | None = None) -> None:
    """Write one line; `style` is a colour, left out where output is piped or NO_COLOR is set (https://no-color.org)."""
    shown = clean(text)
    click.echo(click.style(shown, fg=style) if style and in_colour() else shown)


def note(text: str) -> None:
    """Write one line to standard error: what a person should know and a program need not read."""
    click.echo(clean(text), err=True)


def in_colour() -> bool:
    """Tell whether output may be coloured."""
    return on_terminal() and not os.environ.get("NO_COLOR")


def as_json(value: object) -> None:
    """Write a value as JSON, indented, with text of any script as it is; what a terminal would act on is escaped."""
    written = json.dumps(value, indent=2, ensure_ascii=False)
    click.echo(_UNSAFE.sub(lambda char: f"\\u{ord(char[0]):04x}", written))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], output: str = "table") -> None:
    """Write rows: a table on a terminal, tab-separated lines when piped, a list of objects for `output` `json`.

    None is an empty cell, in JSON null. The keys of the objects are `columns`, in lower case with `_` for blanks.
    """
    if output == "json":
        keys = [column.casefold().replace(" ", "_") for column in columns]
        as_json([dict(zip(keys, row, strict=True)) for row in rows])
    elif on_terminal():
        _drawn(columns, rows)
    else:
        for row in rows:
            click.echo("\t".join(_cell(value) for value in row))


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
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for index, column in enumerate(columns):
        # The first column names the row, for the next command: it must stay in one piece to be copied.
        drawn.add_column(column, overflow="fold", no_wrap=index == 0)
    for row in rows:
        drawn.add_row(*(Text(clean(_text(value))) for value in row))
    console.print(drawn, width=max(NARROWEST, console.width))
