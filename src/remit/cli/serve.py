"""`remit serve`: one server process on a database, for agents and people elsewhere."""

from __future__ import annotations

import logging
import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from remit.api.logs import LEVELS, log_json
from remit.api.serving import PORT, CertificateUnfit, Listening, NotEncrypted, ServerLimits, bound, serve, server_of
from remit.api.sole_server import AlreadyServed, SoleServer
from remit.cli.master_key import master_key
from remit.cli.output import line
from remit.cli.session import Failed, database_settings, explained
from remit.compose import Parts, notifier, open_parts, open_queue
from remit.control.lapsing import Lapsing, LapsingThread
from remit.control.notices import NotifyingThread
from remit.control.sealing import Sealer, SealingThread
from remit.domain.ids import OwnerId
from remit.server import open_server, open_spans
from remit.settings import SQLITE
from remit.storage.seals import seals_of
from remit.working import OwnWorker

if TYPE_CHECKING:
    from remit.api.spans import Spans

EXAMPLES = """\b
Examples:
  remit serve
  remit serve --host 0.0.0.0 --cert tls.crt --key tls.key
  remit serve --port 8080 --log-level warning

Stops on SIGTERM or Ctrl-C: what is under way is answered, streams end."""


def listening_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say where to listen."""
    for option in (
        click.option("--key", type=click.Path(path_type=Path), help="The certificate's private key, PEM."),
        click.option("--cert", type=click.Path(path_type=Path), help="A certificate chain, PEM: speak TLS."),
        click.option("--port", default=PORT, show_default=True, type=click.IntRange(1, 65_535), help="The port."),
        click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at."),
    ):
        command = option(command)
    return command


@click.command("serve", epilog=EXAMPLES)
@listening_options
@click.option("--unencrypted", is_flag=True, help="Let keys cross the network in the clear; REMIT_UNENCRYPTED.")
@click.option("--log-level", default="info", show_default=True, type=click.Choice(LEVELS), help="What is logged.")
def serve_command(host: str, port: int, cert: Path | None, key: Path | None, unencrypted: bool, log_level: str) -> None:
    """Serve agents and people over HTTP, with one process on a database.

    Logs are lines of JSON on standard error.
    """
    listening = Listening(host, port, cert, key)
    log_json(log_level.upper())
    with explained(), serving(listening, unencrypted=unencrypted) as ready:
        ready.run(lambda: line(f"Remit is at {listening.url}"))


class Ready:
    """A server that has its address and its database, and has still to answer."""

    def __init__(self, parts: Parts, listening: Listening, taken: socket.socket, stack: ExitStack) -> None:
        self.parts = parts
        self._listening = listening
        self._taken = taken
        self._stack = stack

    def run(self, told: Callable[[], None]) -> None:
        """Answer until it is stopped. `told` is called once requests are taken."""
        parts = self.parts
        spans = open_spans(parts.settings)
        if spans is not None:
            self._stack.callback(spans.close)
        queue = open_queue(parts)
        self._stack.callback(queue.close)
        sealing = _sealing(parts, spans)
        sealing.start()
        self._stack.callback(sealing.close)
        lapsing = LapsingThread(Lapsing(parts.store, parts.clock), logging.getLogger("remit.approvals").error)
        lapsing.start()
        self._stack.callback(lapsing.close)
        notifying = NotifyingThread(notifier(parts), logging.getLogger("remit.notices").error)
        notifying.start()
        self._stack.callback(notifying.close)
        worker = OwnWorker(parts, queue, logging.getLogger("remit.worker").error)
        if parts.settings.worker and parts.settings.database_url.startswith(SQLITE):
            worker.start()
            self._stack.callback(worker.close)
        secure = self._listening.certificate is not None
        opened = open_server(parts, queue, secure=secure, spans=spans, poke=worker.poke)
        serve(server_of(opened.whole, self._listening, ServerLimits(), opened.limits, told), self._taken)


@contextmanager
def serving(listening: Listening, *, unencrypted: bool) -> Iterator[Ready]:
    """Check the address, open the database and take it for this server. Raises Failed, with one clear line."""
    settings = database_settings(serving=True)
    try:
        listening.check(unencrypted=unencrypted or settings.unencrypted)
        with ExitStack() as stack:
            taken = stack.enter_context(_bound(listening))
            parts = open_parts(settings)
            stack.callback(parts.close)
            if settings.database_url.startswith(SQLITE):
                database = Path(settings.database_url.removeprefix(SQLITE))
                stack.enter_context(SoleServer(database, listening.url))
            yield Ready(parts, listening, taken, stack)
    except (NotEncrypted, AlreadyServed) as error:
        raise Failed(f"{error}.") from error


def _bound(listening: Listening) -> socket.socket:
    for file in (listening.certificate, listening.key):
        if file is not None and not file.is_file():
            raise Failed(f"{file}: there is no such file.")
    if (listening.certificate is None) is not (listening.key is None):
        raise Failed("--cert and --key belong together: give both.")
    try:
        listening.check_certificate()
    except CertificateUnfit as error:
        raise Failed(f"{error}.") from error
    try:
        return bound(listening, ServerLimits().backlog)
    except OSError as error:
        raise Failed(f"{listening.host}:{listening.port} can not be listened at: {error.strerror}.") from error


def _sealing(parts: Parts, spans: Spans | None) -> SealingThread:
    owner = OwnerId(f"own_{secrets.token_hex(8)}")
    seals = seals_of(parts.store)
    sealer = Sealer(parts.store, seals, master_key(parts), parts.clock, parts.ids, owner)
    traced = sealer if spans is None else spans.sealing(sealer)
    return SealingThread(traced, parts.store.workspaces, logging.getLogger("remit.ledger").error)
