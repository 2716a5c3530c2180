"""What of tests/api/test_listening.py asks the database, once more on PostgreSQL, which tells of changes by NOTIFY."""

from __future__ import annotations

import pytest

from tests.api.test_listening import it as it
from tests.api.test_listening import test_a_freeze_by_another_process_is_heard_of as test_a_freeze_is_heard_of
from tests.api.test_listening import test_acknowledgements_are_counted_by_listener as test_they_are_counted
from tests.api.test_listening import test_an_agent_hears_of_what_stops_its_runs_and_of_nothing_else as test_its_own
from tests.api.test_listening import test_what_was_stopped_before_is_told_first as test_what_was_before

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("worlds_on_postgres")]

__all__ = ["it", "test_a_freeze_is_heard_of", "test_its_own", "test_they_are_counted", "test_what_was_before"]
