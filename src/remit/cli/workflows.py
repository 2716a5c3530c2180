"""`remit workflows`: write them in Python, start them, see how far their runs are, end them, do them again."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import orjson

from remit.cli.home import get, home, pages, part, post
from remit.cli.output import TABLE, as_json_line, document, line, output_option, table
from remit.cli.session import Failed, workspace_option
from remit.cli.when import moment
from remit.cli.workflows_compile import compile_workflows

EXAMPLES = """\b
Examples:
  remit workflows ls
  remit workflows start renew-contract -i supplier=Acme -i amount=60000
  remit workflows ls --runs --state waiting
  remit workflows show run_m83ab50taczcejtryx2y
  remit workflows logs run_m83ab50taczcejtryx2y -f
  remit workflows event run_m83ab50taczcejtryx2y delivered -d '{"by": "ship"}'
  remit workflows cancel run_m83ab50taczcejtryx2y -m "ordered twice"
  remit workflows undo run_m83ab50taczcejtryx2y -m "the wrong supplier"
  remit workflows retry run_m83ab50taczcejtryx2y --from compare
  remit workflows move run_m83ab50taczcejtryx2y
  remit workflows schedules
  remit workflows compile flows.renew --to company"""

MOST = 10_000
STATES = ("queued", "running", "waiting", "compensating", "succeeded", "failed", "cancelled")
OVER = ("succeeded", "failed", "cancelled")
LOOK_S = 0.5
_STYLES = {"succeeded": "green", "failed": "red", "cancelled": "yellow"}


@click.group(epilog=EXAMPLES)
def workflows() -> None:
    """Start workflows, see how far their runs are, end them, do them again."""


workflows.add_command(compile_workflows)


@workflows.command()
@click.option("--runs", is_flag=True, help="Runs in place of workflows, newest first.")
@click.option("-n", "limit", default=20, show_default=True, type=click.IntRange(1, MOST), help="How many runs.")
@click.option("--workflow", default="", help="Just the runs of this workflow.")
@click.option("--state", default=None, type=click.Choice(STATES), help="Just the runs that stand so.")
@workspace_option
@output_option
def ls(runs: bool, limit: int, workflow: str, state: str | None, workspace: str | None, output: str) -> None:
    """List workflows, or with --runs, --workflow or --state their runs."""
    with home(workspace) as at:
        if runs or workflow or state:
            found = pages(at, "/workflow-runs", "runs", limit, workflow=workflow, state=state)
            rows = [(r["run"], r["workflow"], r["state"], moment(r["created_at"]), r["started_by"]) for r in found]
            table(("run", "workflow", "state", "started", "by"), rows, output, found)
            return
        known = get(at, "/workflows")["workflows"]
    rows = [(w["name"], w["agent"], str(len(w["steps"])), ", ".join(w["schedules"]), w["description"]) for w in known]
    table(("workflow", "agent", "steps", "schedules", "description"), rows, output, known)


@workflows.command()
@click.argument("workflow")
@click.option("-i", "--input", "given", multiple=True, metavar="NAME=VALUE", help="One input; JSON, or else text.")
@click.option("-f", "--file", "file", type=click.Path(path_type=Path), help="Inputs as one JSON object.")
@click.option("--channel", default="production", show_default=True, help="The release that this channel points at.")
@workspace_option
@output_option
def start(
    workflow: str, given: tuple[str, ...], file: Path | None, channel: str, workspace: str | None, output: str
) -> None:
    """Start a run of WORKFLOW. A worker carries it out: `remit serve` on SQLite, else `remit worker`."""
    inputs = {**_read(file), **dict(_input(each) for each in given)}
    with home(workspace) as at:
        run = post(at, f"/workflows/{part(workflow)}/runs", {"inputs": inputs, "channel": channel})
    if output != TABLE:
        document(run, output)
        return
    line(f"{run['run']} is {run['state']}. `remit workflows logs {run['run']} -f` follows it.")


@workflows.command()
@click.argument("run")
@workspace_option
@output_option
def show(run: str, workspace: str | None, output: str) -> None:
    """Show how far RUN is, step by step."""
    with home(workspace) as at:
        found = get(at, f"/workflow-runs/{part(run)}")
    if output != TABLE:
        document(found, output)
        return
    _say(found)
    rows = [_step(each) for each in found["steps"]]
    table(("step", "state", "attempt", "since", "what"), rows)


@workflows.command()
@click.argument("run")
@click.option("-f", "--follow", is_flag=True, help="Go on until it is over.")
@workspace_option
@output_option
def logs(run: str, follow: bool, workspace: str | None, output: str) -> None:
    """Write what became of the steps of RUN, one line each; with -f until it is over.

    `-o json` writes lines of JSON. Ctrl-C ends it, with exit code 0; the run goes on.
    """
    told: dict[str, tuple[str, int]] = {}
    with home(workspace) as at:
        try:
            while True:
                found = get(at, f"/workflow-runs/{part(run)}")
                for step in sorted(found["steps"], key=lambda each: each["ended_at"] or each["began_at"] or 0):
                    seen = (step["state"], step["attempt"])
                    if told.get(step["path"]) != seen:
                        told[step["path"]] = seen
                        _log(step, output)
                if found["state"] in OVER or not follow:
                    break
                time.sleep(LOOK_S)
        except KeyboardInterrupt:
            return
    if output == TABLE:
        _say(found)


@workflows.command()
@click.argument("run")
@click.option("-m", "--message", "--reason", "message", default="", help="Why, for whoever looks at it.")
@click.option("--terminate", is_flag=True, help="Wait for no call, also where it is being cancelled already.")
@workspace_option
@output_option
def cancel(run: str, message: str, terminate: bool, workspace: str | None, output: str) -> None:
    """End RUN: steps that wait end at once, and what was done is undone, the last first.

    A call under way that writes has 10 s to come to its end; others are cut at once.
    """
    body = {"how": "terminate" if terminate else "cancel", "reason": message}
    with home(workspace) as at:
        found = post(at, f"/workflow-runs/{part(run)}/cancel", body)
    if output != TABLE:
        document(found, output)
        return
    line(f"{run} ends; `remit workflows show {run}` says what was undone.", style="yellow")


@workflows.command()
@click.argument("run")
@click.option("-m", "--message", "--reason", "message", default="", help="Why, for whoever looks at it.")
@workspace_option
@output_option
def undo(run: str, message: str, workspace: str | None, output: str) -> None:
    """Undo what RUN, which is over, has done: each step by its `compensate`, the last first."""
    with home(workspace) as at:
        found = post(at, f"/workflow-runs/{part(run)}/undo", {"reason": message})
    if output != TABLE:
        document(found, output)
        return
    line(f"{run} is undone; `remit workflows show {run}` says how far.", style="yellow")


@workflows.command()
@click.argument("run")
@click.option("--from", "path", default="", metavar="STEP", help="From this step; else what failed or was undone.")
@click.option("--active", is_flag=True, help="Under the release in use now, where the finished steps fit it.")
@workspace_option
@output_option
def retry(run: str, path: str, active: bool, workspace: str | None, output: str) -> None:
    """Do RUN again from a step, as a new run that shares the finished steps before it."""
    body = {"path": path, "release": "active" if active else "same"}
    with home(workspace) as at:
        found = post(at, f"/workflow-runs/{part(run)}/retry", body)
    if output != TABLE:
        document(found, output)
        return
    line(f"{found['run']} is {found['state']}. `remit workflows logs {found['run']} -f` follows it.")


@workflows.command()
@click.argument("run")
@workspace_option
@output_option
def move(run: str, workspace: str | None, output: str) -> None:
    """Have RUN, which waits, go on under the release in use, where its finished steps fit that one."""
    with home(workspace) as at:
        found = post(at, f"/workflow-runs/{part(run)}/move")
    if output != TABLE:
        document(found, output)
        return
    line(f"{run} ends as another begins; `remit workflows show {run}` names it.")


@workflows.command()
@click.argument("target", metavar="[RUN]", required=False)
@click.argument("name")
@click.option("-d", "--data", default="null", help="What happened, as JSON.")
@click.option("--id", "id", default="", help="The same id again is the same event.")
@workspace_option
@output_option
def event(target: str | None, name: str, data: str, id: str, workspace: str | None, output: str) -> None:
    """Tell RUN of the event NAME; without RUN, start the workflows that it triggers."""
    body = {"name": name, "data": _json(data, "--data"), "id": id}
    with home(workspace) as at:
        found = post(at, f"/workflow-runs/{part(target)}/events" if target else "/workflow-events", body)
    if output != TABLE:
        document(found, output)
        return
    if target:
        line(f"{target} was told." if found["told"] else f"{target} had been told before.")
        return
    started = [run["run"] for run in found["runs"]]
    line(f"Started: {', '.join(started)}." if started else f"No workflow is triggered by {name}.")


@workflows.command()
@click.option("--pause", "pause", default="", metavar="SCHEDULE", help="Start nothing by it until it is resumed.")
@click.option("--resume", "resume", default="", metavar="SCHEDULE", help="Let it go on; what it missed is not started.")
@workspace_option
@output_option
def schedules(pause: str, resume: str, workspace: str | None, output: str) -> None:
    """List schedules with when each fires next; pause or resume one."""
    with home(workspace) as at:
        for id, act in ((pause, "pause"), (resume, "resume")):
            if id:
                post(at, f"/workflow-schedules/{part(id)}/{act}")
        found = get(at, "/workflow-schedules")["schedules"]
    rows = [(s["id"], s["workflow"], s["cron"], s["timezone"], _next(s)) for s in found]
    table(("schedule", "workflow", "cron", "timezone", "next"), rows, output, found)


def _next(schedule: dict[str, Any]) -> str:
    if schedule["paused_at"]:
        return "paused"
    found = "" if schedule["next_at"] is None else moment(schedule["next_at"])
    return "; ".join(each for each in (found, schedule["problem"]) if each)


def _input(text: str) -> tuple[str, Any]:
    name, is_pair, value = text.partition("=")
    if not is_pair or not name:
        raise Failed(f"{text!r} is no input: write NAME=VALUE, as -i amount=100")
    try:
        return name, orjson.loads(value)
    except orjson.JSONDecodeError:
        return name, value


def _read(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        found = _json(file.read_text("utf-8"), str(file))
    except OSError as error:
        raise Failed(f"{file} can not be read: {error.strerror}") from None
    if not isinstance(found, dict):
        raise Failed(f"{file} holds no JSON object")
    return found


def _json(text: str, what: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Failed(f"{what} is no JSON: {error}") from None


def _say(run: Mapping[str, Any]) -> None:
    told = f"{run['run']}  {run['workflow']} for {run['agent']}  {run['release']}  {run['state']}"
    line(told, style=_STYLES.get(run["state"]))
    if run["error"]:
        line(run["error"])


def _step(step: Mapping[str, Any]) -> tuple[str, str, str, str, str]:
    at = step["ended_at"] or step["began_at"]
    return step["path"], step["state"], str(step["attempt"]), moment(at) if at else "", _what(step)


def _what(step: Mapping[str, Any]) -> str:
    until = f" until {moment(step['due_at'])}" if step["due_at"] else ""
    return " ".join(f"{step['error']} {step['waits_for']}{until}".split())


def _log(step: Mapping[str, Any], output: str) -> None:
    if output == "json":
        as_json_line(step)
        return
    at = step["ended_at"] or step["began_at"]
    line("\t".join([moment(at) if at else "", step["path"], step["state"], _what(step)]))
