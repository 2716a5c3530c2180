"""`remit approvals edit`, `ask`, `questions` and `delegate`: what people do besides yes and no."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import orjson

from remit.cli.home import get, home, part, post
from remit.cli.output import TABLE, document, line, output_option, table
from remit.cli.session import Failed, workspace_option
from remit.cli.when import MICROS_PER_SECOND, moment

for_option = click.option("--for", "instead_of", default=None, help="Whom you stand in for, where it is several.")
group_option = click.option("--group", default=None, help="For which group, where you are in several that wait.")
digest_option = click.option(
    "--digest", required=True, help="The digest that `show` gave, at least its first 12 digits."
)
comment_option = click.option("-m", "--comment", default="", help="For the record.")


@click.command()
@click.argument("approval")
@digest_option
@click.option("--arguments", required=True, help="The new arguments, all of them, as a JSON object; or @FILE.")
@comment_option
@group_option
@for_option
@workspace_option
@output_option
def edit(
    approval: str,
    digest: str,
    arguments: str,
    comment: str,
    group: str | None,
    instead_of: str | None,
    workspace: str | None,
    output: str,
) -> None:
    """Put other arguments in the place of the agent's, and approve them where the rules allow.

    They are decided as if the agent had asked with them: what would be denied is refused. Earlier answers are void.
    """
    body: dict[str, Any] = {"digest": digest, "arguments": _object(arguments), "comment": comment}
    with home(workspace) as at:
        edited = post(at, f"/approvals/{part(approval)}/edit", body | {"group": group, "instead_of": instead_of})
    if output != TABLE:
        document(edited, output)
        return
    line(f"{edited['id']} is for other arguments now; their digest is {edited['digest']}.")
    if edited["state"] == "pending":
        line(f"It waits for {', '.join(edited['missing'])}.", style="yellow")
    else:
        line(f"It is {edited['state']}.", style="green")


@click.command()
@click.argument("approval")
@click.argument("question")
@for_option
@workspace_option
@output_option
def ask(approval: str, question: str, instead_of: str | None, workspace: str | None, output: str) -> None:
    """Ask the agent of APPROVAL a QUESTION. `questions` shows what it says, in its own words."""
    with home(workspace) as at:
        asked = post(at, f"/approvals/{part(approval)}/ask", {"text": question, "instead_of": instead_of})
    if output != TABLE:
        document(asked, output)
    else:
        line(f"Asked; `remit approvals questions {asked['id']}` shows what the agent says.")


@click.command()
@click.argument("approval")
@workspace_option
@output_option
def questions(approval: str, workspace: str | None, output: str) -> None:
    """Show what was asked about APPROVAL, and what the agent says. That you have read it is put on record."""
    with home(workspace) as at:
        found = get(at, f"/approvals/{part(approval)}/questions")["questions"]
    rows = [(each["question"], each["by"], each["text"], each["agent_says"]) for each in found]
    table(("question", "by", "asked", "the agent says"), rows, output, found)


@click.command()
@click.argument("delegate", required=False)
@click.option("--until", default="", help="When you are back: 2026-08-30T09:00 (UTC), or a time from now, as 7d or 8h.")
@click.option("--from", "begin", default="", help="When you leave, in the same forms; now where it is left out.")
@click.option("--person", default=None, help="Who is away, where it is not you: for admins.")
@click.option("--end", "ended", default="", metavar="DELEGATION", help="End one before its time instead.")
@workspace_option
@output_option
def delegate(
    delegate: str | None,
    until: str,
    begin: str,
    person: str | None,
    ended: str,
    workspace: str | None,
    output: str,
) -> None:
    """Let DELEGATE (user:name) answer in your place while you are away. Without one, list who stands in for whom."""
    if delegate is None and not ended:
        _list(workspace, output)
        return
    if ended and (delegate or until or begin or person):
        raise Failed("--end goes alone: it names the delegation to end.")
    if not ended and not until:
        raise Failed("--until is missing: when are you back? Write a day, as 2026-08-30T09:00, or a time, as 7d.")
    with home(workspace) as at:
        if ended:
            made = post(at, f"/delegations/{part(ended)}/end")
        else:
            period = {"begins_at": _instant(begin or "0s"), "ends_at": _instant(until)}
            made = post(at, "/delegations", {"delegate": delegate, "person": person, **period})
    if output != TABLE:
        document(made, output)
    elif ended:
        line(f"{made['id']} has ended: {made['delegate']} does not answer for {made['person']} any more.")
    else:
        when = f"from {moment(made['begins_at'])} until {moment(made['ends_at'])}"
        line(f"{made['id']}: {made['delegate']} answers for {made['person']} {when}.")


def _list(workspace: str | None, output: str) -> None:
    with home(workspace) as at:
        found = get(at, "/delegations")["delegations"]
    rows = [
        (
            each["id"],
            each["person"],
            each["delegate"],
            moment(each["begins_at"]),
            moment(each["ended_at"] or each["ends_at"]),
            each["made_by"],
        )
        for each in found
    ]
    table(("delegation", "person", "delegate", "from", "until", "made by"), rows, output, found)


def _object(text: str) -> dict[str, Any]:
    """Read the arguments, from a file where they begin with `@`."""
    try:
        raw = Path(text[1:]).read_bytes() if text.startswith("@") else text.encode()
        found = orjson.loads(raw)
    except OSError as error:
        raise Failed(f"{text[1:]}: {error.strerror}.") from error
    except orjson.JSONDecodeError as error:
        raise Failed(f"--arguments is no JSON: {error}.") from error
    if not isinstance(found, dict):
        raise Failed('--arguments is no JSON object: write all arguments, as {"amount": 700}.')
    return found


_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}


def _instant(text: str) -> int:
    """Read a moment in UTC, or a time from now, as microseconds since 1970."""
    found = re.fullmatch(r"(\d{1,6})([dhms])", text)
    if found is not None:
        return int((time.time() + int(found[1]) * _UNITS[found[2]]) * MICROS_PER_SECOND)
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise Failed(f"`{text}` is no moment: write 2026-08-30T09:00 (UTC), or a time from now, as 7d or 8h.") from None
    return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * MICROS_PER_SECOND)
