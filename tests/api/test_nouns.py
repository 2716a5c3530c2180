"""What each noun answers, on a small company's afternoon."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from remit.api import policy_matches
from remit.domain.action import Outcome, OutcomeStatus
from remit.domain.identity import Role
from remit.domain.record import RecordKind
from tests.api.office import PREFIX, TWO_AGENTS, Office, Shows, office
from tests.worlds import SARA, TWO_PEOPLE, VISITOR, WORKSPACE, agent, budget, files


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path, {"budgets.yaml": budget("agent-day", "agent", "day", calls=10)}) as opened:
        yield opened


@pytest.fixture
def viewer(it: Office) -> Shows:
    return it.token(Role.VIEWER)


def call(it: Office, run, tool: str = "erp.get", **arguments: object):
    attempt = it.world.door.attempt_tool(run, tool, arguments or {"id": "1"})
    admission = it.world.door.admit(attempt)
    if admission.state == "admitted":
        it.world.door.settle(attempt, Outcome(attempt.action, OutcomeStatus.OK), b"{}")
    return admission


def test_runs_are_paged_and_filtered(it: Office, viewer: Shows) -> None:
    runs = [it.world.start(name, VISITOR) for name in ("buyer", "seller") * 4]
    it.world.door.end_run(runs[0], "ok")
    it.world.stops.freeze(WORKSPACE, f"run:{runs[1].id}", "user:test", "odd")
    seen, cursor, pages = [], "", 0
    while cursor is not None:
        page = it.ask("GET", f"{PREFIX}/runs?limit=3&cursor={cursor}", viewer).json()
        seen += [run["id"] for run in page["runs"]]
        cursor, pages = page["next"], pages + 1
    assert seen == [run.id for run in reversed(runs)]
    assert pages == 3

    def listed(query: str) -> list[str]:
        return [run["id"] for run in it.ask("GET", f"{PREFIX}/runs?{query}", viewer).json()["runs"]]

    assert listed("state=ended") == [runs[0].id]
    assert listed("state=stopped") == [runs[1].id]
    assert len(listed("agent=buyer")) == 4
    assert listed("user=user:else") == []
    it.world.clock.advance(60)
    late = it.world.start("buyer", VISITOR)
    assert listed(f"since={late.started_at}") == [late.id]
    assert it.ask("GET", f"{PREFIX}/runs?cursor=!!", viewer).json()["field"] == "cursor"


def test_an_action_has_its_decision_and_outcome(it: Office, viewer: Shows) -> None:
    run = it.world.start("buyer", VISITOR)
    fine, held = call(it, run), call(it, run, "erp.pay", amount=900)
    page = it.ask("GET", f"{PREFIX}/runs/{run.id}/actions", viewer).json()
    assert [(a["id"], a["state"], (a["outcome"] or {}).get("status")) for a in page["actions"]] == [
        (fine.action, "admitted", "ok"),
        (held.action, "held", None),
    ]
    assert page["run"]["steps"] == 1
    whole = it.ask("GET", f"{PREFIX}/actions/{held.action}", viewer).json()
    assert (whole["verdict"], whole["approvers"], whole["approval"]) == ("hold", ["finance"], held.approval)
    assert whole["facts"]["now"] == it.world.clock.now()
    english = it.ask("GET", f"{PREFIX}/actions/{held.action}/explanation", viewer).json()["words"]
    arabic = it.ask("GET", f"{PREFIX}/actions/{held.action}/explanation?language=ar", viewer).json()["words"]
    assert english == ["policy big asks for a person of finance: over 500"]
    assert arabic[0].startswith("تطلب السياسة big")


def test_a_folder_is_planned_applied_and_gone_back_from(it: Office) -> None:
    author = it.token(Role.AUTHOR)
    changed = {**TWO_AGENTS, "agents/buyer.yaml": agent(models=[])}
    upload = {"files": {path: text.decode() for path, text in files(changed).items()}, "message": "no models"}
    plan = it.ask("POST", f"{PREFIX}/releases/plan", author, upload).json()
    assert any("buyer" in change["resource"] for change in plan["changes"])
    before = it.world.store.active(WORKSPACE, "production")
    assert plan["before"] == before
    assert (
        it.ask("POST", f"{PREFIX}/releases", author, upload | {"expected": "rel_x"}).json()["code"] == "not_as_planned"
    )
    made = it.ask("POST", f"{PREFIX}/releases", author, upload | {"expected": plan["release"]})
    assert (made.status_code, made.json()["active_on"]) == (201, ["production"])
    exported = it.ask("GET", f"{PREFIX}/releases/{plan['release']}/files", author).json()["files"]
    assert exported == upload["files"]
    back = it.ask("POST", f"{PREFIX}/releases/rollback", author, {"message": "too strict"}).json()
    assert back["id"] == before
    gone = it.ask("POST", f"{PREFIX}/releases/{plan['release']}/withdraw", it.token(Role.OPERATOR), {})
    assert gone.json()["withdrawn_at"] is not None
    again = it.ask("POST", f"{PREFIX}/releases/{plan['release']}/activate", author, {})
    assert (again.status_code, again.json()["code"]) == (409, "release_refused")


def test_a_plan_tells_what_comes_out_otherwise_and_of_recorded_actions_only_whom_it_may(it: Office) -> None:
    held = call(it, it.world.start("buyer", VISITOR), "erp.pay", amount=900)
    changed = {**TWO_AGENTS, "policies/pay.cedar": ""}
    upload = {"files": {path: text.decode() for path, text in files(changed).items()}}

    def planned(role: Role) -> list[dict[str, object]]:
        found: list[dict[str, object]] = it.ask("POST", f"{PREFIX}/releases/plan", it.token(role), upload).json()[
            "consequences"
        ]
        return found

    (allowed,) = planned(Role.AUTHOR)
    assert (allowed["before"], allowed["after"], allowed["cause"]) == ("hold", "allow", "big")
    assert (allowed["action"], allowed["recorded"]) == (held.action, 1)
    (unseen,) = planned(Role.VIEWER)
    assert (unseen["action"], unseen["recorded"]) == ("", 0)
    assert unseen["example"] == allowed["example"]


def test_what_policies_decided_is_counted(it: Office, viewer: Shows, monkeypatch: pytest.MonkeyPatch) -> None:
    run = it.world.start("buyer", VISITOR)
    call(it, run)
    call(it, run, "erp.pay", amount=900)
    monkeypatch.setattr(policy_matches, "PAGE", 1)
    found = it.ask("GET", f"{PREFIX}/policies/matches?days=1", viewer).json()
    assert (found["decisions"], found["counts"]["agents/buyer#erp.get"], found["counts"]["big"]) == (2, 1, 1)
    monkeypatch.setattr(policy_matches, "MOST", 1)
    refused = it.ask("GET", f"{PREFIX}/policies/matches", viewer)
    assert (refused.status_code, refused.json()["code"], refused.json()["field"]) == (422, "too_much", "days")


def test_mistakes_in_a_folder_are_all_told(it: Office) -> None:
    broken = {path: text.decode() for path, text in files({"agents/buyer.yaml": "kind: Agent\nnam: x\n"}).items()}
    answer = it.ask("POST", f"{PREFIX}/releases", it.token(Role.AUTHOR), {"files": broken}).json()
    assert answer["code"] == "folder_has_problems"
    assert {"agents/buyer.yaml"} == {problem["file"] for problem in answer["problems"]}


def test_a_folder_of_another_workspace_is_refused(it: Office) -> None:
    other = {path: text.decode() for path, text in files().items()}
    other["workspace.yaml"] = other["workspace.yaml"].replace('"tiny"', '"other"')
    answer = it.ask("POST", f"{PREFIX}/releases", it.token(Role.AUTHOR), {"files": other}).json()
    assert answer["code"] == "other_workspace"
    assert it.world.store.workspaces() == [WORKSPACE]


def test_what_if_decides_and_leaves_nothing_behind(it: Office, viewer: Shows) -> None:
    before = len(it.world.records())

    def verdict(**body: object) -> str:
        return str(it.ask("POST", f"{PREFIX}/policies/test", viewer, {"agent": "buyer", **body}).json()["verdict"])

    assert verdict(tool="erp.get", arguments={"id": "1"}) == "allow"
    assert verdict(tool="erp.pay", arguments={"amount": 900}) == "hold"
    assert verdict(tool="erp.drop") == "deny"
    assert verdict(tool="erp.get", arguments={"id": "1"}, facts={"stopped": ["agent"]}) == "deny"
    assert verdict(tool="erp.get", arguments={"id": "1"}, facts={"spent": {"agent-day": 10}}) == "deny"
    assert verdict(model="local/tiny-1", input_tokens=10, max_output_tokens=10) == "allow"
    assert len(it.world.records()) == before
    why = it.ask(
        "POST", f"{PREFIX}/policies/test", viewer, {"agent": "buyer", "tool": "erp.pay", "arguments": {"amount": 900}}
    ).json()["why"]
    assert [(one["policy"], one["came"]) for one in why] == [("big", "matched"), ("agents/buyer#erp.pay", "matched")]
    both = it.ask("POST", f"{PREFIX}/policies/test", viewer, {"agent": "buyer", "tool": "a", "model": "b"})
    assert both.status_code == 422


def test_the_reasons_of_a_recorded_action_show_its_arguments_and_who_asked_is_on_record(it: Office) -> None:
    run = it.world.start("buyer", VISITOR)
    held = call(it, run, "erp.pay", amount=900)
    path = f"{PREFIX}/policies/explain/{held.action}"
    assert it.ask("GET", path, it.token(Role.VIEWER)).status_code == 403
    answer = it.ask("GET", path, it.token(Role.AUDITOR)).json()
    big = answer["policies"][0]
    assert (big["policy"], big["stance"], big["came"], big["line"]) == ("big", "hold", "matched", 2)
    assert big["clauses"][0]["read"] == {"context.input.amount": "900"}
    assert big["words"].endswith("context.input.amount > 500: true (context.input.amount = 900)")
    assert "حتى يوافق أحد من finance" in it.ask("GET", f"{path}?language=ar", it.token(Role.AUDITOR)).text
    assert {record["action"] for record in it.world.records(RecordKind.PAYLOAD_READ)} == {held.action}
    assert it.ask("GET", f"{PREFIX}/policies/explain/act_gone", it.token(Role.AUDITOR)).status_code == 404


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"model": "local/tiny-1", "input_tokens": 10}, "max_output_tokens"),
        ({"tool": "erp.get", "arguments": {"id": "1"}, "on_behalf_of": "somebody"}, "on_behalf_of"),
    ],
    ids=["no-tokens", "nobody"],
)
def test_what_if_refuses_what_admission_would_refuse(
    it: Office, viewer: Shows, asked: dict[str, object], field: str
) -> None:
    answer = it.ask("POST", f"{PREFIX}/policies/test", viewer, {"agent": "buyer", **asked})
    assert (answer.status_code, answer.json()["field"]) == (422, field)


def test_a_page_of_runs_whose_search_was_broken_off_says_so(
    it: Office, viewer: Shows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("remit.api.runs.MAX_SCANNED", 50)
    first = it.world.start("buyer", VISITOR)
    it.world.door.end_run(first, "ok")
    for _ in range(60):
        it.world.start("seller", VISITOR)
    page = it.ask("GET", f"{PREFIX}/runs?state=ended", viewer).json()
    assert (page["runs"], page["partial"]) == ([], True)
    page = it.ask("GET", f"{PREFIX}/runs?state=ended&cursor={page['next']}", viewer).json()
    assert ([run["id"] for run in page["runs"]], page["partial"], page["next"]) == ([first.id], False, None)
    # Who is asked for by name is found by an index, however many others there are.
    page = it.ask("GET", f"{PREFIX}/runs?agent=buyer&state=ended", viewer).json()
    assert ([run["id"] for run in page["runs"]], page["partial"]) == ([first.id], False)
    alone = it.ask("GET", f"{PREFIX}/runs", it.run_token(first.id)).json()
    assert ([run["id"] for run in alone["runs"]], alone["next"]) == ([first.id], None)


def test_budgets_tell_state_pace_and_where_it_leads(it: Office, viewer: Shows) -> None:
    run = it.world.start("buyer", VISITOR)
    for number in range(4):
        it.world.clock.advance(600)
        call(it, run, id=str(number))
    shown = {b["subject"]: b for b in it.ask("GET", f"{PREFIX}/budgets", viewer).json()["budgets"]}
    mine = shown["buyer"]
    assert (mine["name"], mine["spent"], mine["reserved"], mine["left"]) == ("agent-day", 4, 0, 6)
    elapsed = it.world.clock.now() - mine["window_start"]
    assert mine["forecast"] == 4 * (mine["window_end"] - mine["window_start"]) // elapsed
    assert mine["burn_per_hour"] == 4 * 3_600_000_000 // elapsed
    assert shown["seller"]["spent"] == 0
    it.world.clock.advance(86_400)
    tomorrow = it.token(Role.VIEWER)
    assert it.ask("GET", f"{PREFIX}/budgets", tomorrow).json()["budgets"][0]["spent"] == 0


def test_a_hold_is_answered(it: Office) -> None:
    held = call(it, it.world.start("buyer", VISITOR), "erp.pay", amount=900)
    it.people.add(WORKSPACE, SARA, [Role.APPROVER], "user:test")
    sara = it.session_of(SARA)
    waiting = it.ask("GET", f"{PREFIX}/approvals?state=pending", sara).json()["approvals"]
    assert [each["id"] for each in waiting] == [held.approval]
    path = f"{PREFIX}/approvals/{held.approval}/approve"
    stranger = it.ask("POST", path, it.session(Role.APPROVER), {"digest": held.digest})
    assert (stranger.status_code, stranger.json()["code"]) == (409, "answer_refused")
    wrong = it.ask("POST", path, sara, {"digest": "0" * 64})
    assert wrong.json()["code"] == "answer_refused"
    assert it.ask("POST", path, sara, {"digest": held.digest}).json()["state"] == "approved"


def test_a_stop_is_listed_until_it_is_lifted(it: Office) -> None:
    operator = it.token(Role.OPERATOR)
    for aim in ("agent:buyer", "tool:erp.pay"):
        assert it.ask("POST", f"{PREFIX}/stops", operator, {"target": aim, "reason": "odd"}).status_code == 201
    assert {s["target"] for s in it.ask("GET", f"{PREFIX}/stops", operator).json()["stops"]} == {
        "agent:buyer",
        "tool:erp.pay",
    }
    assert it.ask("GET", f"{PREFIX}/agents/buyer", operator).json()["stopped"] is True
    it.ask("POST", f"{PREFIX}/stops/lift", operator, {"target": "agent:buyer"})
    assert [s["target"] for s in it.ask("GET", f"{PREFIX}/stops", operator).json()["stops"]] == ["tool:erp.pay"]
    assert call(it, it.world.start("buyer", VISITOR), "erp.pay", amount=1).state == "denied"


def test_a_stop_says_who_why_and_until_when(it: Office) -> None:
    operator = it.token(Role.OPERATOR)
    body = {"target": "team:procurement", "reason": "stocktaking", "until": "2h"}
    made = it.ask("POST", f"{PREFIX}/stops", operator, body).json()
    assert made["until"] == made["at"] + 7_200_000_000
    it.ask("POST", f"{PREFIX}/stops", operator, {"target": "tool:erp.pay"})
    it.ask("POST", f"{PREFIX}/stops", operator, {"target": "workspace"})
    first = it.ask("GET", f"{PREFIX}/stops?limit=1", operator).json()
    assert [stop["target"] for stop in first["stops"]] == ["workspace", "tool:erp.pay"]
    second = it.ask("GET", f"{PREFIX}/stops?limit=1&cursor={first['next']}", operator).json()
    assert second == {"stops": [made], "next": None}
    assert (made["by"], made["reason"], made["told"], made["acknowledged"]) == ("user:operator", "stocktaking", 0, 0)
    assert it.ask("GET", f"{PREFIX}/stops/{made['id']}/listeners", operator).json() == {"listeners": []}
    bad = it.ask("POST", f"{PREFIX}/stops", operator, {"target": "agent:buyer", "until": "2020-01-01T00:00:00Z"})
    assert (bad.status_code, bad.json()["detail"][:42]) == (422, "until: 2020-01-01T00:00:00Z has passed alr")


def test_an_admin_terminates_and_in_a_session_revokes_keys_and_re_activates(it: Office) -> None:
    key, admin, session = it.agent(), it.token(Role.ADMIN), it.session(Role.ADMIN)
    run = it.world.start("buyer", VISITOR)
    body = {"target": "agent:buyer", "reason": "stolen"}
    refused = it.ask("POST", f"{PREFIX}/stops/terminate", admin, {**body, "revoke_keys": True})
    assert (refused.status_code, refused.json()["field"]) == (403, "revoke_keys")
    done = it.ask("POST", f"{PREFIX}/stops/terminate", admin, body)
    assert (done.status_code, done.json()["runs"], done.json()["keys"]) == (201, 1, 0)
    assert done.json()["stop"]["kind"] == "termination"
    assert it.ask("GET", f"{PREFIX}/runs/{run.id}", admin).json()["state"] == "ended"
    assert it.ask("GET", f"{PREFIX}/me", key).status_code == 200
    again = it.ask("POST", f"{PREFIX}/stops/terminate", session, {**body, "revoke_keys": True}).json()
    assert (again["runs"], again["keys"], again["stop"]) == (0, 1, done.json()["stop"])
    assert it.ask("GET", f"{PREFIX}/me", key).status_code == 401
    lifted = it.ask("POST", f"{PREFIX}/stops/lift", admin, body)
    assert (lifted.status_code, lifted.json()["code"]) == (422, "stop_refused")
    assert it.ask("POST", f"{PREFIX}/stops/reactivate", admin, body).status_code == 403
    assert it.ask("POST", f"{PREFIX}/stops/reactivate", session, body).json() == {"target": "agent:buyer"}
    assert call(it, it.world.start("buyer", VISITOR), "erp.pay", amount=1).state == "admitted"


def test_records_are_paged_and_filtered(it: Office) -> None:
    run = it.world.start("buyer", VISITOR)
    call(it, run)
    auditor = it.token(Role.AUDITOR)
    seen, cursor = [], ""
    while cursor is not None:
        page = it.ask("GET", f"{PREFIX}/records?limit=2&cursor={cursor}", auditor).json()
        seen += page["records"]
        cursor = page["next"]
    assert [record["no"] for record in seen] == list(range(1, len(seen) + 1))
    kinds = it.ask("GET", f"{PREFIX}/records?kind={RecordKind.DECISION_MADE.value}&run={run.id}", auditor).json()
    assert [record["kind"] for record in kinds["records"]] == ["decision_made"]


def test_figures_are_in_the_text_format(it: Office, viewer: Shows) -> None:
    call(it, it.world.start("buyer", VISITOR))
    it.ask("GET", f"{PREFIX}/runs", viewer)
    text = it.ask("GET", "/metrics", viewer).text
    assert 'remit_http_requests_total{method="GET",route="/api/v1/runs",status="2xx"} 1.0' in text
    assert "remit_admission_commands_total 3.0" in text
    assert "remit_notices_failed 0.0" in text
    assert 'remit_policy_answers{by="compiled"} 1.0' in text
    assert "remit_policy_distrusted_releases 0.0" in text
    assert 'remit_policy_second_opinions_total{result="dropped"} 0.0' in text
    assert VISITOR not in text


def test_a_browser_gets_a_cookie_no_script_can_read_and_no_other_site_can_send(it: Office) -> None:
    link = it.signing_in.one_time_link(WORKSPACE, it.person(Role.VIEWER), "user:test")
    cookie = it.ask("POST", f"{PREFIX}/session/link", body={"secret": link.secret}).headers["set-cookie"]
    assert {"HttpOnly", "Path=/", "SameSite=lax", "Max-Age=43200"} <= set(cookie.split("; "))
    viewer = it.session(Role.VIEWER)
    assert it.ask("GET", f"{PREFIX}/session", viewer).json()["csrf"] == viewer.headers["X-CSRF-Token"]
    assert it.ask("DELETE", f"{PREFIX}/session", viewer).status_code == 204
    assert it.ask("GET", f"{PREFIX}/session", viewer).status_code == 401


def test_where_two_are_demanded_an_author_proposes_and_another_person_activates(it: Office) -> None:
    author, operator = it.token(Role.AUTHOR), it.token(Role.OPERATOR)
    upload = {"files": {path: text.decode() for path, text in files({"workspace.yaml": TWO_PEOPLE}).items()}}
    first = it.ask("POST", f"{PREFIX}/releases", author, upload).json()
    assert (first["active_on"], first["proposed"]) == (["production"], []), "the release before demanded one"
    upload["files"].pop("policies/pay.cedar")
    second = it.ask("POST", f"{PREFIX}/releases", author, upload).json()
    assert (second["active_on"], [p["by"] for p in second["proposed"]]) == ([], [it.person(Role.AUTHOR)])
    place = f"{PREFIX}/releases/{second['id']}/activate"
    alone = it.ask("POST", place, author, {})
    assert (alone.status_code, alone.json()["code"]) == (409, "release_refused")
    assert it.ask("POST", place, it.token(Role.VIEWER), {}).status_code == 403
    assert it.ask("POST", place, operator, {}).json()["active_on"] == ["production"]
