"""Play the example: `python examples/gulf-trading/play.py`, or `remit demo` from the repository."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gulf_trading import ledger, scenarios
from gulf_trading.company import Company
from gulf_trading.desks import Model, ModelFailed
from gulf_trading.openai_model import configured
from gulf_trading.records import COMPLAINTS
from gulf_trading.scripted_model import ScriptedModel
from gulf_trading.show import WIDTH, Stage
from rich.console import Console

import remit
from remit.control.approvals import AnswerRefused
from remit.control.releases import Plan, ReleaseRefused
from remit.domain.ids import UserId
from remit.domain.release import Configuration
from remit.sdk.errors import Held, RemitError
from remit.storage.port import StoreError

WORKSPACE = Path(__file__).resolve().parent
FOLDER = Path(".remit/demo")
SHOWN_DIGITS = 12
"""Of a digest; the fewest that an answer must name."""
APPROVER = UserId("user:priya.nair")
"""One of finance-approvers in people.yaml."""

FAILED = 2


@dataclass(frozen=True, slots=True)
class Play:
    """One performance: where it is kept, who reasons, and where it is shown."""

    folder: Path
    model: Model
    stage: Stage
    plan: Plan

    @property
    def configuration(self) -> Configuration:
        """What the workspace says."""
        return self.plan.configuration

    @property
    def url(self) -> str:
        """Remit's database."""
        return ledger.url_of(self.folder)

    def client(self) -> remit.Client:
        """Connect as an agent does."""
        client: remit.Client = remit.connect(self.url, self.configuration.settings.name)
        return client

    def opening(self) -> None:
        """Say what is real and what is played."""
        scripted = isinstance(self.model, ScriptedModel)
        who = "a scripted model, so nothing is sent anywhere" if scripted else f"{self.model.name}, at your expense"
        self.stage.console.print("[bold]Remit[/] · Gulf Trading, an invented trading company in Dubai")
        self.stage.say(
            f"Two agents work under their remits. Their reasoning is played by {who}. What they call is "
            "really called, on the company's own SQLite database, once release "
            f"{self.plan.release.id[:12]} allows it; {len(self.plan.tested)} tests of its own have passed.",
            indent=0,
        )

    def night(self) -> None:
        """Scenario one: the same task without Remit and with it."""
        stage, task = self.stage, scenarios.RENEWAL
        stage.part("A loop that would have run all night")
        stage.say(
            f"{task.agent} renews a contract. The supplier's feed prices anew whenever it is asked, so the "
            "prices differ by some fils, and it compares them again, and again."
        )
        with stage.console.status("A night without Remit ..."), Company(self.folder / "company-bare.db") as company:
            # Never a real model: thousands of its calls would have to be paid.
            bare = scenarios.ungoverned(self.configuration, company, ScriptedModel(), task)
        with (
            stage.console.status("The same with Remit ..."),
            Company(self.folder / "company-night.db") as company,
            self.client() as client,
        ):
            governed = scenarios.governed(client, self.configuration, company, self.model, task)
        stage.nights(bare, governed)
        stage.say("Without Remit only the morning ended it. With Remit this did:")
        stage.say(governed.ending.words, indent=5, style="" if governed.ending.finished else "red")

    def complaints(self) -> None:
        """Scenario two: beyond the remit, within it with a person, within it alone."""
        stage = self.stage
        stage.part("A billing function it was not granted")
        with Company(self.folder / "company-day.db") as company, self.client() as client:
            for task in (scenarios.CREDIT, scenarios.DISCOUNT):
                complaint = next(each for each in COMPLAINTS if each.id in task.text)
                stage.say(f"{task.agent}: {task.text} The customer wrote:")
                stage.say(f"“{complaint.text}”", indent=5, style="italic")
                scenarios.governed(client, self.configuration, company, self.model, task, self._called)
            effects = company.effects()
        counts = ", ".join(f"{name} {effects[name]}" for name in ("refunds", "adjustments", "notes", "mails"))
        stage.say(f"The company's own database agrees: {counts}.")

    def _called(self, tool: str, arguments: Mapping[str, Any], error: RemitError | None) -> bool:
        self.stage.called(tool, arguments, error)
        if not isinstance(error, Held):
            return False
        self.stage.say("A person of finance looks at it and answers:", indent=14)
        self.stage.command(f"remit approvals show {error.approval}", indent=14)
        self.stage.command(
            f"remit approvals approve {error.approval} --digest {error.digest[:SHOWN_DIGITS]}", indent=14
        )
        self.stage.say(f"Here the play answers for {APPROVER}, and the agent asks again:", indent=14)
        ledger.approve(self.url, error, APPROVER)
        return True

    def record(self) -> None:
        """Show that all of it is on record and can be decided again."""
        stage = self.stage
        stage.part("All of it is on record")
        accounts = ledger.accounts(self.url, self.configuration.settings.name)
        stage.accounts(accounts, self.configuration)
        total = len(accounts.decided)
        stage.say(
            f"{sum(accounts.kinds.values())} records in all, {total} of them decisions. Decided again from "
            f"their records alone (remit replay), {accounts.replayed} of {total} came out the same."
        )
        stage.say("Look for yourself:")
        stage.command(f"export REMIT_DATABASE_URL={self.url} REMIT_USER={APPROVER}")
        stage.command("remit runs ls; remit approvals ls; remit replay")


def play(folder: Path, console: Console, environment: Mapping[str, str]) -> None:
    """Play everything. Raises ModelFailed, LookupError, ReleaseRefused, StoreError and RemitError."""
    model: Model = configured(environment) or ScriptedModel()
    ledger.fresh(folder)
    with console.status("Applying the workspace ..."):
        plan = ledger.apply(ledger.url_of(folder), WORKSPACE)
    performance = Play(folder, model, Stage(console), plan)
    performance.opening()
    performance.night()
    performance.complaints()
    performance.record()


def main() -> int:
    """Read the command line and play; an expected failure is one line and exit code 2."""
    parser = argparse.ArgumentParser(description="Watch two agents of an example company work under their remits.")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the databases are made")
    folder: Path = parser.parse_args().folder
    console = Console(highlight=False)
    console.width = min(WIDTH, console.width) if console.is_terminal else WIDTH
    try:
        play(folder, console, os.environ)
    except (ModelFailed, LookupError, AnswerRefused, ReleaseRefused, StoreError, RemitError, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
