"""tests/control/test_group_rules.py once more, on PostgreSQL."""

from __future__ import annotations

import pytest

from tests.control.test_group_rules import *  # noqa: F403

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("worlds_on_postgres")]
