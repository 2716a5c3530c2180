"""Gulf Trading: what the example promises, over the real gateways, with the company's own database as the witness."""

import asyncio
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from remit.control.policy_tests import run_tests
from remit.domain.facts import ApprovalState
from remit.domain.finding import Check, Verdict
from remit.domain.ids import ReleaseId
from remit.domain.record import RecordKind
from remit.kernel.ruleset import Ruleset
from remit.workspace.files import read_folder
from remit.workspace.reading import read
from tests.examples.gulf import EXAMPLE, ROOT, House, Switch, part, perform, written

MICROS_PER_CENT = 10_000
WIDTH = 80

agents, company, endpoints, orchestrator, scenarios, scripted_model, tasks, tool_server, vendor = map(
    part, "agents company endpoints orchestrator scenarios scripted_model tasks tool_server vendor".split()
)
office_of = part("office")
SERVED = pytest.mark.xdist_group("gulf-trading")
"""Of tests of one office: it is opened once."""


@pytest.fixture(scope="module")
def open_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    switch = Switch()
    with office_of.opened(tmp_path_factory.mktemp("gulf"), office_of.free(0), switch) as office:
        yield House(office, switch)


@pytest.fixture
def house(open_house: House) -> House:
    open_house.switch.model = scripted_model.ScriptedModel()
    return open_house


def plain(words: str = "Done.", *calls: tuple[str, str]) -> dict[str, Any]:
    """A completion as OpenAI sends it; `calls` are names and the text of the arguments."""
    wanted = [
        {"id": f"c{n}", "type": "function", "function": {"name": name, "arguments": text}}
        for n, (name, text) in enumerate(calls)
    ]
    message = {"role": "assistant", "content": words} | ({"tool_calls": wanted} if wanted else {})
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if wanted else "stop"}
    usage = {"prompt_tokens": 900, "completion_tokens": 40, "total_tokens": 940}
    return {"id": "chatcmpl-1", "object": "chat.completion", "model": "x", "choices": [choice], "usage": usage}


@dataclass
class Listed:
    """A model that says what the test has written down for it, and remembers what it was shown."""

    answers: list[dict[str, Any]]
    shown: list[Sequence[Any]] = field(default_factory=list)
    tools: list[str] = field(default_factory=list)

    def complete(self, messages: Sequence[Any], tools: Sequence[Any], max_output_tokens: int) -> Any:
        self.shown.append(messages)
        self.tools = [tool["function"]["name"] for tool in tools]
        return self.answers.pop(0)


def configuration() -> Any:
    return part("workspace").configuration_of(EXAMPLE)


# --- the workspace ---


def test_the_workspace_has_no_mistakes_and_its_own_tests_pass() -> None:
    folder = read_folder(EXAMPLE)
    reading = read(folder.files, folder.name, folder.problems)
    assert [str(problem) for problem in reading.problems] == []
    assert reading.configuration is not None
    tested = run_tests(Ruleset(ReleaseId("rel_test"), reading.configuration), reading.scenarios)
    assert len(tested) >= 16
    assert {each.scenario.name: each.misses for each in tested if not each.passed} == {}


def test_every_tool_of_the_company_is_served_and_in_the_workspace_and_the_other_way_round(tmp_path: Path) -> None:
    with company.Company(tmp_path / "company-x.db") as systems:
        listed = asyncio.run(tool_server.server_of(systems).list_tools())
        assert set(systems.tools) == {tool.name for tool in listed} == set(configuration().tools)


@pytest.mark.slow
def test_what_the_tool_server_offers_is_what_was_accepted(tmp_path: Path) -> None:
    """As a person would look: nothing is new, changed or gone."""
    checked = perform(
        *("-c", "from remit.cli.main import main; main()", "tools", "import", "company", "--check"),
        *("--dir", str(EXAMPLE)),
        folder=tmp_path,
        GULF_CODE=str(EXAMPLE),
        GULF_DATABASE=str(tmp_path / "company.db"),
        GULF_FEED=tool_server.STILL,
        PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    )
    assert (checked.returncode, checked.stderr) == (0, "")
    assert checked.stdout.endswith("company: 16 accepted.\n")


# --- scenario one: the night ---


def test_without_remit_the_night_takes_thousands_of_calls(tmp_path: Path) -> None:
    with company.Company(tmp_path / "company-bare.db") as systems:
        model = scripted_model.ScriptedModel()
        bare = scenarios.ungoverned(configuration(), systems, model, tasks.RENEWAL)
        effects = systems.effects()
        status = systems.get_order("PO-48213")["status"]
    assert not bare.ending.finished
    assert bare.meter.seconds >= 8 * 3_600
    assert bare.meter.calls.total() > 8_000
    assert bare.meter.micros > 500 * MICROS_PER_CENT
    # Really carried out: the company's database has a row for every attempt, and none of them came to anything.
    assert effects["reconciliations"] == bare.meter.calls["erp.reconcile"] > 1_000
    assert status == "renewal due"


@SERVED
@pytest.mark.slow
def test_with_remit_it_is_stopped_after_a_few_cents_whatever_the_prices_do(house: House) -> None:
    for _ in range(2):  # the feed goes on, so the prices are others each time
        worked, effects = house.work("renewal")
        assert not worked.ending.finished
        assert worked.meter.calls.total() < 40
        assert worked.meter.micros < 5 * MICROS_PER_CENT
        assert effects == {"reconciliations": worked.meter.calls["erp.reconcile"]}
        last = house.decisions(worked.run)[-1]
        assert last.verdict is Verdict.DENY
        assert {finding.code.check for finding in last.reasons} == {Check.STOP, Check.LOOP}
        assert "the run repeats the same cycle of calls" in worked.ending.words


@SERVED
@pytest.mark.slow
def test_what_was_carried_out_is_what_is_on_record_and_what_it_cost(house: House) -> None:
    """What the agent's own clients were answered is what Remit counted, at both doors and in one run."""
    worked, _ = house.work("renewal")
    done = worked.meter.calls.total()
    decided = house.decided(worked.run)
    allowed = [each for each in decided if each["decision"]["verdict"] == "allow"]
    assert len(allowed) == len(house.records(worked.run, RecordKind.OUTCOME_REPORTED)) == done
    assert {each["target"] for each in allowed} > {"openai/gpt-5-mini", "vendor.quote", "erp.reconcile"}
    assert house.spent(worked.run, "procurement-run") == worked.meter.micros
    assert {each["assurance"] for each in decided} == {"enforced"}
    assert {each["on_behalf_of"] for each in decided} == {"user:layla.haddad"}


@pytest.mark.slow
def test_a_price_that_holds_still_is_booked_with_remit_as_without(tmp_path: Path) -> None:
    with office_of.opened(tmp_path, office_of.free(0), feed=tool_server.STILL) as office:
        house = House(office, Switch())
        worked, effects = house.work("renewal")
    assert (worked.ending.finished, worked.ending.words) == (True, "PO-48213 is renewed.")
    assert effects == {"reconciliations": 1}
    assert house.refused() == {}
    with company.Company(tmp_path / "bare.db", feed=vendor.VendorFeed(0, drift_fils=0)) as systems:
        bare = scenarios.ungoverned(configuration(), systems, scripted_model.ScriptedModel(), tasks.RENEWAL)
    assert bare.ending == worked.ending
    assert bare.meter.calls == worked.meter.calls


# --- scenario two: the complaints ---


@SERVED
@pytest.mark.slow
def test_an_adjustment_is_denied_with_the_reason_and_a_large_refund_is_held(house: House) -> None:
    """Nobody sits at this agent: it is told that the refund waits, and goes on without it."""
    worked, effects = house.work("credit")
    refused = house.refused()
    assert set(refused) == {"billing.adjust_account", "billing.refund"}
    denied, held = refused["billing.adjust_account"], refused["billing.refund"]
    assert denied.verdict == "denied"
    assert "billing.adjust_account is not in the remit of customer-care" in denied.reasons
    assert held.verdict == "held"
    (asked,) = [each for each in house.decisions(worked.run) if each.verdict is Verdict.HOLD]
    assert asked.approvers == ("finance-approvers",)
    assert "refund-over-500" in asked.policies
    # The agent went on without either, and the company's books show neither.
    assert worked.ending.finished
    assert effects == {"notes": 1, "mails": 1}
    # Its run has ended, and nobody can answer any more.
    assert house.approval(held.approval).state is ApprovalState.VOIDED


@SERVED
@pytest.mark.slow
def test_a_small_refund_is_paid_as_it_is_without_remit(house: House, tmp_path: Path) -> None:
    worked, effects = house.work("discount")
    assert house.refused() == {}
    assert effects == {"refunds": 1, "notes": 1, "mails": 1}
    with company.Company(tmp_path / "bare.db") as systems:
        bare = scenarios.ungoverned(configuration(), systems, scripted_model.ScriptedModel(), tasks.DISCOUNT)
    assert bare.ending == worked.ending
    assert bare.meter.calls == worked.meter.calls


@SERVED
@pytest.mark.slow
def test_the_person_named_can_answer_with_the_command_shown_and_the_owner_can_not(house: House) -> None:
    """The agent's client has opened an address for a person; the same call then goes through, once."""
    said = []

    def answers(told: Any) -> None:
        if told.verdict == "held":
            for person in ("user:omar.rashid", "user:priya.nair"):
                try:
                    digits = told.digest[:12]
                    house.office.remit("approvals", "approve", told.approval, "--digest", digits, user=person)
                    said.append(person)
                except office_of.OfficeFailed:
                    continue

    worked, effects = house.work("credit", answers, patience_s=60)
    assert said == ["user:priya.nair"]
    assert worked.ending.finished
    assert effects == {"refunds": 1, "notes": 1, "mails": 1}
    verdicts = [told.verdict for told in house.seen if told.tool == "billing.refund"]
    assert verdicts == ["held", "allowed"]
    assert house.approval(house.refused()["billing.refund"].approval).state is ApprovalState.USED


@SERVED
@pytest.mark.slow
def test_a_frozen_agent_gets_no_answer_until_it_is_let_go(house: House) -> None:
    house.office.remit("freeze", "agent:customer-care", "-m", "let me look", user="user:yousef.karim")
    frozen, nothing = house.work("discount")
    house.office.remit("unfreeze", "agent:customer-care", "-m", "all is well", user="user:yousef.karim")
    assert (frozen.ending.finished, nothing, frozen.meter.calls.total()) == (False, {}, 0)
    assert frozen.ending.words == "the agent was frozen by user:yousef.karim: let me look"
    assert house.work("discount")[0].ending.finished


# --- the agent ---


def test_an_agent_imports_nothing_of_remit(tmp_path: Path) -> None:
    code = "import sys, work; print([name for name in sys.modules if name.partition('.')[0] == 'remit'])"
    done = perform("-c", f"import sys; sys.path.insert(0, {str(EXAMPLE)!r}); {code}", folder=tmp_path)
    assert (done.stdout, done.stderr) == ("[]\n", "")


@SERVED
@pytest.mark.slow
def test_an_agent_holds_a_token_of_its_run_and_no_other_credential(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-somebody")
    monkeypatch.setenv("REMIT_DATABASE_URL", "sqlite:///elsewhere.db")
    found: list[dict[str, str]] = []
    worked, _ = house.work("discount", lambda _: found.append(environment_of("work.py")))
    names = {name for name in found[0] if name.startswith(("OPENAI_", "MCP_", "REMIT_", "GULF_"))}
    assert names == {"OPENAI_BASE_URL", "OPENAI_API_KEY", "MCP_URL", "MCP_KEY"}
    assert "sk-of-somebody" not in found[0].values()
    assert house.office.endpoint.key not in found[0].values()
    # The token is good for nothing any more once the run has ended.
    used = orchestrator.Orchestrator(house.office.url, found[0]["MCP_KEY"])
    with pytest.raises(orchestrator.NotAnswered, match=r"run_token|not_valid"):
        used.start(tasks.DISCOUNT)
    assert worked.run


def environment_of(script: str) -> dict[str, str]:
    """The environment of a process that this thread has started."""
    children = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text("utf-8").split()
    (pid,) = [pid for pid in children if script.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()]
    pairs = Path(f"/proc/{pid}/environ").read_text("utf-8").split("\0")
    return dict(pair.partition("=")[::2] for pair in pairs if pair)


@SERVED
@pytest.mark.slow
def test_a_broken_call_is_told_to_the_model_and_dispatches_nothing(house: House) -> None:
    broken = [("crm_get_complaint", "{"), ("crm_get_complaint", "[1]"), ("crm_get_complaint", '{"complaint": 7}')]
    unknown = [("crm_drop_everything", "{}"), ("crm_get_complaint", '{"complaint": "CMP-9999"}')]
    model = house.switch.model = Listed([plain("", *broken, *unknown), plain("I give up.")])
    worked, effects = house.work("discount")
    told = [json.loads(message["content"])["error"] for message in model.shown[1] if message["role"] == "tool"]
    assert worked.ending.words == "I give up."
    assert effects == {}
    assert [each.verdict for each in house.seen] == ["denied", "denied", "allowed"]
    assert told[4] == "Error executing tool crm.get_complaint: there is no CMP-9999"
    assert "crm_drop_everything was denied" in told[3]
    # The model is shown what the gateway lists: what is granted, and nothing else of the company.
    assert "billing_refund" in model.tools
    assert "billing_adjust_account" not in model.tools
    assert not any(name.startswith(("erp_", "vendor_")) for name in model.tools)


@SERVED
@pytest.mark.slow
def test_a_model_that_fails_ends_the_work_with_its_reason(house: House) -> None:
    house.switch.model = Listed([])
    worked, effects = house.work("discount")
    assert (worked.ending.finished, effects) == (False, {})
    assert "the endpoint of openai/gpt-5-mini refuses the request" in worked.ending.words
    (ended,) = house.records(worked.run, RecordKind.RUN_ENDED)
    assert ended["status"] == "stopped"


def test_without_a_gateway_the_model_sees_every_tool_of_its_systems() -> None:
    names = [tool["function"]["name"] for tool in scenarios.offered(configuration(), ("billing",))]
    assert names == ["billing_adjust_account", "billing_get_invoice", "billing_refund"]


def test_a_conversation_keeps_the_task_and_the_last_turns() -> None:
    conversation = agents.Conversation("the task")
    for turn in range(9):
        conversation.add([{"role": "assistant", "content": str(turn)}])
    assert [message["content"] for message in conversation.messages()][1:] == ["the task", "5", "6", "7", "8"]


# --- where the model is ---


def asked(endpoint: Any, key: str, **fields: Any) -> tuple[int, Any]:
    messages = agents.Conversation(tasks.DISCOUNT.text).messages()
    body = {"model": "x", "messages": messages, **fields}
    connection = http.client.HTTPConnection(endpoint.url.split("/")[2], timeout=10)
    headers = {"authorization": f"Bearer {key}"}
    connection.request("POST", "/v1/chat/completions", json.dumps(body | {"max_completion_tokens": 9}), headers)
    answer = connection.getresponse()
    found = answer.status, json.loads(answer.read())
    connection.close()
    return found


def test_the_script_is_an_endpoint_that_only_its_key_opens() -> None:
    with endpoints.served(scripted_model.ScriptedModel()) as endpoint:
        assert asked(endpoint, "sk-wrong")[0] == 401
        assert asked(endpoint, endpoint.key, stream=True)[0] == 400
        status, said = asked(endpoint, endpoint.key)
    assert status == 200
    assert said["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "crm_get_complaint"


def test_a_real_model_is_where_the_environment_says_and_its_key_is_the_servers(tmp_path: Path) -> None:
    environment = {"REMIT_DEMO_MODEL": "openai/gpt-5-mini", "OPENAI_API_KEY": "sk-real", "OPENAI_BASE_URL": ""}
    endpoint = endpoints.configured(environment)
    assert (endpoint.url, endpoint.upstream, endpoint.is_real) == (endpoints.OPENAI, "gpt-5-mini", True)
    copied = part("workspace").copied(tmp_path, endpoint)
    (model,) = part("workspace").configuration_of(copied).models.values()
    assert (model.routes[0].url, model.routes[0].credential) == (endpoints.OPENAI, "env:GULF_MODEL_KEY")
    assert not [path for path in copied.rglob("*") if path.is_file() and "sk-real" in path.read_text("utf-8")]


def test_a_key_alone_does_not_spend_money() -> None:
    assert endpoints.configured({"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "http://localhost"}) is None


def test_a_model_that_is_named_wrongly_is_said_so() -> None:
    with pytest.raises(endpoints.ModelFailed, match="OPENAI_BASE_URL is 'file:///etc/passwd'"):
        endpoints.configured({"REMIT_DEMO_MODEL": "openai/x", "OPENAI_BASE_URL": "file:///etc/passwd"})
    with pytest.raises(endpoints.ModelFailed, match="REMIT_DEMO_MODEL is 'gpt-5-mini': write provider/model"):
        endpoints.configured({"REMIT_DEMO_MODEL": "gpt-5-mini"})


# --- the performance ---


DEMO = ("-c", "from remit.cli.main import main; main()", "demo")


@pytest.mark.slow
def test_the_demo_plays_the_company_against_a_server_and_then_the_airline(tmp_path: Path) -> None:
    """Fits 80 columns, plain when piped; what lies in the folder besides stays."""
    kept, left = tmp_path / ".remit/demo/notes.txt", tmp_path / ".remit/demo/remit.db"
    kept.parent.mkdir(parents=True)
    kept.write_text("mine", "utf-8")
    left.write_text("of an earlier play", "utf-8")
    played = perform(*DEMO, "--port", str(office_of.free(0)), folder=tmp_path, REMIT_SHARED_DIR=str(tmp_path))
    assert (played.returncode, played.stderr) == (0, "")
    assert kept.read_text("utf-8") == "mine"
    night, airline = played.stdout.index("without Remit"), played.stdout.index("runs of an airline agent, of our own")
    assert night < airline
    lines = played.stdout[:airline].splitlines()
    assert "\x1b" not in played.stdout
    assert len(lines) < 125
    too_wide = [line for line in lines if len(line) > WIDTH]
    are_commands = all(line.lstrip().startswith(("remit", "REMIT_USER=")) for line in too_wide)
    assert are_commands, "to be copied, and what verify writes"
    flowing = " ".join(played.stdout.split())
    made, enforced = re.findall(r"(\d+) of them decisions, (\d+) of these with the assurance `enforced`", flowing)[0]
    assert made == enforced
    assert f"{made} of {made} came out the same" in flowing
    assert "the agent was frozen by user:yousef.karim" in played.stdout
    assert "OK: nothing was changed" in played.stdout
    done = written(kept.parent / "company.db")
    tries = done.pop("reconciliations")
    assert 1 < tries < 10, "the loop that was stopped"
    # The refund a person approved, and the one that needs nobody; nothing while frozen, and no adjustment ever. One
    # contract, whose buyer was told, though the worker was killed in the middle.
    assert done == {"refunds": 2, "notes": 2, "mails": 3, "contracts": 1}


@pytest.mark.slow
def test_the_agents_of_an_open_office_wait_for_people_and_ctrl_c_closes_it(tmp_path: Path) -> None:
    """With the server gone nobody listens there any more."""
    port = office_of.free(0)
    command = [sys.executable, str(EXAMPLE / "play.py"), "--stay", "--folder", str(tmp_path), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as played:
        assert played.stdout is not None
        alarm = threading.Timer(90, played.kill)  # else a silent office would hold up everything
        alarm.start()
        try:
            for line in played.stdout:
                if "remit approvals approve apr_" in line:
                    approval, _, digits = line.split()[-3:]
                    answer_as_priya(tmp_path, approval, digits)
                if "allowed  billing.refund          AED 700" in line:
                    played.send_signal(signal.SIGINT)
            assert played.wait(30) == 130
        finally:
            alarm.cancel()
            played.kill()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 5)


def answer_as_priya(folder: Path, approval: str, digits: str) -> None:
    answered = perform(
        "-c",
        "from remit.cli.main import main; main()",
        *("approvals", "approve", approval, "--digest", digits),
        folder=folder,
        REMIT_DATABASE_URL=f"sqlite:///{folder / 'remit.db'}",
        REMIT_USER="user:priya.nair",
    )
    assert answered.returncode == 0, answered.stderr


def test_a_play_that_can_not_begin_says_why_in_one_line(tmp_path: Path) -> None:
    played = perform(str(EXAMPLE / "play.py"), folder=tmp_path, REMIT_DEMO_MODEL="local/llama")
    assert played.returncode == 2
    assert played.stderr == "Error: workspace.yaml has no price for local/llama: add one under `prices`\n"


def test_an_agent_whose_server_is_gone_says_so_in_one_line(tmp_path: Path) -> None:
    address = f"http://127.0.0.1:{office_of.free(0)}"
    worked = perform(
        *(str(EXAMPLE / "work.py"), "discount"),
        folder=tmp_path,
        OPENAI_BASE_URL=f"{address}/openai/v1",
        OPENAI_API_KEY="x",
        MCP_URL=f"{address}/mcp",
        MCP_KEY="x",
    )
    assert (worked.returncode, worked.stdout) == (2, "")
    assert worked.stderr.startswith("Error: ")
    assert address in worked.stderr
    assert len(worked.stderr.splitlines()) == 1


def test_the_demo_takes_the_hundred_recorded_runs_where_they_are(
    shared_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from remit.cli import demo

    monkeypatch.setenv("REMIT_SHARED_DIR", str(shared_dir))
    demo._airline(ROOT)
    assert "100 recorded runs of a real airline agent pass through the same path" in capsys.readouterr().out


def test_the_demo_of_an_installed_package_says_where_the_examples_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from remit.cli import demo
    from remit.cli.main import run

    monkeypatch.setattr(demo, "__file__", str(tmp_path / "site-packages/remit/cli/demo.py"))
    assert run(["demo"]) == 2
    assert "the examples come with the repository" in capsys.readouterr().err
