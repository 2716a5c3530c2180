"""Play the example: `python examples/gulf-trading/play.py`, or `remit demo` from the repository."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from gulf_trading import contract, ledger, scenarios, tasks
from gulf_trading.company import Company
from gulf_trading.endpoints import HOST, ModelFailed, configured
from gulf_trading.office import PORT, NotAnswered, Office, OfficeFailed, free, opened
from gulf_trading.records import COMPLAINTS
from gulf_trading.scripted_model import ScriptedModel
from gulf_trading.show import WIDTH, Stage
from gulf_trading.told import Told
from rich.console import Console

from remit.domain.ids import UserId
from remit.storage.port import StoreError

FOLDER = Path(".remit/demo")
SHOWN_DIGITS = 12
"""Of a digest; the fewest that an answer must name."""
APPROVER = UserId("user:priya.nair")
"""One of finance-approvers in people.yaml."""
OPERATOR = UserId("user:yousef.karim")
CARE = "customer-care"

FAILED = 2
INTERRUPTED = 130
BETWEEN_S = 4
"""How long the open office pauses between two tasks, for people to follow."""
PATIENCE_S = 900
"""How long an agent of the open office waits for a person."""


@dataclass(frozen=True, slots=True)
class Play:
    """One performance: where it is shown, and the office it happens in."""

    office: Office
    stage: Stage

    def opening(self) -> None:
        """Say what is real and what is played."""
        endpoint = self.office.endpoint
        who = (
            f"{endpoint.name}, at your expense" if endpoint.is_real else "played by a script: nothing is sent anywhere"
        )
        self.stage.console.print("[bold]Remit[/] · Gulf Trading, an invented trading company in Dubai")
        self.stage.say(
            f"Remit's server is at {self.office.url}; `remit up` started it. ERP, CRM and billing are an MCP server "
            "behind it. Two agents that know nothing of Remit work in processes of their own, with the official MCP "
            "and OpenAI clients and one token each: tools at /mcp, the model at /openai/v1. The model is "
            f"{who}. What they call is really called, on the company's own SQLite database, once Remit allows it.",
            indent=0,
        )

    def night(self) -> None:
        """Scenario one: the same task without Remit and with it."""
        stage, task = self.stage, tasks.RENEWAL
        stage.part("A loop that would have run all night")
        stage.say(
            f"{task.agent} renews a contract. The supplier's feed prices anew whenever it is asked, so the "
            "prices differ by some fils, and it compares them again, and again."
        )
        bare_db = self.office.folder / "company-bare.db"
        with stage.console.status("A night without Remit ..."), Company(bare_db) as company:
            # Never a real model: thousands of its calls would have to be paid.
            bare = scenarios.ungoverned(self.office.configuration, company, ScriptedModel(), task)
        with stage.console.status("The same with Remit ..."):
            governed = self.office.work("renewal", lambda _: None)
        stage.nights(bare, governed)
        stage.say("Without Remit only the morning ended it. With Remit this did:")
        stage.say(governed.ending.words, indent=5, style="" if governed.ending.finished else "red")

    def complaint(self) -> None:
        """Scenario two: beyond the remit, and within it with a person."""
        self.stage.part("A billing function it was not granted")
        self.stage.say(
            "The billing server has billing.adjust_account; the gateway does not even list it for this agent. The "
            "model asks for it by name all the same."
        )
        self._task("credit")

    def freeze(self) -> None:
        """Scenario three: a person stops an agent, and lets it go on."""
        stage = self.stage
        stage.part("A person stops an agent")
        self._command(OPERATOR, "freeze", f"agent:{CARE}", "-m", "Who told it to credit an account?")
        self._task("discount")
        self._command(OPERATOR, "unfreeze", f"agent:{CARE}", "-m", "It was denied; all is well")
        self._task("discount", again=True)

    def contract(self) -> None:
        """Scenario four: many steps, two people, and a worker that is killed in the middle of a call."""
        self.stage.part("A workflow that outlives its worker")
        self.stage.say(
            "renew-supplier-contract asks three suppliers side by side, compares, orders, files the contract and tells "
            "the buyer. An order over AED 50,000 waits for two people. Each step is an action like any other."
        )
        contract.Contract(self.office, self.stage).play()

    def _task(self, name: str, *, again: bool = False) -> None:
        stage, task = self.stage, tasks.TASKS[name]
        if again:
            stage.say(f"{task.agent}: {task.text} Once more.")
        else:
            complaint = next(each for each in COMPLAINTS if each.id in task.text)
            stage.say(f"{task.agent}: {task.text} The customer wrote:")
            stage.say(f"“{complaint.text}”", indent=5, style="italic")
        worked = self.office.work(name, self._answered)
        if not worked.ending.finished:
            stage.say(worked.ending.words, indent=5, style="red")

    def _answered(self, told: Told) -> None:
        """Show a call; answer a held one as a person of finance does."""
        if told.verdict != "held":
            self.stage.called(told)
        else:
            looked = self.office.remit("approvals", "show", told.approval, "--output", "json", user=APPROVER)
            why = tuple(finding["words"] for finding in json.loads(looked)["findings"])
            self.stage.called(replace(told, reasons=why))
            self.stage.say("The agent shows where to look. A person of finance does, and answers:", indent=14)
            self.stage.command(f"remit approvals show {told.approval}", indent=14)
            digits = told.digest[:SHOWN_DIGITS]
            self._command(APPROVER, "approvals", "approve", told.approval, "--digest", digits, indent=14)

    def _left_waiting(self, told: Told) -> None:
        """Show a call; a held one waits for whoever sits at another terminal."""
        self.stage.called(told)
        if told.verdict == "held":
            minutes = PATIENCE_S // 60
            self.stage.say(f"The agent waits for a person, {minutes} minutes at most:", indent=14)
            digits = told.digest[:SHOWN_DIGITS]
            self.stage.command(f"remit approvals approve {told.approval} --digest {digits}", indent=14)

    def _command(self, person: UserId, *words: str, indent: int = 5) -> None:
        """Do what a person does on the command line, and show the command."""
        said = " ".join(f'"{word}"' if " " in word else word for word in words)
        self.stage.command(f"remit {said}", indent=indent)
        self.office.remit(*words, user=person)

    def record(self) -> None:
        """Show that all of it is on record, can be decided again, and is verified by somebody without the server."""
        stage, folder = self.stage, self.office.folder
        stage.part("All of it is on record")
        configuration = self.office.configuration
        accounts = ledger.accounts(ledger.url_of(folder), configuration.settings.name)
        stage.accounts(accounts, configuration)
        total = len(accounts.decided)
        stage.say(
            f"{sum(accounts.kinds.values())} records in all, {total} of them decisions, {accounts.enforced} of these "
            "with the assurance `enforced`: made where the credentials are, out of the agent's reach. Decided again "
            f"from their records alone (remit replay), {accounts.replayed} of {total} came out the same."
        )
        stage.say("An auditor takes the ledger away and verifies it without server and database:")
        bundle = str(folder / ledger.BUNDLE)
        key = self._sealed_key()
        self._command(OPERATOR, "audit", "export", bundle)
        stage.command(f"remit audit verify {bundle} --key {key}")
        stage.written(self.office.remit("audit", "verify", bundle, "--key", key))

    def _sealed_key(self) -> str:
        """Seal what the server has not sealed within the last second, and return the public key."""
        self.office.remit("audit", "seal")
        return self.office.remit("audit", "key", "show").strip()

    # -- the open office

    def stay(self) -> None:
        """Let customer-care work on until somebody presses Ctrl-C; people answer from another terminal."""
        stage = self.stage
        stage.part("The office stays open")
        stage.say(f"{CARE} works on. In another terminal, in this folder, approve and freeze:")
        stage.command(f"export REMIT_DATABASE_URL={ledger.url_of(self.office.folder)} REMIT_USER={APPROVER}")
        stage.command("remit approvals ls")
        stage.command(f'remit freeze agent:{CARE} -m "let me look"')
        stage.say("A worker is there as well, for the contracts of others:")
        stage.command(f"remit workflows start {contract.WORKFLOW} {contract.spoken()}")
        stage.say("Ctrl-C closes the office.")
        for _ in range(1_000_000):
            for name in ("discount", "credit"):
                stage.console.print()
                stage.say(f"{time.strftime('%H:%M:%S')}  {CARE} takes the next complaint.")
                worked = self.office.work(name, self._left_waiting, patience_s=PATIENCE_S)
                if not worked.ending.finished:
                    stage.say(worked.ending.words, indent=5, style="red")
                time.sleep(BETWEEN_S)


def play(folder: Path, port: int, console: Console, environment: Mapping[str, str], *, stays: bool) -> None:
    """Play everything, or only keep the office open where `stays` says so.

    Raises ModelFailed, LookupError, OfficeFailed, NotAnswered and StoreError.
    """
    real = configured(environment)
    folder.mkdir(parents=True, exist_ok=True)
    if not stays:
        ledger.fresh(folder)
    taken = free(port)
    if taken != port:
        console.print(f"{HOST}:{port} is taken by another program; port {taken} is used instead.", style="yellow")
    with opened(folder, taken, real=real) as office:
        performance = Play(office, Stage(console))
        if stays:
            with office.worker():
                performance.stay()
            return
        performance.opening()
        performance.night()
        performance.complaint()
        performance.freeze()
        performance.contract()
        performance.record()


def main() -> int:
    """Read the command line and play; an expected failure is one line and exit code 2."""
    parser = argparse.ArgumentParser(description="Watch two agents of an example company work under their remits.")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the databases are made")
    parser.add_argument("--port", type=int, default=PORT, help="where the server listens")
    parser.add_argument("--stay", action="store_true", help="keep the office of an earlier play open until Ctrl-C")
    given = parser.parse_args()
    console = Console(highlight=False)
    console.width = min(WIDTH, console.width) if console.is_terminal else WIDTH
    try:
        play(given.folder, given.port, console, os.environ, stays=given.stay)
    except (ModelFailed, LookupError, OfficeFailed, NotAnswered, StoreError, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
