"""What the counting server offers, for whoever pins it."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import Any

COUNTING = Path(__file__).with_name("counting.py")


def described(name: str) -> dict[str, Any]:
    """A tool as the server describes it."""
    return {"name": name, "description": _words()[name], "inputSchema": {"type": "object"}}


@cache
def _words() -> dict[str, str]:
    """What it says of each tool; read from its source, since running it needs a file to count in."""
    tree = ast.parse(COUNTING.read_text())
    (words,) = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "TOOLS"
    ]
    return dict(words)
