"""A server that nobody asks for workflows, models or tools has not loaded what those need."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.worlds import world

HEAVY = (
    "a2a",
    "alembic",
    "cel_expr_python",
    "dbos",
    "genai_prices",
    "mcp",
    "mcp_types",
    "openai",
    "psycopg",
    "pydantic_ai",
)
IDLE = f"""
import sys
from remit.cli.serve import Listening, serving

with serving(Listening(port=0), unencrypted=False) as ready:
    def told():
        print(sorted(set({HEAVY!r}) & set(sys.modules)))
        raise KeyboardInterrupt
    ready.run(told)
"""


def test_an_idle_server_has_loaded_only_what_it_needs(tmp_path: Path) -> None:
    """Each of these takes from two to twenty megabytes."""
    with world(tmp_path) as it:
        environment = {**os.environ, "REMIT_DATABASE_URL": it.url}
    done = subprocess.run(
        [sys.executable, "-c", IDLE], env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.stdout == "[]\n", done.stderr
