"""`remit runs logs`: what happens, one line an event, while it happens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import click

from remit.cli.home import Home, get, home, pages, part
from remit.cli.output import TABLE, as_json_line, clean, coloured, document, on_terminal, output_option, wrapped
from remit.cli.session import Failed, language_option, workspace_option
from remit.cli.turned import Turned
from remit.cli.when import MICROS_PER_SECOND
from remit.domain.event_messages import tell
from remit.domain.messages import Language

EXAMPLES = """\b
Examples:
  remit runs logs run_m83ab50taczcejtryx2y
  remit runs logs run_m83ab50taczcejtryx2y -f
  remit runs logs -f -o json

Ctrl-C ends it, with exit code 0. A broken connection is taken up again
behind the last event that came."""

MOST = 10_000
KEPT = 10_000
"""How many actions are remembered, so that none is told twice."""
_COLOURS = {"allow": None, "ok": "green", "deny": "red", "error": "red", "hold": "yellow", "unknown": "yellow"}


@click.command(epilog=EXAMPLES)
@click.argument("run", required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens from now on.")
@language_option
@workspace_option
@output_option
def logs(run: str | None, follow: bool, language: Language, workspace: str | None, output: str) -> None:
    """Write what happened in RUN, one line an event; with -f also what happens, without RUN in the workspace.

    `-o json` writes lines of JSON.
    """
    if run is None and not follow:
        raise Failed("say which run, as `remit runs logs RUN`, or follow the workspace with -f")
    with home(workspace) as at:
        try:
            for event in _followed(at, run, language) if follow else _past(at, str(run), language):
                _write(event, language, output, whole=run is None)
        except KeyboardInterrupt:
            return


def _followed(at: Home, run: str | None, language: Language) -> Iterator[Mapping[str, Any]]:
    """Yield what happened and then what happens. Listening begins before looking back, so nothing lies between."""
    live = at.events(None)
    told: dict[str, None] = {}
    first = next(live)
    past = _past(at, run, language) if run is not None else iter(())
    for event in past:
        told[_once(event)] = None
        yield event
    if "kind" in first:
        yield from _new(at, first, run, told, language)
    for event in live:
        yield from _new(at, event, run, told, language)


def _new(
    at: Home, event: Mapping[str, Any], run: str | None, told: dict[str, None], language: Language
) -> Iterator[Mapping[str, Any]]:
    """Yield an event with why it came to that, unless it is of another run or was told before."""
    if "kind" not in event or run not in (None, event.get("run")) or _once(event) in told:
        return
    told[_once(event)] = None
    if len(told) > KEPT:
        del told[next(iter(told))]
    if event.get("verdict") in ("deny", "hold"):
        try:
            action = get(at, f"/actions/{part(str(event['action']))}", language=language)
            event = {**event, "words": action["words"]}
        except Turned:
            pass  # the line says what was decided; why is shown by `remit explain`
    yield event


def _once(event: Mapping[str, Any]) -> str:
    return f"{event['kind']} {event.get('action') or event.get('run')} {event['at']}"


def _past(at: Home, run: str, language: Language) -> Iterator[Mapping[str, Any]]:
    """Yield what is known of a run as its events would have told it, in their order."""
    path = f"/runs/{part(run)}"
    found = get(at, path)
    about = {"run": run, "agent": found["agent"]}
    events: list[dict[str, Any]] = [
        {"kind": "run_started", "at": found["started_at"], "on_behalf_of": found["on_behalf_of"], **about}
    ]
    for action in pages(at, f"{path}/actions", "actions", MOST, language=language):
        of = {**about, "action": action["id"], "target": action["target"]}
        words = action["words"] if action["verdict"] != "allow" else []
        verdict = {"verdict": action["verdict"], "state": action["state"], "words": words}
        events.append({"kind": "decision_made", "at": action["at"], **of, **verdict})
        if action["outcome"] is not None:
            outcome = action["outcome"]
            events.append({"kind": "outcome_reported", "at": outcome["at"], "status": outcome["status"], **of})
    if found["ended_at"] is not None:
        ended = {"kind": "run_ended", "at": found["ended_at"], "steps": found["steps"]}
        events.append({**ended, **about})
    yield from sorted(events, key=lambda event: int(event["at"]))


def _write(event: Mapping[str, Any], language: Language, output: str, *, whole: bool) -> None:
    if output == "json":
        as_json_line(event)
        return
    if output != TABLE:
        document([event], output)
        return
    time = datetime.fromtimestamp(int(event["at"]) / MICROS_PER_SECOND, UTC)
    told = tell(event, language)
    why = "; ".join(event.get("words") or ())
    where = str(event.get("run") or "") if whole else ""
    style = _COLOURS.get(str(event.get("verdict") or event.get("status") or ""))
    text = clean(" ".join(f"{told}{': ' if why else ''}{why}".split()))
    if not on_terminal():
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ")
        click.echo("\t".join([stamp, where, text] if whole else [stamp, text]))
        return
    click.echo(f"{time:%H:%M:%S} {coloured(wrapped(f'{where} {text}'.strip(), 9), style)}")
