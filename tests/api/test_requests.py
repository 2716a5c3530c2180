"""What every request goes through: limits, strict JSON, unknown fields, repetition; and problems tell no secret."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from remit.domain.identity import Role
from remit.domain.record import RecordKind
from remit.storage.port import StoreError
from tests.api.office import PREFIX, Office, Shows, office
from tests.worlds import WORKSPACE

MEMBERS = {"type", "title", "status", "code", "detail", "field", "remedy"}


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path) as opened:
        yield opened


@pytest.fixture
def admin(it: Office) -> Shows:
    return it.session(*Role)


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ('{"target": "workspace", "target": "run:1"}', 400, "body.duplicate_key", "target"),
        ('{"target": ', 400, "body.not_json", ""),
        ('{"target": NaN}', 400, "body.not_finite", ""),
        ("[" * 200 + "]" * 200, 400, "body.not_an_object", ""),
        ('{"target": ' + "[" * 60 + "]" * 60 + "}", 400, "body.too_deep", None),
        ('{"target": "workspace", "reson": "typo"}', 422, "field_unfit", "reson"),
        ('{"target": 7}', 422, "field_unfit", "target"),
        ("{}", 422, "field_unfit", "target"),
        ('{"target": "nothing:x"}', 422, "stop_refused", ""),
        ('{"target": "run:run_none"}', 404, "no_run", ""),
        ('{"target": "workspace", "reason": "a\\u202eb"}', 422, "field_unfit", "reason"),
        ('{"target": "' + "x" * 3_000_000 + '"}', 413, "body_too_large", ""),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_bad_body_is_a_problem(
    it: Office, admin: Shows, body: str, status: int, code: str, field: str | None
) -> None:
    answer = it.ask("POST", f"{PREFIX}/stops", admin, body)
    told = answer.json()
    assert (answer.status_code, told["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(told) >= MEMBERS
    assert told["remedy"]
    if field is not None:
        assert told["field"] == field
    assert it.world.records(RecordKind.STOP_CHANGED) == []


def test_what_is_no_json_is_refused_so_that_no_form_of_another_site_gets_in(it: Office, admin: Shows) -> None:
    answer = it.ask("POST", f"{PREFIX}/stops", admin, '{"target": "workspace"}', Content_Type="text/plain")
    assert (answer.status_code, answer.json()["code"]) == (415, "not_json")


def test_a_value_is_never_repeated_in_a_problem(it: Office) -> None:
    for body in ({"person": "user:x", "password": ["hunter2-hunter2"]}, {"person": ["hunter2-hunter2"]}):
        answer = it.ask("POST", f"{PREFIX}/session", body=body)
        assert answer.status_code == 422
        assert "hunter2" not in answer.text


@pytest.mark.parametrize(("method", "path", "code"), [("GET", "/none", "no_route"), ("PATCH", "/runs", "no_method")])
def test_what_is_not_there_is_a_problem_too(it: Office, method: str, path: str, code: str) -> None:
    answer = it.ask(method, PREFIX + path)
    assert answer.json()["code"] == code
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_unexpected_failure_tells_and_logs_no_words(
    it: Office, admin: Shows, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("iban AE070331234567890123456")

    monkeypatch.setattr(it.world.store, "runs", fail)
    answer = it.ask("GET", f"{PREFIX}/runs", admin)
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "AE07" not in answer.text + caplog.text
    assert "RuntimeError at" in caplog.text


def test_a_database_that_does_not_answer_is_503(it: Office, admin: Shows, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(it.world.store, "runs", fail)
    monkeypatch.setattr(it.world.store, "workspaces", fail)
    assert it.ask("GET", f"{PREFIX}/runs", admin).status_code == 503
    assert it.ask("GET", "/readyz").json()["code"] == "not_ready"
    assert it.ask("GET", "/healthz").status_code == 200


@pytest.mark.parametrize("path", ["/runs/a%00b", "/runs?agent=%00", "/runs?agent=a%E2%80%AEb", "/runs/" + "x" * 3_000])
def test_an_id_that_can_be_none_is_refused_before_the_database_sees_it(it: Office, admin: Shows, path: str) -> None:
    answer = it.ask("GET", PREFIX + path, admin)
    assert (answer.status_code, answer.json()["code"]) == (422, "field_unfit")


# -- repetition


def freeze(it: Office, who: Shows, key: str, target: str = "agent:buyer"):
    return it.ask("POST", f"{PREFIX}/stops", who, {"target": target}, Idempotency_Key=key)


def test_the_same_write_again_gets_the_first_answer_and_happens_once(it: Office, admin: Shows) -> None:
    first = freeze(it, admin, "k-1")
    it.world.clock.advance(60)
    again = freeze(it, admin, "k-1")
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(it.world.records(RecordKind.STOP_CHANGED)) == 1


def test_a_person_who_signs_in_again_repeats_the_same_request(it: Office, admin: Shows) -> None:
    first = freeze(it, admin, "k-1")
    assert freeze(it, it.session(*Role), "k-1").json() == first.json()


def test_a_key_is_of_one_person_and_one_request(it: Office, admin: Shows) -> None:
    freeze(it, admin, "k-1")
    other = freeze(it, admin, "k-1", "agent:seller")
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")
    assert freeze(it, it.token(Role.OPERATOR), "k-1", "agent:seller").status_code == 201


def test_what_was_refused_may_be_asked_again_with_the_same_key(it: Office, admin: Shows) -> None:
    lift = {"target": "agent:buyer"}
    refused = it.ask("POST", f"{PREFIX}/stops/lift", admin, lift, Idempotency_Key="k-2")
    assert refused.status_code == 422
    freeze(it, admin, "k-1")
    assert it.ask("POST", f"{PREFIX}/stops/lift", admin, lift, Idempotency_Key="k-2").status_code == 200


def test_a_first_request_that_nobody_answered_is_not_done_again(
    it: Office, admin: Shows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(it.app.state.seam.repeats, "complete", lambda *_: None)  # as if the process had died
    freeze(it, admin, "k-1")
    again = freeze(it, admin, "k-1")
    assert (again.status_code, again.json()["code"]) == (409, "still_open")
    assert len(it.world.records(RecordKind.STOP_CHANGED)) == 1


def test_answers_are_forgotten_after_a_day(it: Office, admin: Shows) -> None:
    freeze(it, admin, "k-1")
    it.world.clock.advance(90_000)
    later = it.session(*Role)
    freeze(it, later, "k-2")
    assert "Idempotent-Replayed" not in freeze(it, later, "k-1").headers


def test_a_secret_is_told_once_even_where_the_answer_is_repeated(it: Office, admin: Shows) -> None:
    ask = {"agent": "buyer", "label": "desk"}
    first = it.ask("POST", f"{PREFIX}/keys", admin, ask, Idempotency_Key="k-1").json()
    again = it.ask("POST", f"{PREFIX}/keys", admin, ask, Idempotency_Key="k-1").json()
    assert first["secret"].startswith("rmt_a_")
    assert again == first | {"secret": None}
    assert len(it.credentials.all(WORKSPACE, "buyer")) == 1


def test_an_unfit_key_is_refused(it: Office, admin: Shows) -> None:
    assert freeze(it, admin, "k" * 300).json()["code"] == "key_unfit"
