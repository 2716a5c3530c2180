"""What people look at: what releases changed, what policies reach, how the server is, the ledger as one file."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from remit.control.sealing import Sealer
from remit.domain.identity import Role
from remit.domain.ids import OwnerId
from remit.domain.title import without_isolates
from remit.ledger.evidence import Bundle
from remit.ledger.examination import examine
from remit.ledger.verify import own_keys
from remit.storage.sealed import KeyFile
from remit.storage.seals import seals_of
from tests.api.office import PREFIX, TWO_AGENTS, Office, office
from tests.worlds import SARA, VISITOR, WORKSPACE, agent, files, yaml


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path) as opened:
        yield opened


def test_a_release_says_in_words_what_it_changed(it: Office) -> None:
    first = it.world.store.active(WORKSPACE, "production")
    changed = agent().replace("Buys what is needed.", "Buys only paper.")
    second = it.world.apply({**TWO_AGENTS, "agents/buyer.yaml": changed})
    found = it.ask("GET", f"{PREFIX}/releases/{second.id}/changes", it.token(Role.VIEWER)).json()
    assert found["before"] == first
    (change,) = found["changes"]
    assert (change["resource"], change["kind"]) == ("agent buyer", "changed")
    assert "Buys only paper." in change["words"]
    arabic = it.ask("GET", f"{PREFIX}/releases/{second.id}/changes?language=ar", it.token(Role.VIEWER)).json()
    assert [without_isolates(each["words"]) for each in arabic["changes"]] == [
        "buyer: تغيّر purpose من Buys what is needed. إلى Buys only paper."
    ]
    whole = it.ask("GET", f"{PREFIX}/releases/{first}/changes", it.token(Role.VIEWER)).json()
    assert whole["before"] is None
    assert {each["kind"] for each in whole["changes"]} == {"added"}


def test_a_plan_is_told_in_the_language_it_is_asked_in(it: Office) -> None:
    """Changes, what comes out otherwise, and what the workspace's own tests came to."""
    refused = {"name": "none", "agent": "buyer", "tool": "erp.pay", "arguments": {"amount": 5}, "expect": "deny"}
    changed = {
        **TWO_AGENTS,
        "agents/buyer.yaml": agent(tools=["erp.get"]),
        "tests/all.yaml": yaml("Tests", tests=[refused]),
    }
    upload = {"files": {path: text.decode() for path, text in files(changed).items()}}
    author = it.token(Role.AUTHOR)
    english, arabic = (
        it.ask("POST", f"{PREFIX}/releases/plan?language={language}", author, upload).json()
        for language in ("en", "ar")
    )
    for plan, letters in ((english, "[A-Za-z]"), (arabic, "[\u0600-\u06ff]")):
        said = [each["words"] for each in (*plan["changes"], *plan["consequences"])]
        said += [reason for test in plan["tests"] for reason in test["reasons"]]
        assert len(said) > 3
        assert all(re.search(letters, each) for each in said)
    assert {each["cause"] for each in arabic["consequences"]} == {"not granted"}


def test_what_is_refused_is_told_in_english(it: Office) -> None:
    """Whatever language its route has words in: problem documents have none."""
    refused = it.ask("GET", f"{PREFIX}/releases/rel_gone/changes?language=ar", it.token(Role.VIEWER)).json()
    assert (refused["code"], refused["detail"]) == ("no_release", "there is no release rel_gone")
    assert refused["remedy"].isascii()


def test_policies_say_whom_they_touched_lately(it: Office) -> None:
    run = it.world.start("buyer", VISITOR)
    held = [it.world.door.admit(it.world.door.attempt_tool(run, "erp.pay", {"amount": 501 + no})) for no in range(2)]
    found = it.ask("GET", f"{PREFIX}/policies/reach", it.token(Role.VIEWER)).json()
    assert found["decisions"] == 2
    touched = [each for each in found["touched"] if each["verdict"] == "hold"]
    assert touched
    assert {(each["agent"], each["target"], each["count"]) for each in touched} == {("buyer", "erp.pay", 2)}
    assert {each["action"] for each in touched} == {held[-1].action}


def test_the_server_tells_its_settings_and_no_secret(it: Office, tmp_path: Path) -> None:
    answer = it.ask("GET", f"{PREFIX}/server", it.token(Role.OPERATOR))
    found = answer.json()
    assert {part["code"]: part["ok"] for part in found["parts"]}.items() >= {("database", True), ("sealing", True)}
    settings = {each["name"]: each for each in found["settings"]}
    assert settings["REMIT_MAX_WAITING"]["value"] == "10000"
    assert settings["REMIT_MAX_WAITING"]["is_default"]
    assert settings["REMIT_DATABASE_URL"]["value"].startswith(str(tmp_path))
    arabic = it.ask("GET", f"{PREFIX}/server?language=ar", it.token(Role.OPERATOR)).json()
    told = {each["name"]: each["description"] for each in arabic["settings"]}
    assert settings["REMIT_MAX_WAITING"]["description"].startswith("Most commands that wait for the writer")
    assert told["REMIT_MAX_WAITING"] == "أكثر ما ينتظر الكاتب من أوامر؛ وما زاد يُرَد."
    for role in (Role.VIEWER, Role.APPROVER, Role.AUTHOR, Role.AUDITOR):
        assert it.ask("GET", f"{PREFIX}/server", it.token(role)).status_code == 403


def test_secrets_and_passwords_of_addresses_are_not_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMIT_OIDC_CLIENT_SECRET", "hush-1")
    monkeypatch.setenv("REMIT_OTEL_ENDPOINT", "https://me:hush-2@traces.example.com/v1")
    with office(tmp_path) as it:
        answer = it.ask("GET", f"{PREFIX}/server", it.token(Role.ADMIN))
    assert "hush" not in answer.text
    values = {each["name"]: each["value"] for each in answer.json()["settings"]}
    assert values["REMIT_OTEL_ENDPOINT"] == "https://traces.example.com/v1"
    assert set(values["REMIT_OIDC_CLIENT_SECRET"]) == {"*"}


def test_records_are_found_by_what_stands_in_them(it: Office) -> None:
    for _ in range(3):
        it.world.start("buyer", VISITOR)
    wanted = it.world.start("buyer", VISITOR)
    auditor = it.token(Role.AUDITOR)
    found = it.ask("GET", f"{PREFIX}/records?find={wanted.id.upper()}", auditor).json()
    assert [each["kind"] for each in found["records"]] == ["run_started"]
    assert not found["partial"]
    pages = []
    cursor = ""
    while True:
        page = it.ask("GET", f"{PREFIX}/records?find=run_started&limit=1&cursor={cursor}", auditor).json()
        pages += [each["no"] for each in page["records"]]
        if page["next"] is None:
            break
        cursor = page["next"]
    assert len(pages) == len(set(pages)) == 4
    assert it.ask("GET", f"{PREFIX}/records?find=nowhere-at-all", auditor).json()["records"] == []


def test_the_ledger_is_taken_away_and_verified_elsewhere(it: Office, tmp_path: Path) -> None:
    it.world.start("buyer", VISITOR)
    path = it.world.parts.settings.key_path
    assert path is not None
    world = it.world
    owner = OwnerId("own_test")
    sealer = Sealer(world.store, seals_of(world.store), KeyFile(path), world.clock, world.ids, owner, lease_s=0)
    sealer.seal_all(WORKSPACE)
    answer = it.ask("GET", f"{PREFIX}/ledger/bundle", it.token(Role.AUDITOR))
    assert answer.headers["content-type"] == "application/zip"
    folder = tmp_path / "bundle"
    zipfile.ZipFile(io.BytesIO(answer.content)).extractall(folder)
    report = examine(Bundle(folder), own_keys(Bundle(folder)))
    assert not report.faults
    assert it.ask("GET", f"{PREFIX}/ledger/bundle", it.token(Role.OPERATOR)).status_code == 403


def test_a_session_says_whom_the_person_answers_for(it: Office) -> None:
    it.people.add(WORKSPACE, SARA, [Role.APPROVER], "user:test")
    hers = it.ask("GET", f"{PREFIX}/session", it.session_of(SARA)).json()
    assert hers["groups"]
    assert it.ask("GET", f"{PREFIX}/session", it.session(Role.VIEWER)).json()["groups"] == []
