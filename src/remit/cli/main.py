"""The command `remit`: one table of commands, each imported only when it is called."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import click

from remit import __version__

FAILED = 2
"""Exit code of what could not be done. 1 is a command's own answer, such as "has errors" or "differs"."""
INTERRUPTED = 130
"""Exit code after Ctrl-C (128 and the number of SIGINT, POSIX shell convention)."""


@dataclass(frozen=True, slots=True)
class Command:
    """Where a command is, as `module:attribute`, and its line in `remit --help`, so that help imports none of them."""

    target: str
    summary: str


COMMANDS: Mapping[str, Command] = MappingProxyType(
    {
        "validate": Command("remit.cli.validate:validate", "Find every mistake in a workspace folder."),
        "schema": Command("remit.cli.schema:schema", "Write JSON Schemas, so that editors check the YAML."),
        "diff": Command("remit.cli.diff:diff", "Show what applying a folder would change."),
        "apply": Command("remit.cli.apply:apply", "Make a release of a folder and activate it."),
        "rollback": Command("remit.cli.rollback:rollback", "Activate an earlier release again."),
        "export": Command("remit.cli.export:export", "Write a release back as files."),
        "releases": Command("remit.cli.releases:releases", "List releases."),
        "policy": Command("remit.cli.policy:policy", "Write and test policies."),
        "replay": Command("remit.cli.replay:replay", "Decide a recorded action again and compare."),
        "backtest": Command("remit.cli.backtest:backtest", "Find out what other rules would have decided."),
        "observe": Command("remit.cli.trials:observe", "Let a release decide beside the live one."),
        "canary": Command("remit.cli.trials:canary", "Enforce a release for some of the new runs."),
        "agents": Command("remit.cli.agents:agents", "List agents, or show what one may do."),
        "discover": Command("remit.cli.discover:discover", "Find what agents here use; route it through Remit."),
        "tools": Command("remit.cli.tools:tools", "List tools, or show what one takes."),
        "prompts": Command("remit.cli.prompts:prompts", "List prompts, show one, fill one in."),
        "can": Command("remit.cli.can:can", "Say what an agent may do, and under which conditions."),
        "who-can": Command("remit.cli.can:who_can", "Say which agents may use a tool or a model."),
        "budgets": Command("remit.cli.budgets:budgets", "Show what is spent, set aside and left."),
        "explain": Command("remit.cli.explain:explain", "Say why an action was admitted, held or denied."),
        "runs": Command("remit.cli.runs:runs", "List runs, show one action by action, follow."),
        "workflows": Command("remit.cli.workflows:workflows", "Start workflows, see and end their runs."),
        "approvals": Command("remit.cli.approvals:approvals", "List and answer what waits for a person."),
        "notify": Command("remit.cli.notify:notify", "Try and list messages to approvers."),
        "freeze": Command("remit.cli.freeze:freeze", "Stop an agent, a run, a tool, a model or everything."),
        "unfreeze": Command("remit.cli.freeze:unfreeze", "Lift a freeze."),
        "terminate": Command("remit.cli.terminate:terminate", "End a run, an agent, a team or everything for good."),
        "reactivate": Command("remit.cli.terminate:reactivate", "Let what was terminated start anew."),
        "stops": Command("remit.cli.stops:stops", "List what is stopped now."),
        "reconcile": Command("remit.cli.reconcile:reconcile", "Settle actions whose outcome is unknown."),
        "audit": Command("remit.cli.audit:audit", "Seal, verify and export the ledger."),
        "erase": Command("remit.cli.erase:erase", "Destroy what is kept of a data subject."),
        "doctor": Command("remit.cli.doctor:doctor", "Look whether everything is in order."),
        "up": Command("remit.cli.up:up", "Start Remit on this machine, from nothing."),
        "serve": Command("remit.cli.serve:serve_command", "Serve agents and people over HTTP."),
        "worker": Command("remit.cli.worker:worker", "Carry out workflows."),
        "people": Command("remit.cli.people:people", "Say who may do what; let people in no more."),
        "keys": Command("remit.cli.keys:keys", "Make, rotate and revoke the keys of agents."),
        "context": Command("remit.cli.context:context", "Say where commands work: a database or a server."),
        "login": Command("remit.cli.login:login", "Sign in to a server."),
        "logout": Command("remit.cli.login:logout", "Revoke and drop a server's token."),
        "demo": Command("remit.cli.demo:demo", "Watch two agents work under their remits."),
    }
)


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, not when their names are shown."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the order of the table: the way of a change from file to production."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command. Raises click.ClickException where this installation lacks it or what it needs."""
        return load(cmd_name) if cmd_name in COMMANDS else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands from the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.summary) for name, command in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command, or say which one may have been meant."""
        import difflib  # for a mistyped command only

        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            likely = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Perhaps `{likely[0]}` is meant." if likely else " `remit --help` lists them."
            raise click.UsageError(f"There is no command `{args[0]}`.{hint}", ctx)
        return super().resolve_command(ctx, args)


def load(name: str) -> click.Command:
    """Import the command of this name. Raises click.ClickException where it is not there."""
    module, _, attribute = COMMANDS[name].target.partition(":")
    try:
        found: Any = getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        if error.name == module:
            raise click.ClickException(f"`remit {name}` is not part of this installation.") from error
        lacking = error.name or "a package"
        raise click.ClickException(f"`remit {name}` needs {lacking}, which is not installed.") from error
    assert isinstance(found, click.Command)
    return found


@click.command(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
    epilog="Start with `remit validate DIR`. Each command has examples: `remit validate --help`.",
)
@click.version_option(__version__, "--version", message="remit %(version)s")
@click.option("--context", default="", metavar="NAME", help="Work in this context; see `remit context`.")
def cli(context: str) -> None:
    """Run AI agents within their remit: every action is decided, reserved and recorded before it happens."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 the command's own "no", 2 could not be done, 130 interrupted."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code. Expected failures become one line on standard error.

    Expected are click's own exceptions and any exception with an integer `exit_code`, whose text says what to do.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        _check_text(given)
        result = cli.main(args=given, prog_name="remit", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        _show(error)
        return FAILED if error.exit_code == 1 else error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return INTERRUPTED
    except (BrokenPipeError, SystemExit):  # click turns the first into the second
        # Whoever read the output, such as `head`, has enough. At exit Python flushes again: let it, into nothing.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        code = getattr(error, "exit_code", None)
        if not isinstance(code, int):
            raise
        click.echo(f"Error: {error}", err=True)
        return code
    return result if isinstance(result, int) else 0


def _check_text(arguments: Sequence[str]) -> None:
    """Refuse bytes that are no text in the terminal's encoding; a file may have such a name, nothing else may."""
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError:
            if not os.path.lexists(argument):
                shown = argument.encode("unicode_escape").decode()
                raise click.ClickException(f"{shown} is no text: check its encoding.") from None


def _show(error: click.ClickException) -> None:
    """Write one line, in which what is quoted does no harm; a wrong use is shown with what would be right."""
    from remit.cli.output import clean

    if isinstance(error, click.UsageError):
        error.show()
    else:
        click.echo(f"Error: {clean(' '.join(error.format_message().split()))}", err=True)
