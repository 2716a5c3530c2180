"""tests/execution/test_temporal.py once more, on PostgreSQL."""

from __future__ import annotations

import pytest

from tests.execution.test_temporal import *  # noqa: F403

pytestmark = pytest.mark.usefixtures("worlds_on_postgres")
