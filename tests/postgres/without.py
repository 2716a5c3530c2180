"""Tests of a module that are about one database alone are not run again on another."""

from __future__ import annotations

from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any


def leave_out(names: dict[str, Any], module: ModuleType, using: set[str]) -> None:
    """Take out of a module's names the tests that use one of these, themselves or through a function beside them."""
    functions = {name: found for name, found in vars(module).items() if isinstance(found, FunctionType)}
    reaching = set(using)
    while more := {name for name, found in functions.items() if reaching & set(named(found.__code__))} - reaching:
        reaching |= more
    for name in reaching & set(names):
        if name.startswith("test_"):
            del names[name]


def named(code: CodeType) -> Iterator[str]:
    """The names a function uses, also in functions within it."""
    yield from code.co_names
    for part in code.co_consts:
        if isinstance(part, CodeType):
            yield from named(part)
