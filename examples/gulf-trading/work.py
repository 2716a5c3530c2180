"""One agent at work, in a process of its own: `python work.py TASK --company FILE`.

It reaches Remit by REMIT_URL and REMIT_API_KEY and tells what it does in lines of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gulf_trading import scenarios
from gulf_trading.company import Company
from gulf_trading.desks import Model, ModelFailed
from gulf_trading.office import WORKSPACE, worked_as_json
from gulf_trading.openai_model import configured
from gulf_trading.scripted_model import ScriptedModel
from gulf_trading.told import Told

import remit
from remit.sdk.errors import Held, RemitError
from remit.workspace.files import read_folder
from remit.workspace.reading import read

TASKS = {"renewal": scenarios.RENEWAL, "credit": scenarios.CREDIT, "discount": scenarios.DISCOUNT}
FAILED = 2


def work(task: str, company: Path, wait_s: float, environment: Mapping[str, str]) -> None:
    """Work on a task; what is held waits for a person, once. Raises RemitError, ModelFailed and LookupError."""
    model: Model = configured(environment) or ScriptedModel()
    configuration = read(read_folder(WORKSPACE).files, WORKSPACE.name).configuration
    assert configuration is not None

    def watch(tool: str, arguments: Mapping[str, Any], error: RemitError | None) -> bool:
        tell("called", Told.of(tool, arguments, error).as_json())
        return isinstance(error, Held)

    with Company(company) as systems, remit.connect() as client:
        worked = scenarios.governed(client, configuration, systems, model, TASKS[task], watch, wait_s)
    tell("ended", worked_as_json(worked))


def tell(what: str, fields: Mapping[str, Any]) -> None:
    """Write one line, at once: whoever listens may answer it."""
    print(json.dumps({what: fields}, ensure_ascii=False), flush=True)


def main() -> int:
    """Read the command line and work; an expected failure is one line and exit code 2."""
    parser = argparse.ArgumentParser(description="Let one agent of the example company work on a task.")
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("--company", type=Path, required=True, help="where the company's own database is made")
    parser.add_argument("--wait", type=float, default=0, help="seconds to wait for a person where one must decide")
    given = parser.parse_args()
    try:
        work(given.task, given.company, given.wait, os.environ)
    except (ModelFailed, LookupError, RemitError, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
