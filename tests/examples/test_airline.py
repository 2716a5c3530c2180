"""The airline example: its own runs give exactly this report, and 100 recorded runs are judged as its README says."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from remit.cli.backtest import backtest
from remit.control.policy_tests import run_tests
from remit.domain.ids import ReleaseId
from remit.kernel.ruleset import Ruleset
from remit.workspace.files import read_folder
from remit.workspace.reading import Reading, read

ROOT = Path(__file__).resolve().parent.parent.parent
AIRLINE = ROOT / "examples" / "airline"
DESK = AIRLINE / "runs" / "desk.jsonl"

DESK_REPORT = """\
Backtest of airline, release REL, as airline-agent, on desk.jsonl

6 runs, 32 calls
  allow        14    43.8 %
  hold          1     3.1 %
  deny         17    53.1 %
  outcomes: ok 13, error 0, unknown 1, not dispatched 18

By tool                                    calls   allow    hold    deny
  book_reservation                             3       1       0       2
  get_reservation_details                      3       3       0       0
  get_user_details                             3       3       0       0
  search_direct_flight                        16       5       0      11
  send_certificate                             2       0       1       1
  transfer_to_human_agents                     1       0       0       1
  update_reservation_baggages                  2       1       0       1
  update_reservation_flights                   2       1       0       1

By policy and finding                             calls  runs  first
  forbid  booking-one-certificate                   2     1  2, call 3
  forbid  certificate-amount                        1     1  5, call 3
  hold    certificate-facts-confirmed               2     1  5, call 3
  forbid  change-bags-charged-within-total          1     1  6, call 2
  forbid  change-paid-by-card                       1     1  3, call 2
  deny    loop.same_call_same_result               12     1  4, call 4
  deny    stop.stopped                             12     1  4, call 4

Runs that broke a rule: 4
  run 2 (two-certificates), reward 0
    call 3, book_reservation: booking-one-certificate
      policy booking-one-certificate forbids it: Book flight, Payment: each
        reservation can use at most one travel certificate
    call 4, book_reservation: booking-one-certificate
      policy booking-one-certificate forbids it: Book flight, Payment: each
        reservation can use at most one travel certificate
  run 3 (change-by-certificate), reward 1
    call 2, update_reservation_flights: change-paid-by-card
      policy change-paid-by-card forbids it: Modify flight, Payment: one gift
        card or credit card pays for changed flights; a certificate can not
  run 5 (compensation), reward 0
    call 3, send_certificate: certificate-amount
      policy certificate-amount forbids it: Refund: a certificate is $100 or $50
        times the number of passengers, who are at most five
  run 6 (bags)
    call 2, update_reservation_baggages: change-bags-charged-within-total
      policy change-bags-charged-within-total forbids it: Book flight, Checked
        bag allowance: no more bags can be charged than there are

By what they were first denied for          runs
  booking-one-certificate                      1
  change-paid-by-card                          1
  certificate-amount                           1
  change-bags-charged-within-total             1

Runs in which a loop was detected: 1
  run 4 (search-in-circles), reward 0: loop.same_call_same_result at call 3, 12
    calls came after

32 calls decided and recorded in TIME.
"""

EXPLAINED = {(71, 5): "change-paid-by-card"}
"""Denied calls of runs with reward 1, as (run, call): each broke a written rule, and the README says how."""

RULE_BREAKERS = {
    4: [(19, "change-paid-by-card")],
    51: [(6, "booking-one-certificate")],
    59: [(10, "booking-one-certificate"), (12, "booking-one-certificate"), (14, "booking-one-certificate")],
    71: [(5, "change-paid-by-card")],
    74: [(8, "change-paid-by-card")],
}


def airline() -> Reading:
    folder = read_folder(AIRLINE)
    return read(folder.files, folder.name, folder.problems)


def invoked(*arguments: str) -> str:
    done = CliRunner().invoke(backtest, [str(AIRLINE), *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def policies_of(call: Mapping[str, Any]) -> list[str]:
    return [reason["params"]["policy"] for reason in call["reasons"] if "policy" in reason["params"]]


def test_the_workspace_has_no_problem_and_its_tests_pass() -> None:
    reading = airline()
    assert reading.problems == ()
    assert reading.configuration is not None
    tested = run_tests(Ruleset(ReleaseId("rel_airline"), reading.configuration), reading.scenarios)
    assert [(each.scenario.name, each.misses) for each in tested if not each.passed] == []
    assert len(tested) > 40


def test_every_policy_is_in_the_readme_and_has_a_test() -> None:
    written = "".join(path.read_text("utf-8") for path in (AIRLINE / "policies").glob("*.cedar"))
    ids = set(re.findall(r'@id\("(.+?)"\)', written))
    assert len(ids) == 17
    page = (AIRLINE / "README.md").read_text("utf-8")
    assert [id for id in ids if f"`{id}`" not in page] == []
    tested = {id for scenario in airline().scenarios for id in scenario.policies}
    assert ids <= tested


def test_every_denying_policy_quotes_its_place() -> None:
    for path in (AIRLINE / "policies").glob("*.cedar"):
        text = path.read_text("utf-8")
        places = re.findall(r'@reason\("(Book flight|Modify flight|Refund|Domain Basic)', text)
        assert len(places) == text.count("@id("), path.name


@pytest.mark.slow
def test_its_own_runs_give_exactly_this_report() -> None:
    said = invoked("--runs", str(DESK))
    said = re.sub(r"rel_\w{8}", "REL", said)
    said = re.sub(r"in [\d.]+ s, [\d,]+ a second", "in TIME", said)
    assert said == DESK_REPORT
    assert max(map(len, said.splitlines())) <= 80


@pytest.mark.slow
def test_the_json_report_is_complete_and_the_same_each_time() -> None:
    first, second = (json.loads(invoked("--runs", str(DESK), "-o", "json")) for _ in range(2))
    assert first.pop("throughput").keys() == second.pop("throughput").keys() == {"elapsed_ms", "calls_per_s"}
    assert first == second
    assert first["decisions"] == {"allow": 14, "hold": 1, "deny": 17}
    assert sum(first["outcomes"].values()) == sum(tool["calls"] for tool in first["tools"]) == first["calls"]
    permits = {each["policy"]: each["calls"] for each in first["policies"] if each["effect"] == "permit"}
    assert permits["agents/airline-agent#get_user_details"] == 3
    assert [(run["run"], call["call"]) for run in first["held"] for call in run["calls"]] == [(5, 4)]
    assert first["loops"] == [
        {
            "run": 4,
            "title": "search-in-circles",
            "reward": 0.0,
            "call": 3,
            "code": "loop.same_call_same_result",
            "calls_after": 12,
        }
    ]
    (reason,) = first["broken"][1]["calls"][0]["reasons"]
    assert reason["code"] == "policy.forbidden"
    assert reason["words"].startswith("policy change-paid-by-card forbids it: Modify flight, Payment:")


@pytest.fixture(scope="module")
def recorded(shared_dir: Path) -> Mapping[str, Any]:
    """The report on the 100 recorded runs."""
    found: dict[str, Any] = json.loads(
        invoked("--runs", str(shared_dir / "data" / "tau-airline" / "runs.jsonl"), "-o", "json")
    )
    return found


@pytest.mark.slow
def test_all_recorded_calls_are_decided(recorded: Mapping[str, Any]) -> None:
    assert (recorded["runs"], recorded["calls"]) == (100, 572)
    assert recorded["decisions"] == {"allow": 562, "hold": 3, "deny": 7}
    assert recorded["outcomes"] == {"ok": 535, "error": 27, "unknown": 0, "not_dispatched": 10}


@pytest.mark.slow
def test_the_runs_that_broke_a_rule_are_named(recorded: Mapping[str, Any]) -> None:
    found = {
        run["run"]: [(call["call"], policy) for call in run["calls"] for policy in policies_of(call)]
        for run in recorded["broken"]
    }
    assert found == RULE_BREAKERS
    assert recorded["first_denials"] == {"change-paid-by-card": 3, "booking-one-certificate": 2}


@pytest.mark.slow
def test_no_run_that_ended_well_is_denied_without_a_written_rule(recorded: Mapping[str, Any]) -> None:
    denied = {
        (run["run"], call["call"]): policy
        for run in recorded["broken"]
        if run["reward"] == 1
        for call in run["calls"]
        for policy in policies_of(call)
    }
    assert denied == EXPLAINED
    # Every denial is in the list of broken runs: none comes from a loop or a stop.
    assert sum(len(run["calls"]) for run in recorded["broken"]) == recorded["decisions"]["deny"]
    assert [run for run in recorded["loops"] if run["reward"] == 1] == []


@pytest.mark.slow
def test_certificates_wait_for_a_person(recorded: Mapping[str, Any]) -> None:
    held = [
        (run["run"], call["call"], call["tool"], policies_of(call)[0])
        for run in recorded["held"]
        for call in run["calls"]
    ]
    assert held == [
        (38, 6, "send_certificate", "certificate-facts-confirmed"),
        (46, 4, "send_certificate", "certificate-facts-confirmed"),
        (97, 4, "send_certificate", "certificate-facts-confirmed"),
    ]


def test_the_schemas_are_the_published_ones_or_narrower(shared_dir: Path) -> None:
    """Every published argument is there with its type; the README says what differs otherwise."""
    published = json.loads((shared_dir / "data" / "tau-airline" / "tools.json").read_text("utf-8"))
    configuration = airline().configuration
    assert configuration is not None
    ours = {str(name): tool.input_schema for name, tool in configuration.tools.items()}
    assert set(ours) == {tool["name"] for tool in published}
    for tool in published:
        schema: Any = ours[tool["name"]]
        assert sorted(schema["required"]) == sorted(tool["parameters"]["required"])
        types = {name: part["type"] for name, part in schema["properties"].items()}
        assert types == {name: part["type"] for name, part in tool["parameters"]["properties"].items()}
