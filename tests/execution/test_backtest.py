"""Recorded runs: read whole or refused line by line, and passed through the real admission path."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from remit.cli.backtest import backtest
from remit.domain.arguments import PayloadLimits
from remit.domain.finding import Verdict
from remit.execution.backtest import recording
from remit.execution.backtest.recording import BrokenRecording, Moment, RecordedRun, read_runs

FOLDER = {
    "people.yaml": "kind: Person\nid: user:omar\n",
    "agents/buyer.yaml": """\
kind: Agent
name: buyer
owner: user:omar
purpose: Buys.
remit:
  tools: [erp.get, erp.pay]
  limits: {tool_calls: 4, wall_time: 10m, concurrency: 1}
  loops: {on_detection: warn}
""",
    "tools/erp.yaml": """\
kind: Tool
name: erp.get
effect: read
input: {type: object, properties: {id: {type: string}}}
---
kind: Tool
name: erp.pay
effect: pay
input: {type: object, required: [amount], properties: {amount: {type: integer}}}
""",
    "policies/pay.cedar": """\
@id("pay-at-most-1000")
@reason("more than 1000")
forbid (principal, action == Action::"erp.pay", resource) when { context.input.amount > 1000 };
""",
}


def call(id: str, tool: str = "erp.get", /, **arguments: Any) -> dict[str, Any]:
    return {"role": "call", "id": id, "tool": tool, "arguments": arguments}


def result(id: str, text: str = "{}", **more: Any) -> dict[str, Any]:
    return {"role": "result", "id": id, "text": text, **more}


def lines(*runs: Mapping[str, Any]) -> bytes:
    return b"".join(json.dumps(run).encode() + b"\n" for run in runs)


def read(data: bytes) -> tuple[RecordedRun, ...]:
    return read_runs(io.BytesIO(data), "runs.jsonl")


def problems(data: bytes) -> list[str]:
    with pytest.raises(BrokenRecording) as caught:
        read(data)
    return [str(problem) for problem in caught.value.problems]


# --- reading ---


def test_a_run_is_read_with_its_calls_and_the_order_of_its_events() -> None:
    said = {"role": "user", "text": "hello"}
    events = [said, call("a", id="1"), result("a", "one"), call("b", id="2"), result("b", "Error: none")]
    (run,) = read(lines({"id": "x", "task": 3, "trial": "b", "reward": 1, "instruction": "Buy.", "events": events}))
    assert (run.line, run.title, run.reward, run.instruction) == (1, "x, task 3, trial b", 1.0, "Buy.")
    assert [(c.number, c.tool, c.arguments, c.result and c.result.text) for c in run.calls] == [
        (1, "erp.get", {"id": "1"}, "one"),
        (2, "erp.get", {"id": "2"}, "Error: none"),
    ]
    assert [c.result is not None and c.result.is_error for c in run.calls] == [False, True]
    assert [(step.moment, step.call) for step in run.steps] == [
        (Moment.SPOKEN, 0),
        (Moment.CALLED, 1),
        (Moment.ANSWERED, 1),
        (Moment.CALLED, 2),
        (Moment.ANSWERED, 2),
    ]


def test_what_says_nothing_of_itself_has_no_title_and_no_reward() -> None:
    (run,) = read(lines({"events": []}))
    assert (run.title, run.reward, run.instruction, run.on_behalf_of) == ("", None, "", "user:recorded")


def test_an_id_that_comes_again_belongs_to_the_next_call() -> None:
    events = [call("a"), result("a", "one"), call("a"), result("a", "two"), call("a"), call("a"), result("a", "three")]
    (run,) = read(lines({"events": events}))
    assert [c.result.text if c.result else None for c in run.calls] == ["one", "two", "three", None]


def test_an_event_that_says_whether_it_failed_is_believed() -> None:
    events = [
        call("a"),
        result("a", "Error: the title of a film", error=False),
        call("b"),
        result("b", "no", error=True),
    ]
    (run,) = read(lines({"events": events}))
    assert [c.result and c.result.is_error for c in run.calls] == [False, True]


def test_empty_lines_hold_nothing_and_lines_are_counted_with_them() -> None:
    assert [run.line for run in read(b"\n" + lines({"events": []}) + b"  \r\n" + lines({"events": []}))] == [2, 4]


BAD = {
    b"": "runs.jsonl: error: the file holds no run. Write one JSON object a line.",
    b"\n\n": "runs.jsonl: error: the file holds no run. Write one JSON object a line.",
    b"[]": "runs.jsonl:1:1: error: arguments must be a mapping of names to values. Pass a dict.",
    b'{"events": [}': (
        "runs.jsonl:1:1: error: malformed JSON (Expecting value: line 1 column 13 (char 12))."
        " Check the text with a JSON parser."
    ),
    b'{"events": [], "events": []}': "runs.jsonl:1:1: error: events: a key given twice. Keep one of them.",
    b'{"events": [], "reward": NaN}': (
        "runs.jsonl:1:1: error: NaN, which JSON has no form for. Send null or leave it out."
    ),
    b'{"events": [' + b"[" * 5000 + b"]" * 5000 + b"]}": "deeper than 64 levels. Flatten the value.",
    b"\xff\xfe{": "Check the text with a JSON parser.",
    b"{}": "runs.jsonl:1:1: error: events: the run has no list of events."
    " Write what was called and returned as a list.",
    lines({"events": [7]}): 'events[0]: is not an object. Write an object with a "role".',
    lines({"events": [{"role": "tool"}]}): (
        "events[0].role: `tool` is no role. Write call, result, user, agent or system."
    ),
    lines({"events": [{"role": "call", "id": "a", "tool": "t"}]}): (
        "events[0].arguments: is not an object of the arguments' names and values."
        " Write {} for a call without arguments."
    ),
    lines({"events": [call("", "t")]}): 'events[0].id: is missing or no text. Write the "id" as a text.',
    lines({"events": [call("a", "")]}): 'events[0].tool: is missing or no text. Write the "tool" as a text.',
    lines({"events": [call("a"), {"role": "result", "id": "a"}]}): (
        "events[1].text: is not a text. Write what the tool returned as a text."
    ),
    lines({"events": [result("a")]}): (
        "events[0].id: no open call has the id `a`. Put each result after its call, with the same id."
    ),
    lines({"events": [call("a"), result("a"), result("a")]}): "events[2].id: no open call has the id `a`.",
    lines({"events": [call("a"), result("a", tool="erp.pay")]}): (
        "events[1].tool: `erp.pay` returned what `erp.get` was called for."
    ),
    lines({"events": [call("a"), result("a", error="yes")]}): "events[1].error: is neither true nor false.",
    lines({"events": [], "reward": "high"}): "reward: is not a number. Write a number, or leave it out.",
    lines({"events": [], "on_behalf_of": ""}): (
        "on_behalf_of: names nobody. Write user:NAME, service:NAME or system:NAME."
    ),
    lines({"events": [], "on_behalf_of": "layla"}): "on_behalf_of: names nobody.",
    lines({"events": [], "task": True}): "task: is neither a text nor a whole number.",
    lines({"events": [], "instruction": 7}): "instruction: is not a text. Write a text, or leave it out.",
}


@pytest.mark.parametrize("data", BAD, ids=range(len(BAD)))
def test_a_broken_line_says_what_is_wrong_and_what_would_be_right(data: bytes) -> None:
    (problem,) = problems(data)
    assert problem.startswith("runs.jsonl")
    assert BAD[data] in problem


def test_every_broken_line_is_named_in_one_go() -> None:
    good = lines({"events": []})
    found = problems(good + b"x\n" + good + lines({"events": [call("a", ""), call("", "t")], "reward": []}))
    assert [problem.split(": ")[0] for problem in found] == ["runs.jsonl:2:1"] + ["runs.jsonl:4:1"] * 3


def test_hostile_characters_do_not_reach_a_message() -> None:
    (problem,) = problems(lines({"events": [{"role": "\u202eevil\x1b[2J" * 30}]}))
    assert problem.isascii()
    assert problem.isprintable()
    assert len(problem) < 250


def test_a_line_beyond_the_limit_is_refused_and_the_next_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "MAX_LINE_BYTES", 100)
    monkeypatch.setattr(recording, "_LINE_LIMITS", PayloadLimits(bytes=100))
    long = lines({"events": [{"role": "user", "text": "x" * 1000}]})
    (problem,) = problems(long + lines({"events": []}))
    assert problem.startswith("runs.jsonl:1:1: error: ")
    assert "more than the 100 allowed" in problem


# --- passing through admission ---


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path, text in FOLDER.items():
        file = tmp_path / "buyers" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    return tmp_path / "buyers"


def passed(folder: Path, *runs: Mapping[str, Any], options: tuple[str, ...] = ()) -> Mapping[str, Any]:
    file = folder.parent / "runs.jsonl"
    file.write_bytes(lines(*runs))
    done = CliRunner().invoke(
        backtest, [str(folder), "--runs", str(file), "-o", "json", *options], catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def codes(found: Mapping[str, Any], verdict: Verdict = Verdict.DENY) -> dict[str, int]:
    return {each["code"]: each["calls"] for each in found["codes"] if each["verdict"] == verdict.word}


def test_a_denied_call_is_not_settled_and_the_run_goes_on(folder: Path) -> None:
    events = [call("a", "erp.pay", amount=5000), result("a", "paid"), call("b", "erp.pay", amount=10), result("b")]
    found = passed(folder, {"events": events, "reward": 0.5})
    assert found["outcomes"] == {"ok": 1, "error": 0, "unknown": 0, "not_dispatched": 1}
    assert found["first_denials"] == {"pay-at-most-1000": 1}
    (run,) = found["broken"]
    assert (run["run"], run["reward"], [c["call"] for c in run["calls"]]) == (1, 0.5, [1])


def test_recorded_errors_settle_as_errors_and_missing_results_as_unknown(folder: Path) -> None:
    found = passed(folder, {"events": [call("a"), result("a", "Error: none"), call("b")]})
    assert found["outcomes"] == {"ok": 0, "error": 1, "unknown": 1, "not_dispatched": 0}


def test_calls_are_in_flight_until_their_result(folder: Path) -> None:
    serial = [call("a"), result("a"), call("b"), result("b")]
    at_once = [call("a"), call("b"), result("a"), result("b")]
    assert codes(passed(folder, {"events": serial})) == {}
    assert codes(passed(folder, {"events": at_once})) == {"limits.concurrency": 1}


def test_limits_count_each_run_afresh(folder: Path) -> None:
    events = [part for id in "abcde" for part in (call(id, id=id), result(id, id))]
    found = passed(folder, {"events": events}, {"events": events})
    assert codes(found) == {"limits.tool_calls": 2}
    assert [(run["run"], [c["call"] for c in run["calls"]]) for run in found["broken"]] == [(1, [5]), (2, [5])]


def test_time_moves_with_the_events(folder: Path) -> None:
    events = [call("a", id="1"), result("a", "x"), call("b", id="2"), result("b", "y")]
    assert codes(passed(folder, {"events": events}, options=("--pace", "199"))) == {}
    assert codes(passed(folder, {"events": events}, options=("--pace", "200"))) == {"limits.wall_time": 1}


def test_a_policy_can_read_the_hour_of_the_start(folder: Path) -> None:
    rule = '@id("night")\nforbid (principal, action == Action::"erp.get", resource) when { context.call.hour < 6 };'
    (folder / "policies" / "night.cedar").write_text(rule, "utf-8")
    run = {"events": [call("a"), result("a")]}
    assert passed(folder, run)["first_denials"] == {}
    assert passed(folder, run, options=("--start", "2026-01-05T03:00:00Z"))["first_denials"] == {"night": 1}


def test_what_the_remit_does_not_hold_is_denied_by_code(folder: Path) -> None:
    found = passed(folder, {"events": [call("a", "erp.drop"), call("b", "erp.get", no="x")]})
    assert {"grant.tool_unknown", "grant.argument_unknown"} <= set(codes(found))
    assert found["first_denials"] == {"grant.tool_unknown": 1}


def test_arguments_that_the_door_does_not_take_are_denied(folder: Path) -> None:
    deep: Any = "x"
    for _ in range(40):
        deep = {"x": deep}
    found = passed(folder, {"events": [call("a", id=deep), result("a")]})
    assert codes(found) == {"grant.arguments_invalid": 1}
    assert found["broken"][0]["calls"][0]["reasons"][0]["params"]["rule"] == "too_deep"


def test_a_loop_that_only_warns_is_reported_and_not_denied(folder: Path) -> None:
    (folder / "agents" / "buyer.yaml").write_text(
        FOLDER["agents/buyer.yaml"].replace("tool_calls: 4", "tool_calls: 99"), "utf-8"
    )
    events = [part for n in range(8) for part in (call(str(n), id="1"), result(str(n), "same"))]
    found = passed(folder, {"events": events})
    assert found["decisions"]["deny"] == 0
    assert [run["run"] for run in found["loops"]] == [1]


# --- the command ---


def ran(*arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(backtest, arguments)
    return done.exit_code, done.stdout, done.stderr


def test_fail_on_makes_a_denial_the_answer(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "runs.jsonl"
    file.write_bytes(lines({"events": [call("a"), result("a")]}))
    assert ran(str(folder), "--runs", str(file), "--fail-on", "deny")[0] == 0
    file.write_bytes(lines({"events": [call("a", "erp.pay", amount=5000)]}))
    assert ran(str(folder), "--runs", str(file))[0] == 0
    assert ran(str(folder), "--runs", str(file), "--fail-on", "deny")[0] == 1
    assert ran(str(folder), "--runs", str(file), "--fail-on", "hold")[0] == 1


def test_a_broken_file_is_listed_and_nothing_is_run(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "runs.jsonl"
    file.write_bytes(b"x\n" + lines({"events": []}) + b"{}\n")
    code, out, err = ran(str(folder), "--runs", str(file))
    assert (code, out) == (2, "")
    assert [line.split(": ")[0] for line in err.splitlines()[:2]] == [f"{file}:1:1", f"{file}:3:1"]
    assert f"Error: {file}: 2 of its lines can not be read as runs; nothing was run." in err


def test_an_agent_must_be_one_that_is_there(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "runs.jsonl"
    file.write_bytes(lines({"events": []}))
    code, _, err = ran(str(folder), "--runs", str(file), "--agent", "seller")
    assert (code, err) == (2, "Error: There is no agent seller here; there is buyer.\n")
    second = FOLDER["agents/buyer.yaml"].replace("name: buyer", "name: seller")
    (folder / "agents" / "seller.yaml").write_text(second, "utf-8")
    code, _, err = ran(str(folder), "--runs", str(file))
    assert (code, err) == (2, "Error: The folder has 2 agents: name one with --agent (buyer, seller).\n")
    assert ran(str(folder), "--runs", str(file), "--agent", "seller")[0] == 0


@pytest.mark.parametrize("moment", ["2026-01-05", "2026-01-05T09:00:00", "noon"])
def test_a_start_needs_a_date_a_time_and_an_offset(folder: Path, tmp_path: Path, moment: str) -> None:
    file = tmp_path / "runs.jsonl"
    file.write_bytes(lines({"events": []}))
    code, _, err = ran(str(folder), "--runs", str(file), "--start", moment)
    assert code == 2
    assert "is no moment; write it as 2026-01-05T09:00:00Z" in err


def test_nothing_is_left_behind_and_the_database_of_the_settings_is_not_touched(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setenv("REMIT_DATABASE_URL", f"sqlite:///{tmp_path}/own.db")
    monkeypatch.setenv("REMIT_KEY_FILE", str(tmp_path / "own.key"))
    (tmp_path / "tmp").mkdir()
    passed(folder, {"events": [call("a"), result("a")]})
    assert list((tmp_path / "tmp").iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["buyers", "runs.jsonl", "tmp"]
