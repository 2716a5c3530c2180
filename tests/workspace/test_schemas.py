"""Editors are told what the reader takes, no more and no less."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import jsonschema_rs
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from remit.cli.main import cli
from remit.cli.schema import reference
from remit.domain.canonical import JsonValue
from remit.workspace.files import read_folder
from remit.workspace.kind import KINDS
from remit.workspace.placement import kinds_at, places
from remit.workspace.report import At, Report
from remit.workspace.schemas import schema_of, schemas
from remit.workspace.yaml_document import read_yaml

GOOD = Path(__file__).parent / "good"
BAD = Path(__file__).parent / "bad"


def documents(folder: Path) -> Iterator[tuple[str, JsonValue]]:
    """Yield every document of a folder that says a known kind, as plain values."""
    for path, data in read_folder(folder).files.items():
        for node in () if path.endswith(".cedar") else read_yaml(path, data).documents:
            if isinstance(node.value, Mapping) and "kind" in node.value:
                kind = node.value["kind"].value
                if isinstance(kind, str) and kind in KINDS:
                    yield kind, node.plain()


def is_valid(kind: str, document: JsonValue) -> bool:
    return jsonschema_rs.Draft202012Validator(schema_of(kind)).is_valid(document)


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_is_a_schema(kind: str) -> None:
    assert jsonschema_rs.meta.is_valid(schema_of(kind))


def test_every_document_of_a_good_folder_fits_its_schema() -> None:
    found = list(documents(GOOD))
    assert {kind for kind, _ in found} == set(KINDS)
    for kind, document in found:
        jsonschema_rs.Draft202012Validator(schema_of(kind)).validate(document)


def test_a_key_that_is_not_known_does_not_fit() -> None:
    for kind, document in documents(GOOD):
        assert isinstance(document, dict)
        assert not is_valid(kind, {**document, "unknown": 1})


@pytest.mark.parametrize("case", ["unknown-keys", "missing-keys", "wrong-types", "yes-and-no", "empty-values"])
def test_what_is_wrong_in_itself_does_not_fit(case: str) -> None:
    for kind, document in documents(BAD / case):
        report = Report()
        (node,) = read_yaml("x", json.dumps(document).encode()).documents
        if KINDS[kind].record.read(node, At(report, "x")) is None:
            assert not is_valid(kind, document), document


@given(st.sampled_from(sorted(documents(GOOD), key=str)), st.data())
def test_what_the_schema_refuses_the_reader_refuses(found: tuple[str, JsonValue], data: st.DataObject) -> None:
    """The reader may know better, never less: an editor must not mark what Remit takes."""
    kind, document = found
    assert isinstance(document, dict)
    key = data.draw(st.sampled_from(sorted(document)))
    value = data.draw(st.sampled_from([1, -1, 1.5, True, "", "x y", "user:a", "a", [], ["a"], {}, {"a": 1}, None]))
    changed = {**document, key: value}
    (node,) = read_yaml("x", json.dumps(changed).encode()).documents
    is_read = KINDS[kind].record.read(node, At(Report(), "x")) is not None
    if is_read and key != "kind":
        assert is_valid(kind, changed)


def test_the_command_writes_a_schema_for_every_file(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["schema", str(tmp_path)])
    assert result.exit_code == 0
    assert {path.name for path in (tmp_path / ".schemas").iterdir()} == set(schemas())
    for place in places():
        if kinds_at(place):
            assert f"$schema={reference(place)}" in result.output
            file = tmp_path / place.replace("*", "x")
            assert (file.parent / reference(place)).resolve().is_file() or file.parent != tmp_path
            assert (tmp_path / reference(place).removeprefix("../")).is_file()


def test_one_schema_for_a_file_of_several_kinds() -> None:
    people = jsonschema_rs.Draft202012Validator(schemas()["people.json"])
    assert people.is_valid({"kind": "Person", "id": "user:a"})
    assert people.is_valid({"kind": "Group", "name": "a", "members": ["user:a"]})
    assert not people.is_valid({"kind": "Person", "name": "a", "members": ["user:a"]})
    assert not people.is_valid({"kind": "Agent"})


def test_one_kind_goes_to_standard_output() -> None:
    result = CliRunner().invoke(cli, ["schema", "--kind", "Agent"])
    assert json.loads(result.output) == schema_of("Agent")


def test_a_place_that_can_not_be_written_is_one_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["schema", str(tmp_path / "nowhere")])
    assert result.exit_code == 2
    assert result.output.count("\n") == 1
