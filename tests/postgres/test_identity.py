"""The tests of people, credentials and requests once more, on PostgreSQL."""

from __future__ import annotations

import pytest

from tests.api.test_requests import *  # noqa: F403
from tests.control.test_credentials import *  # noqa: F403
from tests.control.test_people import *  # noqa: F403

pytestmark = pytest.mark.usefixtures("worlds_on_postgres")
