"""tests/control/test_two_people.py once more, on PostgreSQL."""

from __future__ import annotations

import pytest

from tests.control.test_two_people import *  # noqa: F403

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("worlds_on_postgres")]
