"""What reading promises, whatever it is given."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.domain.problem import Severity
from remit.domain.release import BudgetLevel, Cap, GrantMode, Mask
from remit.workspace.documents import Documents
from remit.workspace.draft import Draft
from remit.workspace.files import read_folder
from remit.workspace.locator import Locator
from remit.workspace.reading import Reading, read
from remit.workspace.report import Report

GOOD = Path(__file__).parent / "good"
PATHS = (
    "workspace.yaml",
    "agents/a.yaml",
    "tools/a.yaml",
    "policies/a.cedar",
    "budgets.yaml",
    "people.yaml",
    "tests/a.yaml",
)

# Pieces of the language, so that generated files get past the first line.
WORDS = (
    "kind: |Agent|Tool|Person|Group|Budget|Tests|Workspace|name: |owner: |remit:|tools:|- |  |---|input: |type: object"
    "|properties: |user:a|x.y|limits: |steps: 5|true|~|permit (principal, action, resource);"
)
SIGNS = r"""{ } [ ] , & * &a *a !!str ' " \ # : ? > |- <<: \u202e \ud800 .nan 1e999 %YAML"""
ODD = ("\n", "\n---\n", "\t", "\r", "\ufeff", "\u2028", "\x85", "\x00")
PIECES = st.sampled_from([*WORDS.split("|"), *SIGNS.split(), *ODD])


def good_files() -> dict[str, bytes]:
    return dict(read_folder(GOOD).files)


def good() -> Reading:
    return read(good_files(), "good")


def check(reading: Reading) -> None:
    assert (reading.configuration is None) == bool(reading.errors)
    assert list(reading.problems) == sorted(set(reading.problems))
    for problem in reading.problems:
        assert problem.file
        assert problem.message
        assert problem.remedy
        assert (problem.line >= 1) == (problem.column >= 1)
        str(problem).encode("utf-8")


@given(st.sampled_from(PATHS), st.binary(max_size=200))
def test_no_bytes_make_reading_fail(path: str, data: bytes) -> None:
    check(read({path: data}, "workspace"))


@given(st.sampled_from(PATHS), st.lists(PIECES, max_size=40))
def test_no_text_makes_reading_fail(path: str, pieces: list[str]) -> None:
    check(read({path: "".join(pieces).encode("utf-8", "surrogatepass")}, "workspace"))


@given(st.sampled_from(sorted(good_files())), st.integers(0, 3000), st.binary(min_size=1, max_size=3))
def test_no_damage_to_a_good_folder_makes_reading_fail(path: str, at: int, damage: bytes) -> None:
    files = good_files()
    at %= len(files[path])
    files[path] = files[path][:at] + damage + files[path][at + len(damage) :]
    check(read(files, "good"))


@given(st.sampled_from(sorted(good_files())), st.data())
def test_no_missing_line_makes_reading_fail(path: str, data: st.DataObject) -> None:
    files = good_files()
    lines = files[path].splitlines(keepends=True)
    gone = data.draw(st.integers(0, len(lines) - 1))
    files[path] = b"".join(lines[:gone] + lines[gone + 1 :])
    check(read(files, "good"))


def test_a_good_folder_has_no_problems() -> None:
    assert good().problems == ()
    assert good().configuration is not None


def test_what_a_folder_says_is_what_is_read() -> None:
    configuration = good().configuration
    assert configuration is not None
    assert configuration.settings.name == "sahil-logistics"
    assert configuration.settings.approval_expiry_s == 8 * 3600
    agents = {str(name): agent for name, agent in configuration.agents.items()}
    remit = agents["route-planner"].remit
    booked, paid = remit.grants[1], remit.grants[2]
    assert booked.when == "context.input.weight_kg <= 12000"
    assert booked.duties == (Mask("note"), Cap("priority", 5))
    assert paid.mode is GrantMode.POLICY
    assert remit.limits.model_calls is None
    assert remit.limits.wall_time_s == 5400
    run, day = remit.budgets
    assert (run.level, run.amount, run.subject) == (BudgetLevel.RUN, 2_500_000, "route-planner")
    assert (day.level, day.timezone, day.warn_at) == (BudgetLevel.AGENT, "Asia/Muscat", (50, 80))
    tools = {str(name): tool for name, tool in configuration.tools.items()}
    assert tools["carrier.pay"].server == "erp"
    assert tools["fleet.book_lorry"].server == "fleet"
    assert tools["carrier.pay"].cost_per_call == 2_000


def test_what_is_left_out_has_the_documented_default() -> None:
    configuration = good().configuration
    assert configuration is not None
    agents = {str(name): agent for name, agent in configuration.agents.items()}
    limits = agents["customs-clerk"].remit.limits
    assert (limits.steps, limits.tool_calls, limits.wall_time_s, limits.depth) == (200, 200, 3600, 4)
    assert agents["customs-clerk"].remit.grants == ()


def test_the_order_of_files_does_not_matter() -> None:
    files = good_files()
    assert read(dict(reversed(files.items())), "good") == read(files, "good")


def test_a_workspace_without_a_name_is_named_after_its_folder() -> None:
    files = {"people.yaml": b"kind: Person\nid: user:a\n"}
    named = read(files, "my-folder").configuration
    assert named is not None
    assert named.settings.name == "my-folder"
    problem, *_ = read(files, "my folder").problems
    assert problem.message == "the workspace has no name, and `my folder` can not be one"


def test_a_problem_met_on_disk_keeps_a_release_from_being_made() -> None:
    folder = read_folder(GOOD)
    files = {**folder.files, "agent/lost.yaml": b""}
    assert read(files, "good").configuration is None


def test_a_warning_does_not() -> None:
    files = good_files()
    files["policies/all.cedar"] = (
        b'@id("deep")\nforbid (principal, action, resource) when { context.call.depth > 9 };\n'
    )
    reading = read(files, "good")
    assert [problem.severity for problem in reading.problems] == [Severity.WARNING]
    assert reading.configuration is not None


YAML_12 = (
    ("no", "no"),
    ("Yes", "Yes"),
    ("on", "on"),
    ("1_000", "1_000"),
    ("1:30", "1:30"),
    ("2026-01-05", "2026-01-05"),
    ("0o17", 15),
    ("0x1F", 31),
    ("True", True),
    ("~", None),
    ("1.5e3", 1500.0),
    ("+3", 3),
    ("'5'", "5"),
)


@pytest.mark.parametrize(("text", "value"), YAML_12)
def test_scalars_are_those_of_yaml_1_2(text: str, value: object) -> None:
    test = f"kind: Tests\ntests:\n- {{name: x, agent: a, tool: t, expect: deny, arguments: {{v: {text}}}}}\n"
    (scenario,) = read({"tests/t.yaml": test.encode()}, "x").scenarios
    assert scenario.arguments == {"v": value}
    assert type(scenario.arguments["v"]) is type(value)


def test_money_is_exact() -> None:
    budgets = "\n---\n".join(
        f"kind: Budget\nname: b{index}\nlevel: workspace\nwindow: day\nusd: {amount}"
        for index, amount in enumerate(("0.1", "0.000001", "2.675", "1e-7", "9007199254.740991"))
    )
    configuration = read({"budgets.yaml": budgets.encode()}, "x").configuration
    assert configuration is not None
    assert [budget.amount for budget in configuration.budgets] == [100_000, 1, 2_675_000, 1, 2**53 - 1]


def test_a_field_is_found_where_it_is_written() -> None:
    documents = Documents(Report())
    for path, data in good_files().items():
        documents.take(path, data)
    draft = Draft.of(documents)
    locator = Locator(draft.names("Agent"), draft.names("Tool"))
    planner = "agents/route-planner.yaml"
    assert locator.where("agent", "route-planner", "remit.tools[1].when") == (planner, 10, 32)
    assert locator.where("agent", "route-planner", "remit.tools[0].when") == (planner, 9, 7)
    assert locator.where("agent", "route-planner", "remit.tools[9]") == (planner, 8, 3)
    assert locator.where("tool", "carrier.pay", "input.properties.pin") == ("tools/carrier.yaml", 12, 5)
    assert locator.where("agent", "nobody", "owner") == ("workspace.yaml", 0, 0)
