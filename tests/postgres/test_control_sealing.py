"""tests/control/test_sealing.py once more, on PostgreSQL, but for what tampers with a SQLite file."""

from __future__ import annotations

import pytest

from tests.control import test_sealing as on_sqlite
from tests.control.test_sealing import *  # noqa: F403
from tests.postgres.without import leave_out

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("worlds_on_postgres")]
leave_out(globals(), on_sqlite, {"change", "sqlite3"})
