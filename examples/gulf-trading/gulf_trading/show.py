"""How the demonstration looks: at most 80 columns, in colour on a terminal and plain elsewhere."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from gulf_trading.ledger import Accounts, weighty
from gulf_trading.scenarios import Worked
from gulf_trading.told import Told
from remit.cli.output import clean
from remit.domain.money import micros_to_usd
from remit.domain.release import Configuration

WIDTH = 80
STYLES = {
    "allowed": "green",
    "held": "yellow",
    "denied": "red",
    "failed": "red",
    "allow": "green",
    "hold": "yellow",
    "deny": "red",
    "done": "green",
    "waiting": "yellow",
    "unknown": "red",
}
MICROS_PER_CENT = 10_000


class Stage:
    """Writes what happens, part by part."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def part(self, title: str) -> None:
        """Begin a part."""
        self.console.print()
        self.console.print(Text(title, style="bold"))

    def say(self, words: str, *, indent: int = 3, style: str = "") -> None:
        """Write a paragraph."""
        width = min(WIDTH, self.console.width)
        margin = " " * indent
        for line in textwrap.wrap(words, width, initial_indent=margin, subsequent_indent=margin):
            self.console.print(Text(clean(line), style=style))

    def command(self, command: str, *, indent: int = 5) -> None:
        """Write a command as one line, for copying, however long it is."""
        self.console.print(Text(" " * indent + command, style="cyan"), soft_wrap=True)

    def nights(self, bare: Worked, governed: Worked) -> None:
        """Set the two nights side by side."""
        sides = [worked.meter for worked in (bare, governed)]
        models = [meter.calls["model"] for meter in sides]
        self._row("", ["without Remit", "with Remit"], ("bold", "bold"))
        self._row("model calls", [f"{count:,}" for count in models])
        self._row("tool calls", [f"{meter.calls.total() - meter.calls['model']:,}" for meter in sides])
        self._row("cost", [dollars(meter.micros) for meter in sides])
        self._row("time, simulated", [duration(meter.seconds) for meter in sides])

    def _row(self, name: str, values: list[str], styles: tuple[str, str] = ("red", "green")) -> None:
        row = Text(f"     {name:<17}")
        for value, style in zip(values, styles, strict=True):
            row.append(f"{value:>16}", style=style)
        self.console.print(row)

    def called(self, told: Told) -> None:
        """Write a line for a tool call, and why it was not allowed."""
        line = Text("     ")
        line.append(f"{told.verdict:<9}", style=STYLES[told.verdict])
        # Both come from a model, and text from a model may hold what a terminal would act on.
        line.append(f"{clean(told.tool):<24}", style="bold" if told.verdict != "allowed" else "")
        line.append(clean(about(told.arguments)))
        line.truncate(min(WIDTH, self.console.width), overflow="ellipsis")
        self.console.print(line)
        for reason in told.reasons:
            self.say(reason, indent=14, style=STYLES[told.verdict])

    def step(self, state: str, path: str, what: str) -> None:
        """Write a line for a step of a workflow."""
        line = Text("     ")
        line.append(f"{state:<9}", style=STYLES.get(state, ""))
        line.append(f"{path:<28}")
        line.append(clean(what))
        line.truncate(min(WIDTH, self.console.width), overflow="ellipsis")
        line.rstrip()
        self.console.print(line)

    def written(self, text: str, *, indent: int = 5) -> None:
        """Write what a command has written."""
        for line in text.rstrip().splitlines():
            self.console.print(Text(" " * indent + clean(line)), soft_wrap=True)

    def accounts(self, accounts: Accounts, configuration: Configuration) -> None:
        """Write what of the ledger is worth a look."""
        columns = f"   {'no.':>4}  {'action':<23}{'verdict':<8}reason, as recorded"
        self.console.print(Text(columns, style="bold"))
        for one in accounts.decided:
            if weighty(one, configuration):
                word = one.decision.verdict.word
                line = Text(f"   {one.number:>4}  {one.target:<23}")
                line.append(f"{word:<8}", style=STYLES[word])
                line.append(", ".join(reason.code for reason in one.decision.reasons))
                line.truncate(min(WIDTH, self.console.width), overflow="ellipsis")
                line.rstrip()
                self.console.print(line)


def about(arguments: Mapping[str, Any]) -> str:
    """Return what a call is about: an amount before all else, then whatever it names first."""
    amount = arguments.get("amount_aed")
    first = str(next(iter(arguments.values()), ""))
    return first if amount is None else f"AED {amount:,}, {first}"


def duration(seconds: int) -> str:
    """Return hours and minutes, or minutes and seconds."""
    minutes, rest = divmod(seconds, 60)
    hours, of_hour = divmod(minutes, 60)
    if hours:
        return f"{hours} h {of_hour:02d} min"
    return f"{minutes} min {rest:02d} s"


def dollars(micros: int) -> str:
    """Return an amount to the cent, rounded up: what costs anything does not cost nothing."""
    cents = -(-micros // MICROS_PER_CENT)
    return micros_to_usd(cents * MICROS_PER_CENT)
