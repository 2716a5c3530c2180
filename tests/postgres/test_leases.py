"""tests/execution/test_leases.py once more, on PostgreSQL."""

from __future__ import annotations

import pytest

from tests.execution.test_leases import *  # noqa: F403

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("worlds_on_postgres")]
