"""Everything somebody may do to a ledger is found and named, with nothing but the bundle and a public key."""

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remit.ledger.checkpoint import Checkpoint
from remit.ledger.entry import leaf_of
from remit.ledger.evidence import Bundle
from remit.ledger.examination import Report, examine
from remit.ledger.fault import Kind
from remit.ledger.note import Note, Signer, signed
from remit.ledger.tiles import Edge, Tile
from remit.ledger.verify import copies, main
from tests.ledger.conftest import CALLS, Exported

THIEF = b"t" * 32


def report(bundle: Exported, *witnesses: Path) -> Report:
    return examine(Bundle(bundle.folder), [bundle.key], list(copies(witnesses)))


def faults(bundle: Exported, *witnesses: Path) -> dict[Kind, list[str]]:
    found: dict[Kind, list[str]] = {}
    for fault in report(bundle, *witnesses).faults:
        found.setdefault(fault.kind, []).append(fault.text)
    return found


def canonical(record: dict[str, Any]) -> bytes:
    return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def edit(bundle: Exported, place: int, **changes: object) -> None:
    lines = bundle.lines
    lines[place] = canonical({**json.loads(lines[place]), **changes})
    bundle.put_lines(lines)


def resealed(bundle: Exported, seed: bytes = THIEF, size: int | None = None) -> str:
    """What somebody with another key can do: seal whatever records there are anew, tiles and all."""
    edge = Edge()
    files = list(edge.append(leaf_of(line, no) for no, line in enumerate(bundle.lines[: size or bundle.sealed], 1)))
    for tile, hashes in [*files, *edge.partial()]:
        path = bundle.folder / tile.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(hashes)
    origin = bundle.key.name
    return signed(Checkpoint(origin, edge.size, edge.root()).text, [Signer(origin, seed)])


# --- nothing wrong


def test_a_ledger_nobody_touched(bundle: Exported) -> None:
    found = report(bundle, bundle.witness)
    assert found.is_whole, found.faults
    assert found.checkpoint is not None
    assert (found.records, found.checkpoint.checkpoint.size) == (len(bundle.lines), bundle.sealed)
    assert bundle.sealed > 2 * CALLS
    assert found.records > bundle.sealed, "some records are not sealed yet"


def test_the_folder_is_a_log_by_the_public_specification(bundle: Exported) -> None:
    """Read with the formats alone: checkpoint, entry bundles and tiles give one root."""
    note = Note.of((bundle.folder / "checkpoint").read_bytes())
    origin, size, root = note.text.split("\n")[:3]
    assert origin == bundle.key.name
    entries: list[bytes] = []
    for index in range(-(-int(size) // 256)):
        width = min(256, int(size) - index * 256)
        raw = (bundle.folder / Tile(-1, index, width).path).read_bytes()
        while raw:
            length = int.from_bytes(raw[:2], "big")
            entries.append(raw[2 : 2 + length])
            raw = raw[2 + length :]
    assert entries == bundle.lines[: int(size)]
    edge = Edge()
    for tile, hashes in edge.append(leaf_of(entry, 0) for entry in entries):
        assert (bundle.folder / tile.path).read_bytes() == hashes
    assert edge.root() == base64.b64decode(root)


# --- sealed records


def fields_of(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every leaf of a record: what a field is, down to the last."""
    if isinstance(value, dict) and value:
        return [found for key, inner in value.items() for found in fields_of(inner, (*path, key))]
    if isinstance(value, list) and value:
        return [found for at, inner in enumerate(value) for found in fields_of(inner, (*path, at))]
    return [path]


def changed_at(record: Any, path: tuple[Any, ...]) -> Any:
    if not path:
        return (
            1
            if record is None
            else None
            if isinstance(record, (dict, list))
            else not record
            if isinstance(record, bool)
            else record + 1
            if isinstance(record, int)
            else record + "x"
        )
    copy = list(record) if isinstance(record, list) else dict(record)
    copy[path[0]] = changed_at(record[path[0]], path[1:])
    return copy


def test_a_change_in_any_field_of_any_kind_of_record(bundle: Exported) -> None:
    lines = bundle.lines
    kinds: dict[str, int] = {}
    for place, line in enumerate(lines[: bundle.sealed]):
        kinds.setdefault(json.loads(line)["kind"], place)
    assert len(kinds) >= 6
    tried = 0
    for place in kinds.values():
        record = json.loads(lines[place])
        for path in fields_of(record)[:: 1 if len(fields_of(record)) < 30 else 7]:
            bundle.put_lines([*lines[:place], canonical(changed_at(record, path)), *lines[place + 1 :]])
            found = report(bundle)
            assert not found.is_whole, path
            assert any(f"record {place + 1}" in fault.text for fault in found.faults), (path, found.faults)
            tried += 1
    assert tried > 40


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_changed_byte(bundle: Exported, made: Exported, data: st.DataObject) -> None:
    raw = bytearray((made.folder / "records.jsonl").read_bytes())
    sealed = sum(len(line) + 1 for line in made.lines[: made.sealed])
    at = data.draw(st.integers(0, sealed - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    (bundle.folder / "records.jsonl").write_bytes(raw)
    assert not report(bundle).is_whole


def test_a_changed_verdict_is_named(bundle: Exported) -> None:
    edit(bundle, 17, state="denied")
    key = json.loads(bundle.lines[17])["key"]
    assert faults(bundle) == {Kind.CHANGED: [f"record 18 (key {key}) is not what was sealed"]}


def test_a_removed_record_is_named(bundle: Exported) -> None:
    lines = bundle.lines
    bundle.put_lines(lines[:20] + lines[21:])
    assert faults(bundle) == {Kind.REMOVED: ["record 21 was sealed and is not there any more"]}


def test_a_removed_record_with_the_later_ones_numbered_anew(bundle: Exported) -> None:
    lines = [json.loads(line) for line in bundle.lines]
    del lines[20]
    bundle.put_lines([canonical({**line, "no": no}) for no, line in enumerate(lines, 1)])
    bundle.head(records=len(lines))
    found = faults(bundle)
    assert "record 21 (key" in found[Kind.CHANGED][0]
    assert found[Kind.CHANGED][-1].startswith("and ")


def test_an_inserted_record_is_named(bundle: Exported) -> None:
    lines = bundle.lines
    forged = canonical({**json.loads(lines[3]), "key": "act_forged/decision"})
    bundle.put_lines([*lines[:4], forged, *lines[4:]])
    bundle.head(records=len(lines) + 1)
    assert Kind.INSERTED in faults(bundle)
    assert "act_forged/decision, behind record 4, was never sealed" in faults(bundle)[Kind.INSERTED][0]


def test_a_doubled_record_is_named(bundle: Exported) -> None:
    lines = bundle.lines
    bundle.put_lines([*lines[:4], lines[3], *lines[4:]])
    bundle.head(records=len(lines) + 1)
    assert "is there a second time, behind record 4" in faults(bundle)[Kind.INSERTED][0]


def test_two_records_that_changed_places_are_named(bundle: Exported) -> None:
    lines = bundle.lines
    lines[30], lines[31] = lines[31], lines[30]
    bundle.put_lines(lines)
    found = faults(bundle)
    assert set(found) == {Kind.REORDERED}
    assert "record 31 (key" in found[Kind.REORDERED][0]


def test_a_cut_tail_is_found_by_the_checkpoint(bundle: Exported) -> None:
    bundle.put_lines(bundle.lines[:100])
    bundle.head(records=100)
    assert f"{bundle.sealed:,} records were sealed and 100 are there" in faults(bundle)[Kind.CUT]


def test_a_ledger_cut_together_with_its_checkpoint_is_found_by_a_witness(bundle: Exported, tmp_path: Path) -> None:
    """Everything is put back to an earlier state that was truly signed: only a copy kept elsewhere can tell."""
    late = tmp_path / "late"
    late.write_bytes((bundle.folder / "checkpoint").read_bytes())
    size = Checkpoint.of(Note.of(bundle.witness.read_bytes()).text).size
    lines = bundle.lines[:size]
    resealed(bundle, size=size)
    (bundle.folder / "checkpoint").write_bytes(bundle.witness.read_bytes())
    for name in Bundle(bundle.folder).names("checkpoints"):
        if int(name) > size:
            (bundle.folder / "checkpoints" / name).unlink()
    bundle.put_lines(lines)
    bundle.head(records=size)
    (bundle.folder / Tile(-1, 0, size).path).parent.mkdir(parents=True, exist_ok=True)
    (bundle.folder / Tile(-1, 0, size).path).write_bytes(b"".join(len(x).to_bytes(2, "big") + x for x in lines))
    assert report(bundle).is_whole, report(bundle).faults
    assert "the end was cut off" in faults(bundle, late)[Kind.CUT][1]


def test_a_ledger_rewritten_by_whoever_holds_the_key_is_found_by_a_witness(bundle: Exported) -> None:
    insider = Signer(bundle.key.name, THIEF)
    own = Exported(bundle.folder, insider.verifier, bundle.witness, bundle.sealed)
    honest = resealed(own, size=10)
    for path in (bundle.folder / "checkpoints").iterdir():
        path.unlink()
    kept = bundle.folder.parent / "kept"
    kept.write_text(honest, "utf-8")
    edit(own, 4, by="somebody else")
    (own.folder / "checkpoint").write_text(resealed(own), "utf-8")
    assert faults(own).keys() == {Kind.TILE_CHANGED}, "only the entries were forgotten"
    assert faults(own, kept)[Kind.REWRITTEN] == [f"the first 10 records are not those under {kept}"]


# --- records that are not sealed yet


def test_a_gap_among_records_not_sealed_yet(bundle: Exported) -> None:
    lines = bundle.lines
    bundle.put_lines(lines[: bundle.sealed + 1] + lines[bundle.sealed + 3 :])
    no = bundle.sealed + 2
    assert faults(bundle) == {Kind.REMOVED: [f"records {no} to {no + 1} are not there, and not sealed yet"]}


def test_the_last_record_lost_before_it_was_sealed(bundle: Exported) -> None:
    lines = bundle.lines
    bundle.put_lines(lines[:-1])
    assert faults(bundle) == {Kind.REMOVED: [f"record {len(lines)} is not there, and not sealed yet"]}


def test_the_head_moved_back(bundle: Exported) -> None:
    count = len(bundle.lines)
    bundle.head(records=count - 2)
    assert faults(bundle) == {
        Kind.HEAD_MOVED: [f"{count - 2:,} records are counted and {count:,} are there: the count was moved back"]
    }


def test_a_record_put_among_those_not_sealed_yet(bundle: Exported) -> None:
    lines = bundle.lines
    bundle.put_lines([*lines, lines[-1]])
    assert f"record {len(lines)}, not sealed yet, is there a second time" in faults(bundle)[Kind.INSERTED]
    bundle.put_lines([*lines, lines[3]])
    assert "record 4, which is sealed, stands behind those that are" in faults(bundle)[Kind.INSERTED]


def test_records_not_sealed_yet_in_another_order(bundle: Exported) -> None:
    lines = bundle.lines
    lines[-1], lines[-2] = lines[-2], lines[-1]
    bundle.put_lines(lines)
    no = len(lines)
    assert faults(bundle) == {Kind.REORDERED: [f"record {no - 1}, not sealed yet, stands behind record {no}"]}


@pytest.mark.parametrize(
    "line",
    [b"", b"{}", b"null", b'{"no":1}', b'{"a":1.5}', b'{"no": 1}', b"[" * 100_000],
    ids=["empty", "no fields", "null", "no key", "a float", "a blank", "deep"],
)
def test_what_is_no_record(bundle: Exported, line: bytes) -> None:
    bundle.put_lines([*bundle.lines[:-1], line])
    assert f"record {len(bundle.lines)}: it " in faults(bundle)[Kind.CHANGED][0]


def test_a_record_of_another_workspace(bundle: Exported) -> None:
    edit(bundle, -1, workspace="other")
    assert faults(bundle) == {Kind.INSERTED: [f"record {len(bundle.lines)} is of workspace other"]}


def test_a_huge_number_is_told_at_once(bundle: Exported) -> None:
    edit(bundle, -1, no=10**17)
    assert faults(bundle)[Kind.REMOVED] == [
        f"records {len(bundle.lines)} to {10**17 - 1} are not there, and not sealed yet"
    ]


# --- checkpoints and keys


def test_a_forged_checkpoint(bundle: Exported) -> None:
    path = bundle.folder / "checkpoint"
    text = path.read_text("utf-8")
    path.write_text(text.replace(f"\n{bundle.sealed}\n", f"\n{bundle.sealed - 1}\n"), "utf-8")
    assert "is not by that key" in faults(bundle)[Kind.FORGED][0]


def test_a_checkpoint_by_another_key(bundle: Exported) -> None:
    (bundle.folder / "checkpoint").write_text(resealed(bundle), "utf-8")
    assert "by no key you gave" in faults(bundle)[Kind.WRONG_KEY][0]


def test_the_wrong_key(bundle: Exported) -> None:
    wrong = Exported(bundle.folder, Signer(bundle.key.name, THIEF).verifier, bundle.witness, bundle.sealed)
    assert set(faults(wrong)) >= {Kind.WRONG_KEY}


def test_a_key_of_another_ledger(bundle: Exported) -> None:
    """Signed, and by a key that is trusted, but for something else."""
    signer = Signer("remit/other/00", THIEF)
    text = Note.of((bundle.folder / "checkpoint").read_bytes()).text
    (bundle.folder / "checkpoint").write_text(signed(text, [signer]), "utf-8")
    other = Exported(bundle.folder, signer.verifier, bundle.witness, bundle.sealed)
    assert "signed by the key of remit/other/00" in faults(other)[Kind.FORGED][0]


def test_no_checkpoint(bundle: Exported) -> None:
    (bundle.folder / "checkpoint").unlink()
    assert Kind.NO_CHECKPOINT in faults(bundle)


def test_a_forged_witness_is_no_witness(bundle: Exported, tmp_path: Path) -> None:
    (tmp_path / "w").write_text(bundle.witness.read_text("utf-8").replace("\n1", "\n2", 1), "utf-8")
    assert "is not by that key" in faults(bundle, tmp_path / "w")[Kind.FORGED][0]


def test_an_earlier_checkpoint_that_was_changed(bundle: Exported) -> None:
    name = Bundle(bundle.folder).names("checkpoints")[0]
    path = bundle.folder / "checkpoints" / name
    path.write_text(path.read_text("utf-8").replace("\n1", "\n2", 1), "utf-8")
    assert f"checkpoints/{name}" in faults(bundle)[Kind.FORGED][0]


# --- tiles, releases, alarms


@pytest.mark.parametrize("tile", ["tile/0/000", "tile/1/000.p/1", "tile/entries/000"])
def test_a_missing_tile(bundle: Exported, tile: str) -> None:
    (bundle.folder / tile).unlink()
    assert faults(bundle) == {Kind.TILE_MISSING: [f"{tile} is not there"]}


def test_a_missing_partial_tile(bundle: Exported) -> None:
    tile = Tile(0, 1, bundle.sealed % 256)
    (bundle.folder / tile.path).unlink()
    assert faults(bundle) == {Kind.TILE_MISSING: [f"{tile.path} is not there"]}


@pytest.mark.parametrize("tile", ["tile/0/000", "tile/1/000.p/1", "tile/entries/000"])
def test_a_changed_tile(bundle: Exported, tile: str) -> None:
    path = bundle.folder / tile
    first, *others = path.read_bytes()
    path.write_bytes(bytes([first ^ 1, *others]))
    assert faults(bundle) == {Kind.TILE_CHANGED: [f"{tile} is not what the records give"]}


def test_records_and_tiles_changed_alike(bundle: Exported) -> None:
    edit(bundle, 4, by="somebody else")
    resealed(bundle)
    assert f"the first {bundle.sealed:,} records do not give the root that was signed" in faults(bundle)[Kind.REWRITTEN]


def test_a_release_with_other_files(bundle: Exported) -> None:
    path = bundle.folder / "releases.jsonl"
    release = json.loads(path.read_text("utf-8"))
    release["files"]["agents/buyer.yaml"] = "0" * 64
    path.write_text(json.dumps(release) + "\n", "utf-8")
    assert Kind.RELEASE_CHANGED in faults(bundle)


def test_an_alarm_is_told(bundle: Exported) -> None:
    bundle.head(alarm="record 7 is missing")
    assert faults(bundle) == {Kind.ALARM: ["record 7 is missing"]}


# --- the command


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def test_the_command_says_that_all_is_well(bundle: Exported, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(bundle.folder, "--key", bundle.key, "--witness", bundle.witness) == 0
    said = capsys.readouterr().out.splitlines()
    assert re.match(rf"remit/tiny/\w+: {bundle.sealed} records sealed, 8 not sealed yet; root [0-9a-f]{{64}}", said[0])
    assert said[-1] == "OK: nothing was changed"


def test_the_command_says_what_is_wrong(bundle: Exported, capsys: pytest.CaptureFixture[str]) -> None:
    edit(bundle, 17, state="denied")
    assert run(bundle.folder, "--key", bundle.key) == 1
    said = capsys.readouterr().out.splitlines()
    assert re.match(r"changed +record 18 \(key act_\d+/\w+\) is not what was sealed", said[0])
    assert said[-1] == "FAILED: 1 fault"


def test_without_a_key_it_says_what_that_is_worth(bundle: Exported, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(bundle.folder) == 0
    assert "not whose it is" in capsys.readouterr().out


def spoil_key(bundle: Exported) -> list[object]:
    return [bundle.folder, "--key", str(bundle.key)[:-4]]


def no_folder(bundle: Exported) -> list[object]:
    return [bundle.folder / "nowhere", "--key", bundle.key]


def no_records(bundle: Exported) -> list[object]:
    (bundle.folder / "records.jsonl").unlink()
    return [bundle.folder, "--key", bundle.key]


def newer_format(bundle: Exported) -> list[object]:
    bundle.head(format=2)
    return [bundle.folder, "--key", bundle.key]


def no_witness(bundle: Exported) -> list[object]:
    return [bundle.folder, "--key", bundle.key, "--witness", bundle.folder / "nowhere"]


@pytest.mark.parametrize("spoil", [spoil_key, no_folder, no_records, newer_format, no_witness])
def test_what_can_not_be_looked_at(
    bundle: Exported, spoil: Callable[[Exported], list[object]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*spoil(bundle)) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("Error: ")
    assert len(said.err.splitlines()) == 1
