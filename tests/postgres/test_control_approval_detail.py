"""tests/control/test_approval_detail.py once more, on PostgreSQL, but for what looks into a SQLite file."""

from __future__ import annotations

import pytest

from tests.control import test_approval_detail as on_sqlite
from tests.control.test_approval_detail import *  # noqa: F403
from tests.postgres.without import leave_out

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("worlds_on_postgres")]
leave_out(globals(), on_sqlite, {"exec_driver_sql"})
