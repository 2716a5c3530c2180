"""tests/execution/test_queue.py once more, on PostgreSQL."""

from __future__ import annotations

import pytest

from tests.execution.test_queue import *  # noqa: F403

pytestmark = pytest.mark.usefixtures("worlds_on_postgres")
