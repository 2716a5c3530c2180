"""tests/api/test_requests.py once more, on PostgreSQL."""

from __future__ import annotations

import pytest

from tests.api.test_requests import *  # noqa: F403

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("worlds_on_postgres")]
