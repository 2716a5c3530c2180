"""`remit worker`: a process that carries out workflows, beside any number of others."""

from __future__ import annotations

import signal
import threading

import click

from remit.api.logs import LEVELS, log_json
from remit.cli.output import line
from remit.cli.session import database_settings, explained
from remit.compose import open_parts, open_queue
from remit.working import open_worker

EXAMPLES = """\b
Examples:
  remit worker
  remit worker --log-level debug
  REMIT_WORKER_SEGMENTS=64 remit worker

Stops on SIGTERM or Ctrl-C: steps under way are waited for a moment; others carry on what is left."""


@click.command("worker", epilog=EXAMPLES)
@click.option("--log-level", default="info", show_default=True, type=click.Choice(LEVELS), help="What is logged.")
def worker(log_level: str) -> None:
    """Carry out workflows, beside any number of other workers on the same database.

    Logs are lines of JSON on standard error.
    """
    log_json(log_level.upper())
    stopped = threading.Event()
    with explained():
        parts = open_parts(database_settings(serving=True))
        try:
            queue = open_queue(parts)
            try:
                working = open_worker(parts, queue)
                working.start()
                for number in (signal.SIGTERM, signal.SIGINT):
                    signal.signal(number, lambda *_: stopped.set())
                line(f"{working.owner} carries out workflows")
                stopped.wait()
                working.close()
            finally:
                queue.close()
        finally:
            parts.close()
