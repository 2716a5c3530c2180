"""A worker within this process, for what can not be seen of one from outside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from remit import worker
from remit.compose import open_queue
from remit.worker import Worker
from remit.working import open_worker
from tests.workflows.shop import Shop, shop, workflow


@contextmanager
def working(it: Shop) -> Iterator[Worker]:
    queue = open_queue(it.parts)
    made = open_worker(it.parts, queue)
    made.start()
    try:
        yield made
    finally:
        made.close()
        queue.close()


@pytest.mark.slow
def test_segments_that_have_ended_are_forgotten_as_fast_as_they_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "MOST_AT_ONCE", 4)
    monkeypatch.setattr(worker, "FORGET_S", -60)
    with shop(tmp_path, workflow({"id": "a", "tool": "till.get", "arguments": {}})) as it, working(it) as made:
        for run in [it.start() for _ in range(10)]:
            it.ended(run)
        assert made._client is not None
        it.until(lambda: not made._client.list_workflows(status="PENDING"))
        assert [made._tidy() for _ in range(3)] == [True, True, False]
        assert made._client.list_workflows() == []
