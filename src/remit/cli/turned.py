"""What the control plane turned away, as a command tells it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

_REMEDIES = {
    "no_run": "`remit runs ls` lists them",
    "no_approval": "`remit approvals ls` lists them",
    "no_release": "`remit releases` lists them; without any, `remit apply DIR` makes the first",
    "no_agent": "`remit agents` lists them",
    "no_tool": "`remit tools` lists them",
    "no_person": "`remit people ls` lists them",
    "no_key": "`remit keys ls` lists them",
    "no_action": "`remit runs show RUN` lists those of a run",
    "not_signed_in": "Run `remit login URL`",
    "not_valid": "The token has expired or was revoked: run `remit login URL` again",
    "folder_has_problems": "",
    "tests_failed": "`remit policy test DIR` shows them",
    "release_refused": "",
    "gate_closed": "",
    "trial_refused": "",
    "no_trial": "`remit observe ls` lists them",
    "answer_refused": "",
    "edit_denied": "",
    "delegation_refused": "",
    "no_delegation": "`remit approvals delegate` lists them",
    "stop_refused": "",
    "person_refused": "",
    "credential_refused": "",
    "store_failed": "",
    "password_unfit": "",
}
"""What to do on the command line, where the API's own remedy speaks of HTTP or the detail says it already."""


class Turned(click.ClickException):
    """The control plane turned a request away: its problem document, as one line and exit code 2."""

    exit_code = 2

    def __init__(self, problem: Mapping[str, Any], status: int = 0) -> None:
        self.problem = problem
        self.status = status or int(problem.get("status") or 0)
        self.code = str(problem.get("code") or "")
        detail = str(problem.get("detail") or "the request was refused").rstrip(".")
        remedy = _REMEDIES.get(self.code, str(problem.get("remedy") or ""))
        if "OpenAPI" in remedy:  # of a field that does not fit: the option's own help is nearer
            remedy = ""
        field = str(problem.get("field") or "")
        where = f"{field}: " if self.code in ("field_unfit", "field_missing", "field_unknown") and field else ""
        super().__init__(f"{where}{detail}. {remedy.rstrip('.')}." if remedy else f"{where}{detail}")
