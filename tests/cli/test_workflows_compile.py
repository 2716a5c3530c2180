"""`remit workflows compile`: what is written in Python becomes a file of the workspace, and stays what Python says."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from remit.domain.workflow import Workflow
from remit.workspace.compiled import NotWritable, compiled
from remit.workspace.files import read_folder
from remit.workspace.reading import read
from remit.workspace.yaml_document import read_yaml
from tests.cli.conftest import Command, Said

RENEW = dedent("""\
    import remit

    @remit.step(tool="erp.get", retry={"attempts": 3})
    def look(id: str) -> None: ...

    @remit.workflow(agent="buyer", inputs={"order": {"type": "string"}, "amount": {"type": "integer"}}, timeout="2h")
    def renew_contract(inputs):
        \"\"\"Renew a contract.\"\"\"
        found = look(inputs.order)
        remit.approval("agreed", group="finance", title="Renew {order}?", when=inputs.amount > 500, order=inputs.order)
        return {"order": found}
    """)
AS_YAML = dedent("""\
    kind: Workflow
    name: renew-contract
    agent: buyer
    description: Renew a contract.
    timeout: 2h
    inputs:
      type: object
      required: [order, amount]
      properties: {order: {type: string}, amount: {type: integer}}
    steps:
      - {id: look, tool: erp.get, arguments: {id: "${inputs.order}"}, retry: {attempts: 3}}
      - id: agreed
        when: inputs.amount > 500
        approval: {group: finance, title: {en: "Renew {order}?"}, shows: {order: "${inputs.order}"}}
    outputs: {order: "${steps.look}"}
    """)
HEAD = "# Compiled from {} by `remit workflows compile`. Edit it there: what is changed here is lost."


@dataclass
class Desk:
    """A workspace folder `tiny` in the current folder, and a command that knows no module of an earlier call."""

    folder: Path
    command: Command

    @property
    def file(self) -> Path:
        return self.folder / "workflows" / "renew-contract.yaml"

    def module(self, path: str, text: str) -> Path:
        file = Path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
        return file

    def compile(self, module: str, *options: str, to: str | None = "tiny") -> Said:
        known = set(sys.modules)
        try:
            return self.command("workflows", "compile", module, *(() if to is None else ("--to", to)), *options)
        finally:
            for name in set(sys.modules) - known:
                if not name.startswith(("remit", "ruamel")):
                    del sys.modules[name]

    def workflow(self) -> Workflow:
        found = read_folder(self.folder)
        reading = read(found.files, found.name, found.problems)
        assert reading.configuration is not None, [str(each) for each in reading.problems]
        (workflow,) = reading.configuration.workflows.values()
        return workflow


@pytest.fixture
def desk(shop: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # what is changed within a second is read anew
    return Desk(shop, command)


def test_a_workflow_of_python_is_the_same_resource_as_one_of_yaml(desk: Desk) -> None:
    desk.module("flows/renew.py", RENEW)
    said = desk.compile("flows/renew.py")
    assert (said.code, said.out) == (0, "wrote tiny/workflows/renew-contract.yaml\n")
    assert said.err == "`remit validate tiny` checks what was written together with the rest.\n"
    assert desk.file.read_text("utf-8").splitlines()[0] == HEAD.format("../flows/renew.py")
    assert desk.command("validate", desk.folder).code == 0
    from_python = desk.workflow()
    assert desk.command("apply", desk.folder, "-m", "of Python").code == 0
    desk.file.write_text(AS_YAML, "utf-8")
    assert repr(desk.workflow()) == repr(from_python)
    assert "the files differ in their text only; nothing that decides changes" in desk.command("diff", desk.folder).out


def test_a_dotted_name_is_found_from_the_current_folder_and_named_in_the_file(desk: Desk) -> None:
    desk.module("flows/renew.py", RENEW)
    assert desk.compile("flows.renew").code == 0
    assert desk.file.read_text("utf-8").splitlines()[0] == HEAD.format("flows.renew")


def test_without_to_it_is_the_current_folder_where_that_is_a_workspace(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.module("tiny/renew.py", RENEW)
    assert desk.compile("tiny.renew", to=None).err == (
        "Error: there is no workspace.yaml here: run it in the workspace folder, or name that with --to DIR\n"
    )
    monkeypatch.chdir(desk.folder)
    assert desk.compile("renew", to=None).out == "wrote workflows/renew-contract.yaml\n"
    assert desk.compile("renew", to="nowhere").err == (
        "Error: nowhere is no folder: --to names the workspace folder, which holds agents/ and tools/\n"
    )


def test_check_writes_nothing_and_fails_with_what_differs(desk: Desk) -> None:
    desk.module("flows/renew.py", RENEW)
    missing = desk.compile("flows.renew", "--check")
    assert (missing.code, desk.file.exists()) == (1, False)
    assert "+name: renew-contract" in missing.out
    desk.compile("flows.renew")
    current = desk.compile("flows.renew", "--check")
    assert (current.code, current.out) == (0, "tiny/workflows/renew-contract.yaml is current\n")

    desk.module("flows/renew.py", RENEW.replace("> 500", "> 9000"))
    before = desk.file.read_text("utf-8")
    differs = desk.compile("flows.renew", "--check")
    assert differs.code == 1
    assert "-    when: inputs.amount > 500\n+    when: inputs.amount > 9000\n" in differs.out
    assert differs.err == (
        "tiny/workflows/renew-contract.yaml is not what flows.renew says: compile it again without --check.\n"
    )
    assert desk.file.read_text("utf-8") == before
    assert desk.compile("flows.renew").code == 0
    assert desk.compile("flows.renew", "--check").code == 0


def test_a_file_edited_by_hand_is_found_by_check(desk: Desk) -> None:
    desk.module("flows/renew.py", RENEW)
    desk.compile("flows.renew")
    desk.file.write_text(desk.file.read_text("utf-8").replace("500", "5"), "utf-8")
    assert desk.compile("flows.renew", "--check").code == 1


def test_a_workflow_that_python_has_no_more_is_told_and_left(desk: Desk) -> None:
    desk.module("flows/renew.py", RENEW)
    desk.compile("flows.renew")
    desk.module("flows/renew.py", RENEW.replace("def renew_contract", "def prolong"))
    told = "tiny/workflows/renew-contract.yaml is left over: flows.renew has no such workflow any more. Delete the file"
    said = desk.compile("flows.renew")
    assert (said.code, told in said.err, desk.file.exists()) == (0, True, True)
    checked = desk.compile("flows.renew", "--check", "-o", "json")
    assert (checked.code, checked.json) == (
        1,
        [
            {"file": "tiny/workflows/prolong.yaml", "state": "current"},
            {"file": "tiny/workflows/renew-contract.yaml", "state": "left"},
        ],
    )
    assert desk.compile("flows.renew:prolong", "--check").code == 0, "asked for one, others are not looked at"


def test_a_file_that_was_not_compiled_or_from_elsewhere_is_left_alone(desk: Desk) -> None:
    desk.module("flows/renew.py", RENEW)
    desk.module("flows/other.py", RENEW)
    desk.file.parent.mkdir()
    desk.file.write_text("kind: Workflow\n", "utf-8")
    said = desk.compile("flows.renew")
    assert said.code == 2
    assert said.err == (
        "Error: tiny/workflows/renew-contract.yaml was not compiled from a module. Rename the workflow, or write over"
        " the file with --force.\n"
    )
    assert desk.file.read_text("utf-8") == "kind: Workflow\n"
    assert desk.compile("flows.renew", "--force").code == 0
    assert "was compiled from flows.renew, not from flows.other" in desk.compile("flows.other").err
    assert desk.workflow().name == "renew-contract"
    assert desk.compile("flows.renew", "--force", "--check").code == 2


MANY = RENEW + dedent("""
    @remit.workflow(agent="buyer")
    def second(_):
        look("x")

    also = second
    """)


def test_all_workflows_of_a_module_or_the_one_named(desk: Desk) -> None:
    desk.module("flows/many.py", MANY)
    one = desk.compile("flows.many:renew_contract")
    assert one.out == "wrote tiny/workflows/renew-contract.yaml\n"
    assert desk.compile("flows.many:renew-contract").out == "tiny/workflows/renew-contract.yaml is current\n"
    assert desk.compile("flows.many", "-o", "json").json == [
        {"file": "tiny/workflows/renew-contract.yaml", "state": "current"},
        {"file": "tiny/workflows/second.yaml", "state": "written"},
    ]


def test_a_workflow_that_is_imported_as_a_step_belongs_to_its_own_module(desk: Desk) -> None:
    desk.module("flows/__init__.py", "from flows.renew import renew_contract\nfrom flows.outer import outer\n")
    desk.module("flows/renew.py", RENEW)
    outer = """\
        import remit
        from .renew import renew_contract

        @remit.workflow(agent="buyer")
        def outer(_):
            renew_contract("inner", order="A", amount=5)
        """
    desk.module("flows/outer.py", dedent(outer))
    assert [each["file"] for each in desk.compile("flows/outer.py", "-o", "json").json] == ["tiny/workflows/outer.yaml"]
    package = desk.compile("flows", "--force", "-o", "json").json
    assert [each["file"] for each in package] == ["tiny/workflows/renew-contract.yaml", "tiny/workflows/outer.yaml"]


def test_what_a_module_prints_is_no_answer_of_the_command(desk: Desk) -> None:
    desk.module("flows/renew.py", "print('hello')\n" + RENEW)
    said = desk.compile("flows.renew", "-o", "json")
    assert (said.json, said.err) == ([{"file": "tiny/workflows/renew-contract.yaml", "state": "written"}], "hello\n")


SAME_NAME = MANY.replace('workflow(agent="buyer")', 'workflow(agent="buyer", name="renew-contract")')
UP = RENEW.replace('agent="buyer", ', 'agent="buyer", name="../up", ')
AN_IF = RENEW.replace("look(inputs.order)", "look('x' if inputs.order == 'y' else 'z')")


@pytest.mark.parametrize(
    ("module", "text", "told"),
    [
        ("flows/gone.py", None, "there is no file flows/gone.py."),
        (
            "flows.gone",
            None,
            "there is no module flows. Name it as Python imports it from here, or the path of its .py file.",
        ),
        (
            "flows/a.py",
            "import nowhere_at_all",
            "flows/a.py can not be imported: ModuleNotFoundError: No module named 'nowhere_at_all' (a.py, line 1).",
        ),
        (
            "flows/a.py",
            "x = 1\n\n\nx / 0",
            "flows/a.py can not be imported: ZeroDivisionError: division by zero (a.py, line 4).",
        ),
        ("flows/a.py", "def f(:", "flows/a.py can not be imported: SyntaxError: invalid syntax (a.py, line 1)."),
        (
            "flows/a.py",
            "import sys\nsys.exit()",
            "flows/a.py can not be imported: SystemExit: it said nothing (a.py, line 2).",
        ),
        (
            "flows/json.py",
            "x = 1",
            "flows/json.py can not be imported: another module has the name json. Rename the file.",
        ),
        (
            "flows/a.py",
            "x = 1",
            "flows/a.py has no workflow: decorate a function of it with @remit.workflow(agent=...).",
        ),
        ("flows/a.py:x", "x = 1", "flows/a.py has no workflow `x`: it has none."),
        ("flows/a.py:x", MANY, "flows/a.py has no workflow `x`: it has renew_contract, second, also."),
        (
            "flows/a.py",
            SAME_NAME,
            (
                "flows/a.py has several workflows of the name renew-contract: renew_contract, second, also. Give each a"
                " `name=` of its own, or say which is meant, as flows/a.py:renew_contract."
            ),
        ),
        (
            "flows/a.py",
            UP,
            "`../up` can not be a workflow's name: use letters, digits, `.`, `_` and `-`.",
        ),
        (
            "flows/a.py",
            AN_IF,
            (
                'flows/a.py can not be imported: TypeError: ${inputs.order == "y"} has no value while a workflow is'
                " written: use `when=`, remit.branch or remit.loop in place of `if`, `while`, `and`, `or` and `not`;"
                " write conditions with &, | and ~ (a.py, line 9)."
            ),
        ),
    ],
)
def test_what_can_not_be_compiled_is_told_with_its_place(desk: Desk, module: str, text: str | None, told: str) -> None:
    if text is not None:
        desk.module(module.partition(":")[0], text)
    said = desk.compile(module)
    assert (said.code, said.err) == (2, f"Error: {told}\n")
    assert not (desk.folder / "workflows").exists()


UNUSUAL = {
    each for each in map(chr, range(0x10000)) if unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp")
} - {
    "\n",
    "\t",
}
"""Characters that are not shown as they are stored, in a text of which a workflow may be refused."""
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
@example("a\r\nb")
@example("2024-01-01")
@example("0o17")
@example("a \n\n b\n")
@example({"yes": ["no", "~", "1e3", "- x: y", "# z"]})
def test_whatever_is_plain_text_is_written_so_that_it_is_read_again(value: object) -> None:
    made = {"kind": "Workflow", "name": "any", "agent": "buyer", "steps": [], "outputs": {"value": value}}
    try:
        text = compiled(made, "flows.any").text
    except NotWritable:
        assert any(set(each) & UNUSUAL for each in texts(value))
        return
    (read_again,) = read_yaml("workflows/any.yaml", text.encode()).documents
    assert read_again.plain() == made


def texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (each for item in value.items() for part in item for each in texts(part))
    elif isinstance(value, list):
        yield from (each for part in value for each in texts(part))


def test_the_workflow_of_the_documentation_is_the_same_in_yaml_and_in_python(desk: Desk) -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "workflows.md").read_text("utf-8")
    (in_yaml,) = (each for each in fenced(page, "yaml") if each.startswith("kind: Workflow\nname: renew-contract"))
    (in_python,) = (each for each in fenced(page, "python") if "def renew_contract" in each)
    desk.module("flows/renew.py", in_python)
    assert desk.compile("flows/renew.py").code == 0
    written, expected = (read_yaml("w.yaml", each.encode()).documents for each in (desk.file.read_text(), in_yaml))
    assert [each.plain() for each in written] == [each.plain() for each in expected]


def fenced(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.M | re.S)
