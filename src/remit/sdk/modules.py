"""The workflows of a Python module: it is imported as Python would, and what its decorators wrote down is found."""

from __future__ import annotations

import importlib
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from remit.sdk.authoring import WrittenWorkflow


class NotCompiled(Exception):
    """A module from which nothing can be compiled. The message says why and what to do."""


def workflows_of(module: str, name: str = "") -> tuple[WrittenWorkflow, ...]:
    """Import a module, which runs it, and return the workflows that are its own, in the order it has them.

    Those of modules below it are its own too, so that a package may gather them; those imported from elsewhere are not.

    Args:
        module: a dotted name, found from the current folder too, or the path of a `.py` file.
        name: just this workflow, by its name or by that of its function, wherever it comes from.

    Raises:
        NotCompiled: it can not be imported, has no such workflow, or several have the same name.
    """
    loaded = _imported(module)
    has = {key: value for key, value in vars(loaded).items() if isinstance(value, WrittenWorkflow)}
    if name:
        chosen = [has[name]] if name in has else [each for each in has.values() if each.name == name]
    else:
        own = (loaded.__name__, f"{loaded.__name__}.")
        chosen = [each for each in has.values() if each.module == own[0] or each.module.startswith(own[1])]
    found = tuple(dict.fromkeys(chosen))
    if not found:
        _none(module, name, has)
    _check_names(module, found, has)
    return found


def _check_names(module: str, found: Iterable[WrittenWorkflow], has: Mapping[str, WrittenWorkflow]) -> None:
    for name, count in Counter(each.name for each in found).items():
        if count > 1:
            functions = [key for key, value in has.items() if value.name == name]
            raise NotCompiled(
                f"{module} has several workflows of the name {name}: {', '.join(functions)}."
                f" Give each a `name=` of its own, or say which is meant, as {module}:{functions[0]}"
            )


def _none(module: str, name: str, has: Iterable[str]) -> NoReturn:
    if name:
        known = ", ".join(has)
        raise NotCompiled(f"{module} has no workflow `{name}`: {f'it has {known}' if known else 'it has none'}")
    raise NotCompiled(f"{module} has no workflow: decorate a function of it with @remit.workflow(agent=...)")


def _imported(module: str) -> ModuleType:
    path = Path(module) if module.endswith(".py") else None
    if path is not None and not path.is_file():
        raise NotCompiled(f"there is no file {module}")
    folder, dotted = (Path.cwd(), module) if path is None else _within_package(path.resolve())
    before = list(sys.path)
    sys.path.insert(0, str(folder))
    try:
        with redirect_stdout(sys.stderr):  # what the module prints is no answer of ours
            loaded = importlib.import_module(dotted)
    except ModuleNotFoundError as error:
        if error.name and path is None and f"{dotted}.".startswith(f"{error.name}."):
            raise NotCompiled(
                f"there is no module {error.name}. Name it as Python imports it from here, or the path of its .py file"
            ) from error
        _broken(module, error)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a module may raise anything; its author is told
        _broken(module, error)
    finally:
        sys.path[:] = before
    if path is not None and (loaded.__file__ is None or not path.samefile(loaded.__file__)):
        raise NotCompiled(f"{module} can not be imported: another module has the name {dotted}. Rename the file")
    return loaded


def _within_package(path: Path) -> tuple[Path, str]:
    """Return from which folder a file is imported, and under which name: of a package, as a part of that."""
    parts = [] if path.stem == "__init__" else [path.stem]
    folder = path.parent
    while (folder / "__init__.py").is_file():
        parts.insert(0, folder.name)
        folder = folder.parent
    return folder, ".".join(parts)


def _broken(module: str, error: BaseException) -> NoReturn:
    told = str(error) or "it said nothing"
    raise NotCompiled(f"{module} can not be imported: {type(error).__name__}: {told}{_place(error)}") from error


def _place(error: BaseException) -> str:
    """Say where in the author's own code it happened: the innermost line that is neither Python's import nor ours."""
    if isinstance(error, SyntaxError):
        return ""  # its text has the place
    ours = str(Path(__file__).parent.parent)
    traceback, place = error.__traceback__, ""
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        if not file.startswith((ours, "<frozen", str(Path(importlib.__file__).parent))):
            place = f" ({Path(file).name}, line {traceback.tb_lineno})"
        traceback = traceback.tb_next
    return place
