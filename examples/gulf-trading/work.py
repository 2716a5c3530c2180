"""One agent at work, in a process of its own: `python work.py TASK`. It knows nothing of Remit and imports none of it.

Its clients go where they are sent: OPENAI_BASE_URL and OPENAI_API_KEY for the model, MCP_URL and MCP_KEY for tools. It
writes what it does as lines of JSON; with --person a line of its input says that an address it showed was opened.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from gulf_trading import agents
from gulf_trading.stock_desk import Addresses, StockDesk
from gulf_trading.tasks import TASKS
from mcp import MCPError
from openai import OpenAIError

FAILED = 2
OPENED = "opened"


def tell(what: str, fields: Mapping[str, Any]) -> None:
    """Write one line, at once: whoever listens may answer it."""
    print(json.dumps({what: fields}, ensure_ascii=False), flush=True)


def person() -> bool:
    """Wait for whoever sits at this agent."""
    return sys.stdin.readline().strip() == OPENED


def work(task: str, at: Addresses, *, has_person: bool) -> None:
    """Work on a task. Raises MCPError, OpenAIError and OSError where the clients can not even begin."""
    with StockDesk(at, tell, person if has_person else None) as desk:
        ending = agents.work(desk, TASKS[task], desk.tools(), until=lambda: False)
    tell("ended", {"finished": ending.finished, "words": ending.words})


def main() -> int:
    """Read the command line and work; an expected failure is one line and exit code 2."""
    parser = argparse.ArgumentParser(description="Let one agent of the example company work on a task.")
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("--model", default="openai/gpt-5-mini", help="which model it asks for")
    parser.add_argument("--person", action="store_true", help="somebody answers on standard input")
    given = parser.parse_args()
    at = Addresses(os.environ.get("MCP_URL", ""), os.environ.get("MCP_KEY", ""), given.model)
    try:
        work(given.task, at, has_person=given.person)
    except (MCPError, OpenAIError, OSError, ExceptionGroup) as error:
        print(f"Error: {at.tools_url}: {_first(error)}", file=sys.stderr)
        return FAILED
    return 0


def _first(error: BaseException) -> str:
    """Return the first cause of a group, in one line."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return " ".join(f"{type(error).__name__}: {error}".split())


if __name__ == "__main__":
    sys.exit(main())
