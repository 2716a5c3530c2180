"""What ruff, mypy and import-linter cannot say, said as tests.

A rule is a small function from one source file to its flaws. Each rule is run over the tree and, apart from
that, shown a bad sample that it must catch and a good one that it must leave alone.
"""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

LONGEST_FILE = 500
LONGEST_FUNCTION = 70

FORBIDDEN_WORDS = frozenset(
    "manager managers helper helpers util utils engine engines service services base common".split()
)

IMPURE_MODULES = frozenset(
    "_thread aiohttp asyncio builtins concurrent contextvars ctypes fcntl fileinput getpass glob http httpx "
    "importlib io locale logging mmap multiprocessing os pathlib platform queue random requests sched "
    "secrets select selectors shutil signal socket socketserver sqlite3 ssl subprocess sys tempfile "
    "threading time urllib uuid weakref".split()
)
IMPURE_CALLS = frozenset({"__import__", "breakpoint", "eval", "exec", "globals", "input", "open", "print"})
CLOCK_CALLS = frozenset({"now", "today", "utcnow"})
CLOCK_TYPES = frozenset({"date", "datetime"})

MUTABLE_CALLS = frozenset({"Counter", "OrderedDict", "bytearray", "defaultdict", "deque", "dict", "list", "set"})
MUTATING_METHODS = frozenset(
    "add append appendleft clear discard extend insert pop popitem popleft remove setdefault update".split()
)

UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
ASSERTING_PREFIXES = ("assert", "check", "expect")
ASSERTING_ATTRIBUTES = frozenset({"raises", "warns", "fail"})

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Source:
    """One Python file: its path from the repository's root, its text and its tree."""

    path: str
    text: str
    tree: ast.Module


Rule = Callable[[Source], Iterator[str]]


def parsed(path: str, text: str) -> Source:
    return Source(path, text, ast.parse(text, path))


def sources(*folders: str) -> list[Source]:
    paths = sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return [parsed(path.relative_to(ROOT).as_posix(), path.read_text("utf-8")) for path in paths]


def functions(source: Source) -> Iterator[FunctionNode]:
    return (node for node in ast.walk(source.tree) if isinstance(node, FUNCTIONS))


def words(name: str) -> set[str]:
    """The words of a snake_case or CamelCase name, in lower case."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)}


def called_name(call: ast.Call) -> str:
    """The last part of what is called: `b` for `b()`, `a.b()` and `a[0].b()`; empty for a call of a call."""
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def where(source: Source, node: ast.stmt | ast.expr) -> str:
    return f"{source.path}:{node.lineno}"


# --- rules ---


def long_file(source: Source) -> Iterator[str]:
    length = len(source.text.splitlines())
    if length > LONGEST_FILE:
        yield f"{source.path}: {length} lines, at most {LONGEST_FILE}: which nouns does it hold?"


def long_function(source: Source) -> Iterator[str]:
    for node in functions(source):
        length = (node.end_lineno or node.lineno) - node.lineno + 1
        if length > LONGEST_FUNCTION:
            yield f"{where(source, node)}: {node.name} has {length} lines, at most {LONGEST_FUNCTION}"


def vague_name(source: Source) -> Iterator[str]:
    for part in Path(source.path).with_suffix("").parts:
        if found := words(part) & FORBIDDEN_WORDS:
            yield f"{source.path}: '{found.pop()}' in a file name says nothing: name the noun"
    for node in ast.walk(source.tree):
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)) and (found := words(node.name) & FORBIDDEN_WORDS):
            yield f"{where(source, node)}: '{found.pop()}' in the name {node.name} says nothing"


def imported_modules(node: ast.AST) -> list[str]:
    match node:
        case ast.Import(names=names):
            return [name.name for name in names]
        case ast.ImportFrom(module=str(module), level=0):
            return [module]
    return []


def impure_import(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        for module in imported_modules(node):
            if module.partition(".")[0] in IMPURE_MODULES:
                yield f"{source.path}: the kernel is pure, and imports {module}: hand the value in"


def impure_call(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in IMPURE_CALLS:
                yield f"{where(source, node)}: the kernel is pure, and calls {name}()"
            case ast.Call(func=ast.Attribute(attr=name)) if name in CLOCK_CALLS:
                yield f"{where(source, node)}: the kernel has no clock, and calls .{name}(): take the time"
            case ast.Attribute(value=ast.Name(id=owner) | ast.Attribute(attr=owner), attr=name) if (
                owner in CLOCK_TYPES and name in CLOCK_CALLS
            ):
                yield f"{where(source, node)}: the kernel has no clock, and reaches for {owner}.{name}"


def is_mutable(value: ast.expr | None) -> bool:
    match value:
        case ast.List() | ast.Dict() | ast.Set() | ast.ListComp() | ast.DictComp() | ast.SetComp():
            return True
        case ast.Call():
            return called_name(value) in MUTABLE_CALLS
    return False


def module_mutables(source: Source) -> Iterator[ast.Name]:
    """Every name that the module itself binds to something mutable, also under an `if` or a `try`."""
    waiting: list[ast.stmt] = list(source.tree.body)
    while waiting:
        statement = waiting.pop()
        match statement:
            case ast.If() | ast.Try() | ast.With() | ast.For() | ast.While():
                waiting += [child for child in ast.walk(statement) if isinstance(child, ast.Assign | ast.AnnAssign)]
            case ast.Assign(targets=targets, value=value) if is_mutable(value):
                yield from (target for target in targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name() as target, value=value) if is_mutable(value):
                yield target


def module_state(source: Source) -> Iterator[str]:
    for name in module_mutables(source):
        if name.id != name.id.upper() and not name.id.startswith("__"):
            yield f"{where(source, name)}: {name.id} is mutable state in a module: hand it in"


def mutated_constant(source: Source) -> Iterator[str]:
    """A capital name is a promise: no function changes what it holds, nor rebinds a global."""
    constants = {name.id for name in module_mutables(source)}
    for node in (inner for function in functions(source) for inner in ast.walk(function)):
        match node:
            case ast.Global(names=names):
                yield f"{where(source, node)}: global {', '.join(names)} is mutable state: hand it in"
            case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store() | ast.Del()) if name in constants:
                yield f"{where(source, node)}: {name} of the module is changed"
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)) if (
                name in constants and method in MUTATING_METHODS
            ):
                yield f"{where(source, node)}: {name} of the module is changed by .{method}()"


def stray_print(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        match node:
            case ast.Call(func=ast.Name(id="print")):
                yield f"{where(source, node)}: print() outside the command line"


def unfinished(source: Source) -> Iterator[str]:
    for number, line in enumerate(source.text.splitlines(), start=1):
        if found := UNFINISHED.search(line):
            yield f"{source.path}:{number}: {found.group()}: do it, or file an issue"


def can_fail(node: ast.AST, asserting: frozenset[str]) -> bool:
    """Whether this node alone is an assertion: not of a constant, or a call of something known to assert."""
    match node:
        case ast.Assert(test=test):
            return not isinstance(test, ast.Constant)
        case ast.Call(func=ast.Attribute(attr=name)) if name in ASSERTING_ATTRIBUTES:
            return True
        case ast.Call():
            name = called_name(node)
            return name in asserting or name.lstrip("_").startswith(ASSERTING_PREFIXES)
    return False


def asserting_functions(source: Source) -> frozenset[str]:
    """The functions of a file that assert, by themselves or by calling one that does."""
    known: frozenset[str] = frozenset()
    while True:
        found = frozenset(
            function.name for function in functions(source) if any(can_fail(node, known) for node in ast.walk(function))
        )
        if found == known:
            return known
        known = found


def toothless_test(source: Source) -> Iterator[str]:
    asserting = asserting_functions(source)
    for function in functions(source):
        if function.name.startswith("test_") and function.name not in asserting:
            yield f"{where(source, function)}: {function.name} asserts nothing, so it cannot fail"


# --- the rules over the tree ---


def flaws(rule: Rule, checked: list[Source]) -> list[str]:
    assert checked, "the rule found no file to look at"
    return [flaw for source in checked for flaw in rule(source)]


def src() -> list[Source]:
    return sources("src/remit")


def kernel() -> list[Source]:
    return sources("src/remit/kernel")


def test_files_are_short() -> None:
    assert flaws(long_file, src()) == []


def test_functions_are_short() -> None:
    assert flaws(long_function, src()) == []


def test_names_say_something() -> None:
    assert flaws(vague_name, src()) == []


def test_the_kernel_imports_nothing_impure() -> None:
    assert flaws(impure_import, kernel()) == []


def test_the_kernel_calls_nothing_impure() -> None:
    assert flaws(impure_call, kernel()) == []


def test_modules_hold_no_state() -> None:
    assert flaws(module_state, src()) == []


def test_constants_are_not_changed() -> None:
    assert flaws(mutated_constant, src()) == []


def test_only_the_command_line_prints() -> None:
    quiet = [source for source in src() if not source.path.startswith("src/remit/cli/")]
    assert flaws(stray_print, quiet) == []


def test_nothing_is_left_unfinished() -> None:
    assert flaws(unfinished, sources("src", "tests", "bench", "examples")) == []


def test_every_test_can_fail() -> None:
    tests = [source for source in sources("tests") if Path(source.path).name.startswith("test_")]
    assert flaws(toothless_test, tests) == []


# --- the rules themselves ---

UNDONE = "TO" + "DO"

BAD: list[tuple[Rule, str]] = [
    (long_file, "x = 1\n" * (LONGEST_FILE + 1)),
    (long_function, "def f():\n" + "    x = 1\n" * LONGEST_FUNCTION),
    (long_function, "async def f():\n" + "    x = 1\n" * LONGEST_FUNCTION),
    (vague_name, "class BudgetManager: ..."),
    (vague_name, "class HTTPService: ..."),
    (vague_name, "def _parse_helper(): ..."),
    (vague_name, "class A:\n    async def base(self): ..."),
    (impure_import, "import time"),
    (impure_import, "import json, os.path as p"),
    (impure_import, "from pathlib import Path"),
    (impure_import, "from concurrent.futures import Future"),
    (impure_import, "def f():\n    import socket"),
    (impure_import, "if TYPE_CHECKING:\n    import threading"),
    (impure_call, "open('f')"),
    (impure_call, "datetime.now()"),
    (impure_call, "datetime.datetime.now(datetime.UTC)"),
    (impure_call, "d.today()"),
    (impure_call, "clock = datetime.utcnow"),
    (module_state, "cache = {}"),
    (module_state, "_seen: set[str] = set()"),
    (module_state, "import x\nif x:\n    rows = [1]"),
    (module_state, "groups = collections.defaultdict(list)"),
    (module_state, "squares = [n * n for n in range(3)]"),
    (mutated_constant, "CACHE = {}\ndef f(k):\n    CACHE[k] = 1"),
    (mutated_constant, "SEEN = set()\ndef f(k):\n    SEEN.add(k)"),
    (mutated_constant, "ROWS = [1]\ndef f():\n    del ROWS[0]"),
    (mutated_constant, "n = 0\ndef f():\n    global n\n    n = 1"),
    (stray_print, "def f():\n    print(1)"),
    (unfinished, f"# {UNDONE}: later"),
    (toothless_test, "def test_a():\n    f()"),
    (toothless_test, "async def test_a():\n    await f()"),
    (toothless_test, "def test_a():\n    assert True"),
    (toothless_test, "class TestA:\n    def test_a(self):\n        f()"),
    (toothless_test, "def f():\n    g()\ndef test_a():\n    f()"),
]

GOOD: list[tuple[Rule, str]] = [
    (long_file, "x = 1\n" * LONGEST_FILE),
    (long_function, "def f():\n" + "    x = 1\n" * (LONGEST_FUNCTION - 1)),
    (vague_name, "class Database(BaseModel): ...\ndef rebased(): ...\nbase = 1"),
    (
        impure_import,
        "import json\nfrom datetime import datetime\nfrom .time import x\nfrom remit.domain import clock",
    ),
    (impure_call, "def f(facts):\n    return facts.now, datetime.fromtimestamp(0), facts.open()"),
    (
        module_state,
        "LEVELS = {'run': 1}\nab = ('a',)\n__all__ = ['f']\nJson = dict[str, int]\ndef f():\n    rows = []",
    ),
    (
        mutated_constant,
        "LEVELS = {}\ndef f(rows):\n    rows.append(LEVELS['a'])\n    rows[0] = LEVELS.get('b')",
    ),
    (stray_print, "console.print(1)\npprint(1)"),
    (unfinished, "METHODS = 'to do'"),
    (toothless_test, "def test_a():\n    assert f()"),
    (toothless_test, "def test_a():\n    with pytest.raises(ValueError, match='x'):\n        f()"),
    (toothless_test, "def same(a):\n    assert a\ndef both(a):\n    same(a)\ndef test_a():\n    both(1)"),
    (toothless_test, "def test_a():\n    assert_same(1, 2)"),
    (toothless_test, "def f(): ..."),
]


def sample_id(value: object) -> str | None:
    return getattr(value, "__name__", None) or repr(value)[:40]


@pytest.mark.parametrize(("rule", "text"), BAD, ids=sample_id)
def test_a_rule_catches_a_bad_sample(rule: Rule, text: str) -> None:
    assert list(rule(parsed("sample.py", text)))


@pytest.mark.parametrize(("rule", "text"), GOOD, ids=sample_id)
def test_a_rule_leaves_a_good_sample_alone(rule: Rule, text: str) -> None:
    assert list(rule(parsed("sample.py", text))) == []


@pytest.mark.parametrize("path", ["src/remit/utils.py", "src/remit/common/money.py", "src/remit/policy_engine.py"])
def test_a_vague_file_name_is_caught(path: str) -> None:
    assert list(vague_name(parsed(path, "")))


def test_every_rule_has_a_bad_and_a_good_sample() -> None:
    shape = {"source": Source, "return": Iterator[str]}
    rules = {value for value in globals().values() if getattr(value, "__annotations__", None) == shape}
    assert rules == {rule for rule, _ in BAD} == {rule for rule, _ in GOOD}


def test_a_rule_over_no_files_is_an_error() -> None:
    with pytest.raises(AssertionError, match="no file to look at"):
        flaws(long_file, [])


# --- the run itself ---

LEFT_OUT = """
import pytest

def test_skipped():
    pytest.skip("no data")

@pytest.mark.skip(reason="marked")
def test_marked(): ...

@pytest.mark.xfail(reason="known", strict=False)
def test_expected_to_fail():
    assert 1 == 2

@pytest.mark.xfail(reason="known", strict=False)
def test_surprising(): ...

def test_run(): ...
"""


def run_left_out(folder: Path, *arguments: str, require_all: bool) -> str:
    """The output of pytest, with this suite's conftest, over tests that try to be left out."""
    (folder / "conftest.py").write_text((ROOT / "tests/conftest.py").read_text("utf-8"), "utf-8")
    (folder / "test_left_out.py").write_text(LEFT_OUT, "utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(folder),
        *arguments,
    ]
    environment = {**os.environ, "REMIT_REQUIRE_ALL": "1" if require_all else ""}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_nothing_is_left_out_when_all_is_required(tmp_path: Path) -> None:
    output = run_left_out(tmp_path, require_all=True)
    assert "3 failed, 1 passed, 1 error" in output
    assert "test_skipped was skipped (no data), and REMIT_REQUIRE_ALL lets nothing be left out" in output


def test_a_skipped_module_fails_when_all_is_required(tmp_path: Path) -> None:
    (tmp_path / "test_module.py").write_text("import pytest\npytest.importorskip('no_such_module')\n", "utf-8")
    assert "test_module.py was skipped" in run_left_out(tmp_path, require_all=True)


def test_a_part_of_the_suite_is_refused_when_all_is_required(tmp_path: Path) -> None:
    output = run_left_out(tmp_path, "-m", "not slow", require_all=True)
    assert "REMIT_REQUIRE_ALL is set, so no test may be left out by: markexpr" in output


def test_what_was_left_out_is_said(tmp_path: Path) -> None:
    output = run_left_out(tmp_path, "-k", "not surprising", require_all=False)
    assert "- 1 skipped: no data" in output
    assert "- 1 xfailed: known not to hold yet" in output
    assert "- tests not chosen by keyword = 'not surprising'" in output
