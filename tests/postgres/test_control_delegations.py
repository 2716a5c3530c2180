"""tests/control.test_delegations.py once more, on PostgreSQL."""

from __future__ import annotations

import pytest

from tests.control.test_delegations import *  # noqa: F403

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("worlds_on_postgres")]
