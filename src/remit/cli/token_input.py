"""A secret that a person or a program hands over: never on the command line, where others see it."""

from __future__ import annotations

import sys

import click

from remit.cli.places import PlaceUnusable

LONGEST = 4_096


def given_token(url: str) -> str:
    """Return an API token or a sign-in link: one line of standard input, unseen where that is a terminal."""
    if sys.stdin.isatty():
        given = click.prompt(f"API token or sign-in link for {url}", hide_input=True, err=True)
    else:
        given = sys.stdin.readline(LONGEST)
    if not given.strip():
        raise PlaceUnusable("no token came on standard input: pipe one in, as `remit login URL --token-stdin < FILE`")
    return str(given).strip()
