"""The credential of the fake endpoint."""

import pytest

from tests.gateways.llm.gateway import KEY


@pytest.fixture(autouse=True)
def _credential(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_KEY", KEY)
