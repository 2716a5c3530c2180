"""Recorded runs, read from JSON lines: one run a line. docs/how-to/backtest.md describes the format.

Nothing is skipped: either every line is a run, or every line that is none is named with what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import BinaryIO

from remit.domain.arguments import BadArguments, PayloadLimits, parse_object
from remit.domain.canonical import JsonValue
from remit.domain.ids import UserId
from remit.domain.problem import Problem
from remit.domain.text import ACTOR_FORMS, is_actor

MAX_LINE_BYTES = 16 * 1_048_576
"""Longest line; a conversation with thousands of calls stays far below it."""
MAX_RUNS = 100_000
_LINE_LIMITS = PayloadLimits(bytes=MAX_LINE_BYTES, depth=64, values=1_000_000)

ERROR_MARK = "Error:"
"""What the text of a failed call begins with, where the event does not say whether it failed."""

UNNAMED_USER = UserId("user:recorded")


class Moment(StrEnum):
    """What an event of a recorded run was."""

    SPOKEN = "spoken"
    CALLED = "called"
    ANSWERED = "answered"


@dataclass(frozen=True, slots=True)
class RecordedResult:
    """What a call returned, as the agent saw it."""

    text: str
    is_error: bool


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """A call. `number` counts the calls of its run from 1; `result` is None where none was recorded."""

    number: int
    id: str
    tool: str
    arguments: Mapping[str, JsonValue]
    result: RecordedResult | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One event, in the order of the recording. `call` is the number of the call, 0 for what was only said."""

    moment: Moment
    call: int = 0


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """One run.

    Attributes:
        line: where it stands in its file, from 1; also its name in reports.
        title: what else it is known by, such as `task 3, trial 1`; empty where the recording says nothing.
        reward: how well the run ended, in the recording's own measure; None where it does not say.
    """

    line: int
    title: str
    reward: float | None
    instruction: str
    on_behalf_of: UserId
    calls: tuple[RecordedCall, ...]
    steps: tuple[Step, ...]


class BrokenRecording(ValueError):
    """Lines that are no runs: `problems` holds every mistake in their order, `lines` counts them. Nothing was read."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = tuple(problems)
        self.lines = len({problem.line for problem in problems})
        super().__init__(f"{self.lines} of the lines can not be read as runs. First: {problems[0]}")


def read_runs(stream: BinaryIO, name: str) -> tuple[RecordedRun, ...]:
    """Read every run of a file. `name` is what problems call the file.

    Raises:
        BrokenRecording: a line is no run, or there is none at all.
    """
    runs: list[RecordedRun] = []
    problems: list[Problem] = []
    for number, line in _lines(stream):
        if not line.strip():
            continue  # an empty line holds nothing that could be lost
        reading = _Reading(name, number)
        run = reading.run(line)
        problems += reading.problems
        if run is not None and not reading.problems:
            runs.append(run)
        if len(runs) > MAX_RUNS:
            problems.append(reading.problem("", f"more than {MAX_RUNS:,} runs", "Split the file"))
            break
    if not runs and not problems:
        problems.append(Problem(name, 0, 0, "", "the file holds no run", "Write one JSON object a line"))
    if problems:
        raise BrokenRecording(problems)
    return tuple(runs)


def _lines(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield the lines with their numbers. Of one beyond the limit just enough is kept for it to be refused."""
    number = 0
    while line := stream.readline(MAX_LINE_BYTES + 2):
        number += 1
        rest = line
        while not rest.endswith(b"\n") and len(rest) == MAX_LINE_BYTES + 2:
            rest = stream.readline(MAX_LINE_BYTES + 2)
        yield number, line.rstrip(b"\r\n")


_Object = Mapping[str, JsonValue]
_SPEAKERS = frozenset({"user", "agent", "system"})


@dataclass(slots=True)
class _Reading:
    """Reads one line and collects what is wrong with it."""

    file: str
    line: int
    problems: list[Problem] = field(default_factory=list)

    def problem(self, path: str, message: str, remedy: str) -> Problem:
        return Problem(self.file, self.line, 1, path, message, remedy)

    def wrong(self, path: str, message: str, remedy: str) -> None:
        self.problems.append(self.problem(path, message, remedy))

    def run(self, line: bytes) -> RecordedRun | None:
        try:
            data: _Object = parse_object(line, _LINE_LIMITS)
        except BadArguments as error:
            message, _, remedy = str(error).removeprefix("arguments: ").rstrip(".").rpartition(". ")
            self.wrong("", message, remedy)
            return None
        events = data.get("events")
        if not isinstance(events, list):
            self.wrong("events", "the run has no list of events", "Write what was called and returned as a list")
            return None
        calls, steps = self.events(events)
        return RecordedRun(
            line=self.line,
            title=self.title(data),
            reward=self.reward(data),
            instruction=self.text(data, "instruction", ""),
            on_behalf_of=self.user(data),
            calls=calls,
            steps=steps,
        )

    # -- what a run says of itself

    def title(self, data: _Object) -> str:
        named = [(key, data.get(key)) for key in ("id", "task", "trial")]
        parts = []
        for key, value in named:
            if isinstance(value, str | int) and not isinstance(value, bool):
                parts.append(str(value) if key == "id" else f"{key} {value}")
            elif value is not None:
                self.wrong(key, "is neither a text nor a whole number", "Write a short name, or leave it out")
        return ", ".join(parts)

    def reward(self, data: _Object) -> float | None:
        value = data.get("reward")
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
            return None if value is None else float(value)
        self.wrong("reward", "is not a number", "Write a number, or leave it out")
        return None

    def text(self, data: _Object, key: str, default: str) -> str:
        value = data.get(key, default)
        if isinstance(value, str):
            return value
        self.wrong(key, "is not a text", "Write a text, or leave it out")
        return default

    def user(self, data: _Object) -> UserId:
        value = data.get("on_behalf_of", UNNAMED_USER)
        if isinstance(value, str) and is_actor(value):
            return UserId(value)
        self.wrong("on_behalf_of", "names nobody", f"Write {ACTOR_FORMS}")
        return UNNAMED_USER

    # -- its events

    def events(self, events: list[JsonValue]) -> tuple[tuple[RecordedCall, ...], tuple[Step, ...]]:
        transcript = _Transcript(self)
        for index, event in enumerate(events):
            path = f"events[{index}]"
            if isinstance(event, Mapping):
                transcript.take(event, path)
            else:
                self.wrong(path, "is not an object", 'Write an object with a "role"')
        return transcript.calls(), tuple(transcript.steps)


@dataclass(slots=True)
class _Transcript:
    """The events of one run as they are read.

    A result belongs to the earliest open call of its id, since an id may come again in a run.
    """

    reading: _Reading
    steps: list[Step] = field(default_factory=list)
    made: list[RecordedCall] = field(default_factory=list)
    results: dict[int, RecordedResult] = field(default_factory=dict)
    waiting: dict[str, list[RecordedCall]] = field(default_factory=dict)

    def take(self, event: _Object, path: str) -> None:
        role = event.get("role")
        if role == "call":
            self._call(event, path)
        elif role == "result":
            self._result(event, path)
        elif role in _SPEAKERS:
            self.steps.append(Step(Moment.SPOKEN))
        else:
            self.reading.wrong(
                f"{path}.role", f"{_shown(role)} is no role", "Write call, result, user, agent or system"
            )

    def calls(self) -> tuple[RecordedCall, ...]:
        return tuple(
            RecordedCall(call.number, call.id, call.tool, call.arguments, self.results.get(call.number))
            for call in self.made
        )

    def _call(self, event: _Object, path: str) -> None:
        id, tool, arguments = self._name(event, path, "id"), self._name(event, path, "tool"), event.get("arguments")
        if not isinstance(arguments, Mapping):
            said = "is not an object of the arguments' names and values"
            self.reading.wrong(f"{path}.arguments", said, "Write {} for a call without arguments")
        if not id or not tool or not isinstance(arguments, Mapping):
            return
        call = RecordedCall(len(self.made) + 1, id, tool, arguments)
        self.made.append(call)
        self.waiting.setdefault(id, []).append(call)
        self.steps.append(Step(Moment.CALLED, call.number))

    def _result(self, event: _Object, path: str) -> None:
        id, text, failed = self._name(event, path, "id"), event.get("text"), event.get("error")
        if not isinstance(text, str):
            self.reading.wrong(f"{path}.text", "is not a text", "Write what the tool returned as a text")
        if failed is not None and not isinstance(failed, bool):
            self.reading.wrong(f"{path}.error", "is neither true nor false", "Say whether the call failed")
        if not id or not isinstance(text, str) or self.reading.problems:
            return  # after a mistake a call may be missing, and its result is none to complain of
        if not self.waiting.get(id):
            said = f"no open call has the id {_shown(id)}"
            self.reading.wrong(f"{path}.id", said, "Put each result after its call, with the same id")
            return
        call = self.waiting[id].pop(0)
        if event.get("tool", call.tool) != call.tool:
            said = f"{_shown(event['tool'])} returned what {_shown(call.tool)} was called for"
            self.reading.wrong(f"{path}.tool", said, "Give call and result the same tool, or leave it out here")
        is_error = text.startswith(ERROR_MARK) if failed is None else failed is True
        self.results[call.number] = RecordedResult(text, is_error)
        self.steps.append(Step(Moment.ANSWERED, call.number))

    def _name(self, event: _Object, path: str, key: str) -> str:
        value = event.get(key)
        if isinstance(value, str) and value:
            return value
        self.reading.wrong(f"{path}.{key}", "is missing or no text", f'Write the "{key}" as a text')
        return ""


def _shown(value: object) -> str:
    """Return a value as a problem shows it: short, and in printable ASCII."""
    return f"`{str(value)[:60].encode('unicode_escape').decode()}`"
