"""tests/control/test_notices.py once more, on PostgreSQL, but for what looks into a SQLite file."""

from __future__ import annotations

import pytest

from tests.control import test_notices as on_sqlite
from tests.control.test_notices import *  # noqa: F403
from tests.postgres.without import leave_out

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("worlds_on_postgres"),
    pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning"),  # a plugin of apprise
]
leave_out(globals(), on_sqlite, {"iterdir", "reopened"})
