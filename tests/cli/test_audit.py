"""`remit audit` and `remit erase`: from the first seal to the auditor's answer."""

import json
import sqlite3
from pathlib import Path

from ruamel.yaml import YAML

from remit.ledger.verify import main
from remit.sdk.client import Client
from tests.cli.conftest import Command
from tests.worlds import OWNER, VISITOR


def work(client: Client, subject: str = "") -> None:
    with client.run("buyer", on_behalf_of=VISITOR, subject=subject, task="Look it up.") as run:
        run.call("erp.get", {"id": "1"}, using=lambda id: {"id": id})


def test_a_ledger_is_sealed_and_verified(client: Client, command: Command) -> None:
    work(client)
    said = command("audit", "seal")
    assert (said.code, said.out) == (0, "6 records are sealed, 6 of them new.\n")
    assert command("audit", "seal").out == "6 records are sealed, 0 of them new.\n"
    key = command("audit", "key", "show").out.strip()
    said = command("audit", "verify", "--key", key)
    assert said.code == 0
    assert said.out.splitlines()[-1] == "OK: nothing was changed"
    told = command("audit", "verify", "-o", "json").json
    assert (told["whole"], told["records"], told["sealed"], told["signers"]) == (True, 6, 6, [key])


def test_nothing_sealed_yet(client: Client, command: Command) -> None:
    said = command("audit", "verify")
    assert (said.code, said.out) == (2, "")
    assert "`remit audit seal` first" in said.err
    assert "run `remit audit seal` first" in command("audit", "key", "show").err


def test_a_record_changed_in_the_database_is_told(client: Client, command: Command, tmp_path: Path) -> None:
    work(client)
    command("audit", "seal")
    db = sqlite3.connect(tmp_path / "remit.db")
    with db:
        db.execute("update records set body = cast(replace(body, 'admitted', 'denied') as blob)")
    db.close()
    said = command("audit", "verify")
    assert said.code == 1
    assert "is not what was sealed" in said.out
    assert said.out.splitlines()[-1].startswith("FAILED: ")


def test_a_record_lost_before_its_seal_stops_the_sealer(client: Client, command: Command, tmp_path: Path) -> None:
    work(client)
    command("audit", "seal")
    work(client)
    db = sqlite3.connect(tmp_path / "remit.db")
    with db:
        db.execute("delete from records where seq = (select max(seq) - 1 from records)")
    db.close()
    said = command("audit", "seal")
    assert (said.code, said.out) == (2, "")
    assert "is missing" in said.err
    told = command("audit", "verify", "-o", "json")
    assert told.code == 1
    assert {fault["kind"] for fault in told.json["faults"]} == {"alarm", "removed"}


def test_an_export_is_verified_offline_and_against_a_witness(client: Client, command: Command, tmp_path: Path) -> None:
    work(client)
    said = command("audit", "seal", "--anchor", f"file:{tmp_path / 'worm'}")
    assert said.out.splitlines()[-1] == f"The checkpoint of 6 records was left at file:{tmp_path / 'worm'}."
    work(client)
    said = command("audit", "export", tmp_path / "out", "--ocsf")
    assert said.out == f"10 records, 6 of them sealed, written to {tmp_path / 'out'}.\n"
    assert "checked for gaps only" in said.err
    key = command("audit", "key", "show").out.strip()
    for arguments in (["--key", key], ["--key", key, "--witness", str(tmp_path / "worm")]):
        assert command("audit", "verify", tmp_path / "out", *arguments).code == 0
        assert main([str(tmp_path / "out"), *arguments]) == 0


def test_an_export_goes_into_an_empty_folder_only(client: Client, command: Command, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "x").touch()
    said = command("audit", "export", tmp_path / "out")
    assert (said.code, said.out) == (2, "")
    assert "is not an empty folder" in said.err


def test_events_for_a_siem(client: Client, command: Command, tmp_path: Path) -> None:
    work(client)
    command("freeze", "tool:erp.pay", "-m", "wait")
    command("audit", "export", tmp_path / "out", "--ocsf")
    events = [json.loads(line) for line in (tmp_path / "out" / "ocsf.jsonl").read_bytes().splitlines()]
    assert len(events) == 7
    assert {(event["class_uid"], event["category_uid"]) for event in events} == {(6003, 6)}
    assert all(event["type_uid"] == 600300 + event["activity_id"] for event in events)
    decision = next(event for event in events if event["activity_name"] == "decision_made")
    assert decision["actor"] == {"app_name": "buyer", "user": {"name": VISITOR}}
    assert decision["api"]["operation"] == "erp.get"
    assert (decision["status"], decision["status_detail"], decision["severity"]) == (
        "Success",
        "admitted",
        "Informational",
    )
    assert "facts" not in decision["unmapped"]["remit"]
    stop = events[-1]
    assert (stop["activity_name"], stop["severity"], stop["actor"]) == ("Update", "High", {"user": {"name": OWNER}})


def test_a_record_is_proven_on_its_own(client: Client, command: Command, tmp_path: Path) -> None:
    work(client)
    command("audit", "seal")
    body = sqlite3.connect(tmp_path / "remit.db").execute("select key from records where kind = 'decision_made'")
    (record,) = body.fetchone()
    key = command("audit", "key", "show").out.strip()
    said = command("audit", "proof", record)
    (tmp_path / "proof.json").write_text(said.out, "utf-8")
    assert main([str(tmp_path / "proof.json"), "--key", key]) == 0
    changed = {**said.json, "record": said.json["record"].replace("admitted", "denied")}
    (tmp_path / "proof.json").write_text(json.dumps(changed), "utf-8")
    assert main([str(tmp_path / "proof.json"), "--key", key]) == 1
    assert main([str(tmp_path / "proof.json")]) == 2
    assert "there is no record 'nothing'" in command("audit", "proof", "nothing").err


def test_the_key_is_changed(client: Client, command: Command) -> None:
    command("audit", "seal")
    old = command("audit", "key", "show").out.strip()
    said = command("audit", "key", "rotate", "-m", "yearly")
    assert said.code == 0
    both = command("audit", "key", "show").out.splitlines()
    assert both[0] == old
    assert said.out.splitlines()[0] == f"From now on signs {both[1]}"
    work(client)
    command("audit", "seal")
    for key in both:
        assert command("audit", "verify", "--key", key).code == 0


def test_programs_are_answered_by_every_act(client: Client, command: Command, tmp_path: Path) -> None:
    work(client)
    witness = f"file:{tmp_path / 'witness'}"
    sealed = command("audit", "seal", "--anchor", witness, "-o", "json").json
    assert sealed == {"sealed": 6, "new": 6, "left_at": [witness]}
    rotated = command("audit", "key", "rotate", "-o", "json").json
    keys = command("audit", "key", "show", "-o", "json").json
    assert [key["signs"] for key in keys] == [False, True]
    assert keys[-1] == rotated
    command("audit", "seal")
    folder = str(tmp_path / "bundle")
    exported = command("audit", "export", folder, "-o", "json").json
    assert exported == {"records": 7, "sealed": 7, "folder": folder}
    record = f"{command('runs', 'ls').rows[0][0]}/started"
    proven = command("audit", "proof", record).json
    assert YAML(typ="safe").load(command("audit", "proof", record, "-o", "yaml").out) == proven


def test_a_place_that_can_not_be_reached_is_told(client: Client, command: Command) -> None:
    said = command("audit", "seal", "--anchor", "ftp:bucket")
    assert (said.code, said.out) == (2, "")
    assert "is no place for a checkpoint" in said.err


def test_a_mistyped_key_is_told(client: Client, command: Command) -> None:
    said = command("audit", "verify", "--key", "abc")
    assert (said.code, said.out) == (2, "")
    assert "write name+hash+key" in said.err


def test_a_subject_is_erased(client: Client, command: Command) -> None:
    work(client, "customer-1")
    work(client, "customer-2")
    assert "say --yes" in command("erase", "customer-1").err
    told = command("erase", "customer-1", "--yes", "-m", "asked", "-o", "json").json
    assert set(told) == {"record", "at", "payload_key", "subject_digest", "salt"}
    assert command("replay", "-o", "json").json["counts"]["erased"] == 1
    command("audit", "seal")
    assert command("audit", "verify").code == 0
    assert "was erased before" in command("erase", "customer-1", "--yes").err
    assert "no payloads of this subject" in command("erase", "customer-9", "--yes").err
    said = command("erase", "customer-2", "--yes").out
    assert "customer-2" not in said


def test_a_proof_in_a_file_is_verified(client: Client, command: Command, tmp_path: Path) -> None:
    work(client)
    command("audit", "seal")
    key = command("audit", "key", "show").out.strip()
    file = tmp_path / "proof.json"
    record = json.loads(sqlite3.connect(tmp_path / "remit.db").execute("select body from records").fetchone()[0])
    file.write_text(command("audit", "proof", record["key"]).out, "utf-8")
    said = command("audit", "verify", file, "--key", key)
    assert (said.code, said.out.split(" of ")[0]) == (0, "OK: the record is number 1")
    assert command("audit", "verify", file).code == 2, "without a key it shows nothing"
    file.write_text(file.read_text("utf-8").replace('"no": 1,', '"no": 2,'), "utf-8")
    said = command("audit", "verify", file, "--key", key, "-o", "json")
    assert (said.code, said.json["whole"]) == (1, False)
