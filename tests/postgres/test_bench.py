"""The benchmark of PostgreSQL runs, on sizes that show only that it does."""

import pytest

from bench import postgres


@pytest.mark.slow
def test_both_stores_are_measured_by_callers() -> None:
    table = postgres.table(quick=True)
    assert [row[:3] for row in table.rows[:2]] == [(1, "admission", "SQLite"), (1, "admission", "PostgreSQL")]
    assert all(cell > 0 for row in table.rows for cell in row if isinstance(cell, float))
