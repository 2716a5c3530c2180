"""Peers that are started once for all tests of a worker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.installed import MODEL, NODE, PYTHON, need_model, need_peers
from tests.peers.processes import serving


@pytest.fixture(scope="session")
def peers() -> None:
    """Tests that ask for this need the MCP clients and servers of `make peers`."""
    need_peers()


@pytest.fixture(scope="session")
def conforming(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the server that has all the suite asks for."""
    errors = tmp_path_factory.mktemp("conforming") / "errors.txt"
    with serving((str(PYTHON), "-m", "tests.peers.conforming"), errors) as url:
        yield url


@pytest.fixture(scope="session")
def smollm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real model behind OpenAI's interface."""
    weights: Path = need_model()
    errors = tmp_path_factory.mktemp("model") / "errors.txt"
    with serving((str(NODE), str(MODEL / "server.mjs"), str(weights)), errors) as url:
        yield url
