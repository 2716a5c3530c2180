"""Every test here gets the server, and databases on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from remit import compose
from remit.compose import Parts
from remit.settings import Settings
from tests import worlds
from tests.postgres.server import Server
from tests.postgres.server import postgres as postgres

SettingsOf = Callable[[Path], Settings]


@pytest.fixture
def settings_of(postgres: Server) -> SettingsOf:
    """Settings with a database that stands for a SQLite file's path: the same one for the same path."""
    urls: dict[Path, str] = {}

    def settings(path: Path) -> Settings:
        if path not in urls:
            urls[path] = postgres.fresh()
        return Settings(database_url=urls[path], key_file=path.with_name("remit.key"))

    return settings


@pytest.fixture
def worlds_on_postgres(settings_of: SettingsOf, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every world that a test opens on a file live in a PostgreSQL database instead."""

    def open_parts(settings: Settings, *rest: Any) -> Parts:
        path = Path(settings.database_url.removeprefix("sqlite:///"))
        return compose.open_parts(settings_of(path), *rest)

    monkeypatch.setattr(worlds, "open_parts", open_parts)
