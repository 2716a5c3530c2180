"""Every store there is. A new database joins the suite with one line in FACTORIES."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from remit.storage.port import Store
from remit.storage.sqlite import SqliteStore

StoreFactory = Callable[[Path], Store]

FACTORIES: dict[str, StoreFactory] = {"sqlite": lambda folder: SqliteStore(folder / "remit.db")}


@pytest.fixture(params=sorted(FACTORIES))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened = FACTORIES[request.param](tmp_path)
    yield opened
    opened.close()
