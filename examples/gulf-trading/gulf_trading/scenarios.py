"""A task without Remit: the model, the tools and nothing between them. With Remit it is office.py that has it done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gulf_trading.agents import Ending, Message, Task, wire_name, work
from gulf_trading.company import Company
from gulf_trading.desks import BareDesk, Model
from gulf_trading.meter import Counts, meter_of
from remit.domain.release import Configuration

NIGHT_S = 8 * 3_600
"""From the last person to leave to the first to come."""


@dataclass(frozen=True, slots=True)
class Worked:
    """What came of a task. `run` is empty for one without Remit."""

    ending: Ending
    meter: Counts
    run: str = ""


def offered(configuration: Configuration, systems: Sequence[str]) -> list[Message]:
    """Return the tools of some systems in OpenAI's form: all that a system has, as a server without a gateway lists."""
    return [
        {
            "type": "function",
            "function": {
                "name": wire_name(tool.name),
                "description": tool.description,
                "parameters": tool.input_schema,
            },
        }
        for tool in configuration.tools.values()
        if tool.name.partition(".")[0] in systems
    ]


def ungoverned(configuration: Configuration, company: Company, model: Model, task: Task) -> Worked:
    """Let the agent work without Remit, for a night at most."""
    meter = meter_of(configuration, model.name)
    desk = BareDesk(model, company.tools, meter)
    tools = offered(configuration, task.systems)
    return Worked(work(desk, task, tools, until=lambda: meter.seconds >= NIGHT_S), meter)
