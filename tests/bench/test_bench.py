"""Every benchmark runs, on sizes that show only that it does, and its figures are such as figures can be."""

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from bench import __main__ as bench
from bench import growing, postgres
from bench.measure import Cell, Table, medians, percentile, slope
from remit.api.console import FOLDER, PAGE
from tests.postgres.server import Unstartable


def column(table: Table, name: str) -> list[Cell]:
    return [row[table.columns.index(name)] for row in table.rows]


def check_sane(table: Table) -> None:
    assert table.rows
    for row in table.rows:
        assert len(row) == len(table.columns)
        assert all(cell > 0 for cell in row if isinstance(cell, float)), row
    assert table.text().splitlines()[0] == f"## {table.title}"


def measured(name: str) -> list[Table]:
    found = list(bench.tables(name, quick=True))
    for table in found:
        check_sane(table)
    return found


def test_decide_is_measured_at_each_size_against_the_engine_alone() -> None:
    (table,) = measured("decide")
    assert column(table, "policies") == [10, 100, 10, 10]
    assert column(table, "values in the arguments") == [4, 4, 10, 4]
    assert all(isinstance(count, float) and count > 50 for count in column(table, "in a slice")[-1:])


def test_the_transaction_is_measured_against_one_insert() -> None:
    (table,) = measured("writer")
    assert column(table, "batch") == [1, 8]


def test_admission_and_settlement_are_measured_by_callers() -> None:
    admission, settlement = measured("admission")
    assert column(admission, "callers") == column(settlement, "callers") == [1, 16]
    assert all(isinstance(batch, float) and batch <= 16 for batch in column(admission, "batch"))


def test_a_whole_call_is_measured_in_its_steps() -> None:
    (table,) = measured("call")
    assert column(table, "step") == ["prepare", "admit", "dispatch", "settle", "whole run.call"]


def test_the_console_is_weighed_script_by_script() -> None:
    if not (FOLDER / PAGE).is_file():
        pytest.skip("the console is not built: run `make console`")
    (table,) = measured("console")
    first = table.rows[0]
    assert first[0] == "first load: JavaScript"
    sizes = [(raw, zipped) for _, _, raw, zipped in table.rows]
    assert all(isinstance(raw, int) and isinstance(zipped, int) and 0 < zipped <= raw for raw, zipped in sizes)
    assert column(table, "bytes")[-1] == sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file())


@pytest.mark.slow
def test_start_up_is_measured_in_fresh_processes() -> None:
    (table,) = measured("start")
    assert column(table, "CPU to floor")[0] == 1.0
    assert [cell is None for cell in column(table, "memory when idle, MB")] == [True] * 5 + [False]


@pytest.mark.slow
def test_sealing_is_measured_against_a_hash() -> None:
    (table,) = measured("sealing")
    assert column(table, "to floor")[0] == 1.0


def test_what_can_not_be_measured_here_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def unstartable(**_: object) -> Table:
        raise Unstartable("there is no server for this platform")

    monkeypatch.setattr(postgres, "table", unstartable)
    (table,) = bench.tables("postgres", quick=True)
    assert table.note == "Left out: there is no server for this platform."
    assert not table.rows


@pytest.mark.slow
def test_memory_is_measured_as_actions_go_by(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growing, "QUICK_ACTIONS", 2_000)
    embedded, served = bench.tables("memory", quick=True)
    *points, (_, _, per_1000) = embedded.rows
    assert [count for count, _, _ in points] == [0, 1_000, 2_000]
    assert isinstance(per_1000, float)
    assert column(served, "actions") == [0, 1_000, 2_000]


@pytest.mark.slow
def test_workflows_are_measured_by_step_by_item_and_by_run_that_waits() -> None:
    steps, items, waits = measured("workflows")
    assert column(steps, "what")[:2] == ["Remit: admitted, settled, on record", "DBOS step"]
    assert column(steps, "CPU to DBOS")[1] == 1.0
    assert column(items, "at a time") == [8, 64]
    assert column(waits, "runs waiting") == [0, 50, 50]


def test_screens_are_measured_on_common_and_on_hostile_texts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bench, "SHARED", tmp_path / "nowhere")
    cost, told = bench.tables("screens", quick=True)
    check_sane(cost)
    assert any(str(name).startswith("hostile") for name in column(cost, "text"))
    assert told.note.startswith("Left out: the measuring stick is not at ")


def test_loops_say_so_where_there_is_no_recorded_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bench, "SHARED", tmp_path / "nowhere")
    (table,) = bench.tables("loops", quick=True)
    assert table.note == f"Left out: the recorded data is not at {tmp_path / 'nowhere'}; set REMIT_SHARED_DIR."


def test_a_name_nobody_knows_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", "speed"])
    with pytest.raises(SystemExit):
        bench.main()
    assert "no benchmark speed; there are decide, writer, admission" in capsys.readouterr().err


def test_figures_are_written_as_a_table() -> None:
    table = Table("T", ("what", "n"), (("a", 1234), ("b", 0.5), ("c", None), ("d", 1234.5)), "How.")
    assert table.text().splitlines() == [
        "## T",
        "",
        "How.",
        "",
        "| what | n     |",
        "| ---- | ----- |",
        "| a    | 1,234 |",
        "| b    | 0.50  |",
        "| c    | –     |",
        "| d    | 1,234 |",
    ]


@pytest.mark.parametrize(("share", "expected"), [(0.5, 51), (0.99, 100), (1.0, 100), (0.0, 1)])
def test_a_percentile_is_one_of_the_values(share: float, expected: int) -> None:
    assert percentile(range(100, 0, -1), share) == expected


def test_medians_are_taken_by_figure() -> None:
    rounds: Sequence[Sequence[float]] = [(1, 30), (2, 10), (9, 20)]
    assert medians(rounds) == (2, 20)


def test_a_line_has_its_slope() -> None:
    assert slope([(1, 5), (2, 7), (3, 9)]) == pytest.approx(2)


@pytest.mark.slow
def test_admission_over_http_is_measured_against_an_echo() -> None:
    (table,) = measured("http")
    assert column(table, "callers") == [1, 64]


@pytest.mark.slow
def test_the_gateways_are_measured_against_a_pass_through_and_the_sdks_own_server() -> None:
    models, first, tools = bench.tables("gateways", quick=True)
    assert len(models.rows) == len(tools.rows) == 4
    for table in (models, tools):
        check_sane(table)
        for floor, ours, ratio in zip(
            column(table, "floor: CPU µs"), column(table, "ours: CPU µs"), column(table, "CPU to floor"), strict=True
        ):
            assert isinstance(floor, float)
            assert isinstance(ours, float)
            assert ratio == pytest.approx(ours / floor)
    assert column(first, "callers") == ["1 at once", "8 at once"]
    assert all(isinstance(held, float) for held in column(first, "held back ms"))
