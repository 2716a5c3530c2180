"""Every store there is. A new database joins the suite with one line in FACTORIES."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from remit.storage.port import Store
from remit.storage.postgres import PostgresStore
from remit.storage.sqlite import SqliteStore
from tests.postgres.server import server_of

StoreFactory = Callable[[Path, pytest.Config], Store]

FACTORIES: dict[str, StoreFactory] = {
    "sqlite": lambda folder, _: SqliteStore(folder / "remit.db"),
    "postgres": lambda _, config: PostgresStore(server_of(config).fresh()),
}


@pytest.fixture(params=sorted(FACTORIES))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened = FACTORIES[request.param](tmp_path, request.config)
    yield opened
    opened.close()
