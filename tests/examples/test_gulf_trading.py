"""Gulf Trading: what the example promises, on a real store, with the company's own database as the witness."""

import importlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import StreamRequestHandler, TCPServer
from types import ModuleType
from typing import Any

import orjson
import pytest

import remit
from remit.compose import open_parts
from remit.control.policy_tests import run_tests
from remit.domain.clock import ManualClock, SystemClock
from remit.domain.decision import Decision
from remit.domain.facts import ApprovalState, ScopeKind, scope_id
from remit.domain.finding import Check, Code, Verdict
from remit.domain.ids import ReleaseId
from remit.domain.record import RecordKind
from remit.kernel.ruleset import Ruleset
from remit.sdk.errors import Denied, Held, NotAdmitted, RemitError
from remit.settings import Settings
from remit.workspace.files import read_folder
from remit.workspace.reading import read

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples/gulf-trading"
MICROS_PER_CENT = 10_000
WIDTH = 80


def part(name: str) -> ModuleType:
    """A module of the example, whose folder has no name that Python could import."""
    if str(EXAMPLE) not in sys.path:
        sys.path.append(str(EXAMPLE))
    return importlib.import_module(f"gulf_trading.{name}")


agents, company, desks, ledger, openai_model, scenarios, scripted_model, vendor = map(
    part, "agents company desks ledger openai_model scenarios scripted_model vendor".split()
)
office_of = part("office")


@dataclass
class Office:
    """The workspace applied to a database of its own, and the company beside it."""

    folder: Path
    configuration: Any
    clock: ManualClock | SystemClock
    seen: list[tuple[str, RemitError | None]] = field(default_factory=list)
    person: Callable[[Held], bool] | None = None

    @property
    def url(self) -> str:
        return f"sqlite:///{self.folder / 'remit.db'}"

    def work(self, task: Any, model: Any = None, seed: int = 0) -> tuple[Any, dict[str, int]]:
        """Work on a task under Remit; returns what came of it and the rows that were written in the company."""
        if isinstance(self.clock, ManualClock):
            self.clock.advance(600)
        path = self.folder / f"company-{len(list(self.folder.glob('company-*')))}.db"
        with (
            company.Company(path, seed=seed) as systems,
            remit.connect(self.url, clock=self.clock) as client,
        ):
            reasoning = model or scripted_model.ScriptedModel()
            worked = scenarios.governed(client, self.configuration, systems, reasoning, task, self.watch)
            return worked, {table: rows for table, rows in systems.effects().items() if rows}

    def watch(self, tool: str, arguments: object, error: RemitError | None) -> bool:
        self.seen.append((tool, error))
        return isinstance(error, Held) and self.person is not None and self.person(error)

    def refused(self) -> dict[str, NotAdmitted]:
        return {tool: error for tool, error in self.seen if isinstance(error, NotAdmitted)}

    def decisions(self, run: str) -> list[Decision]:
        return [Decision.from_json(record["decision"]) for record in self.records(run, RecordKind.DECISION_MADE)]

    def records(self, run: str, kind: RecordKind) -> list[dict[str, Any]]:
        with opened(self.url) as parts:
            found = parts.store.records(self.configuration.settings.name, limit=10_000, run=run, kind=kind.value)
            return [orjson.loads(body) for _, body in found]

    def spent(self, run: str, budget: str) -> int:
        with opened(self.url) as parts:
            scope = parts.store.scope(scope_id(ScopeKind.RUN, self.configuration.settings.name, run))
        used: int = scope.spends[budget].used
        return used


@contextmanager
def opened(url: str) -> Iterator[Any]:
    parts = open_parts(Settings(database_url=url))
    yield parts
    parts.close()


@pytest.fixture
def office(tmp_path: Path) -> Office:
    plan = ledger.apply(f"sqlite:///{tmp_path / 'remit.db'}", EXAMPLE)
    return Office(tmp_path, plan.configuration, ManualClock(start=SystemClock().now()))


def plain(words: str = "Done.", *calls: tuple[str, str]) -> dict[str, Any]:
    """A completion as OpenAI sends it; `calls` are names and the text of the arguments."""
    wanted = [{"id": f"c{n}", "function": {"name": name, "arguments": text}} for n, (name, text) in enumerate(calls)]
    message = {"role": "assistant", "content": words} | ({"tool_calls": wanted} if wanted else {})
    return {"choices": [{"message": message}], "usage": {"prompt_tokens": 900, "completion_tokens": 40}}


@dataclass
class Listed:
    """A model that says what the test has written down for it, and remembers what it was shown."""

    answers: list[dict[str, Any]]
    name: str = "openai/gpt-5-mini"
    shown: list[Sequence[Any]] = field(default_factory=list)

    def complete(self, messages: Sequence[Any], tools: Sequence[Any], max_output_tokens: int) -> Any:
        self.shown.append(messages)
        return self.answers.pop(0)


# --- the workspace ---


def test_the_workspace_has_no_mistakes_and_its_own_tests_pass() -> None:
    folder = read_folder(EXAMPLE)
    reading = read(folder.files, folder.name, folder.problems)
    assert [str(problem) for problem in reading.problems] == []
    assert reading.configuration is not None
    tested = run_tests(Ruleset(ReleaseId("rel_test"), reading.configuration), reading.scenarios)
    assert len(tested) >= 16
    assert {each.scenario.name: each.misses for each in tested if not each.passed} == {}


def test_every_tool_of_the_company_is_in_the_workspace_and_the_other_way_round(office: Office) -> None:
    with company.Company(office.folder / "company-x.db") as systems:
        assert set(systems.tools) == set(office.configuration.tools)


# --- scenario one: the night ---


def test_without_remit_the_night_takes_thousands_of_calls(office: Office) -> None:
    with company.Company(office.folder / "company-bare.db") as systems:
        model = scripted_model.ScriptedModel()
        bare = scenarios.ungoverned(office.configuration, systems, model, scenarios.RENEWAL)
        effects = systems.effects()
        status = systems.get_order("PO-48213")["status"]
    assert not bare.ending.finished
    assert bare.meter.seconds >= 8 * 3_600
    assert bare.meter.calls.total() > 8_000
    assert bare.meter.micros > 500 * MICROS_PER_CENT
    # Really carried out: the company's database has a row for every attempt, and none of them came to anything.
    assert effects["reconciliations"] == bare.meter.calls["erp.reconcile"] > 1_000
    assert status == "renewal due"


def test_with_remit_it_is_stopped_after_a_few_cents_whatever_the_prices_do(office: Office) -> None:
    for seed in range(5):
        worked, effects = office.work(scenarios.RENEWAL, seed=seed)
        assert not worked.ending.finished
        assert worked.meter.calls.total() < 40
        assert worked.meter.micros < 5 * MICROS_PER_CENT
        assert effects == {"reconciliations": worked.meter.calls["erp.reconcile"]}
        last = office.decisions(worked.run)[-1]
        assert last.verdict is Verdict.DENY
        assert {finding.code.check for finding in last.reasons} == {Check.STOP, Check.LOOP}


def test_what_was_carried_out_is_what_is_on_record_and_what_it_cost(office: Office) -> None:
    worked, _ = office.work(scenarios.RENEWAL)
    verdicts = [decision.verdict for decision in office.decisions(worked.run)]
    done = worked.meter.calls.total()
    assert verdicts == [Verdict.ALLOW] * done + [Verdict.DENY]
    assert len(office.records(worked.run, RecordKind.OUTCOME_REPORTED)) == done
    assert office.spent(worked.run, "procurement-run") == worked.meter.micros


def test_a_price_that_holds_still_is_booked_with_remit_as_without(office: Office, monkeypatch: Any) -> None:
    monkeypatch.setattr(vendor.VendorFeed, "price_fils", lambda _, sku: vendor.BASE_FILS[sku])
    worked, effects = office.work(scenarios.RENEWAL)
    assert (worked.ending.finished, worked.ending.words) == (True, "PO-48213 is renewed.")
    assert effects == {"reconciliations": 1}
    assert office.refused() == {}


# --- scenario two: the complaints ---


def test_an_adjustment_is_denied_with_the_reason_and_a_large_refund_is_held(office: Office) -> None:
    worked, effects = office.work(scenarios.CREDIT)
    refused = office.refused()
    assert set(refused) == {"billing.adjust_account", "billing.refund"}
    denied, held = refused["billing.adjust_account"], refused["billing.refund"]
    assert isinstance(denied, Denied)
    assert Code.TOOL_NOT_GRANTED in {finding.code for finding in denied.reasons}
    assert "billing.adjust_account is not in the remit of customer-care" in str(denied)
    assert isinstance(held, Held)
    assert held.admission.decision.approvers == ("finance-approvers",)
    assert "refund-over-500" in held.admission.decision.policies
    # The agent went on without either, and the company's books show neither.
    assert worked.ending.finished
    assert effects == {"notes": 1, "mails": 1}


def test_a_small_refund_is_paid(office: Office) -> None:
    worked, effects = office.work(scenarios.DISCOUNT)
    assert office.refused() == {}
    assert effects == {"refunds": 1, "notes": 1, "mails": 1}
    assert worked.meter.calls["billing.refund"] == 1


def test_the_person_named_can_answer_with_the_command_shown_and_the_owner_can_not(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    from remit.cli.main import run

    monkeypatch.setenv("REMIT_DATABASE_URL", office.url)
    codes = []

    def answers(held: Held) -> bool:
        for person in ("user:omar.rashid", "user:priya.nair"):
            monkeypatch.setenv("REMIT_USER", person)
            codes.append(run(["approvals", "approve", held.approval, "--digest", held.digest[:12]]))
        return True

    office.clock = SystemClock()  # the command line has no other
    office.person = answers
    _, effects = office.work(scenarios.CREDIT)
    held = office.refused()["billing.refund"]
    assert isinstance(held, Held)
    assert codes == [2, 0]
    assert effects["refunds"] == 1
    with opened(office.url) as parts:
        assert parts.store.approval(held.approval).state is ApprovalState.USED


def test_an_approval_is_void_once_its_run_has_ended(office: Office) -> None:
    office.work(scenarios.CREDIT)
    held = office.refused()["billing.refund"]
    assert isinstance(held, Held)
    with opened(office.url) as parts:
        assert parts.store.approval(held.approval).state is ApprovalState.VOIDED


# --- the agent ---


def test_a_broken_call_is_told_to_the_model_and_dispatches_nothing(office: Office) -> None:
    broken = [("crm__get_complaint", "{"), ("crm__get_complaint", "[1]"), ("crm__get_complaint", '{"complaint": 7}')]
    unknown = [("crm__drop_everything", "{}"), ("crm__get_complaint", '{"complaint": "CMP-9999"}')]
    model = Listed([plain("", *broken, *unknown), plain("I give up.")])
    worked, effects = office.work(scenarios.DISCOUNT, model)
    told = [json.loads(message["content"]) for message in model.shown[1] if message["role"] == "tool"]
    assert worked.ending.words == "I give up."
    assert effects == {}
    assert worked.meter.calls == {"model": 2, "crm.get_complaint": 1}
    assert [sorted(each) for each in told] == [["error"], ["error"], ["denied"], ["denied"], ["error"]]
    assert told[4] == {"error": "there is no CMP-9999"}


def test_the_model_sees_every_tool_of_its_servers_granted_or_not(office: Office) -> None:
    names = [tool["function"]["name"] for tool in scenarios.offered(office.configuration, ("billing",))]
    assert names == ["billing__adjust_account", "billing__get_invoice", "billing__refund"]


def test_a_conversation_keeps_the_task_and_the_last_turns() -> None:
    conversation = agents.Conversation("the task")
    for turn in range(9):
        conversation.add([{"role": "assistant", "content": str(turn)}])
    assert [message["content"] for message in conversation.messages()][1:] == ["the task", "5", "6", "7", "8"]


def test_a_model_without_a_price_is_refused_before_anything_is_asked(office: Office) -> None:
    with pytest.raises(LookupError, match="no price for local/llama: add one under `prices`"):
        office.work(scenarios.DISCOUNT, Listed([], name="local/llama"))


# --- a real model's wire, played by a server of the test ---


@contextmanager
def endpoint(answer: Callable[[dict[str, Any]], tuple[int, bytes]]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """An OpenAI-compatible endpoint on this machine; yields its address and what it is asked."""
    asked: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            asked.append({"path": self.path, "key": self.headers["authorization"], **body})
            status, raw = answer(body)
            self.send_response(status)
            self.send_header("content-length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1", asked
        finally:
            server.shutdown()
            thread.join()


def test_an_agent_works_over_the_wire_as_it_does_in_the_process(office: Office) -> None:
    script = scripted_model.ScriptedModel()

    def answer(body: dict[str, Any]) -> tuple[int, bytes]:
        return 200, json.dumps(script.complete(body["messages"], body["tools"], 2_000)).encode()

    with endpoint(answer) as (url, asked):
        model = openai_model.OpenAiModel("openai/gpt-5-mini", url, "key-of-the-test")
        worked, effects = office.work(scenarios.DISCOUNT, model)
    assert worked.ending.finished
    assert effects == {"refunds": 1, "notes": 1, "mails": 1}
    assert len(asked) == worked.meter.calls["model"] == 6
    assert {(each["path"], each["key"], each["model"]) for each in asked} == {
        ("/v1/chat/completions", "Bearer key-of-the-test", "gpt-5-mini")
    }
    assert all("." not in tool["function"]["name"] for tool in asked[0]["tools"])


MALFORMED = {
    b"": "no JSON",
    b"<html>busy</html>": "no JSON",
    b"[" * 100_000: "no JSON",
    b"[]": "no choices",
    b'{"choices": []}': "no choices",
    b'{"choices": [{"message": "hello"}]}': "no choices",
    b'{"choices": [{"message": {"tool_calls": {"id": "c"}}}]}': "tool call without",
    b'{"choices": [{"message": {"tool_calls": [{"id": "c"}]}}]}': "tool call without",
    b'{"choices": [{"message": {"content": "hi"}}]}': "does not say its usage",
    b'{"choices": [{"message": {}}], "usage": {"prompt_tokens": true, "completion_tokens": -1}}': "its usage",
}


@pytest.mark.parametrize("raw", MALFORMED, ids=range(len(MALFORMED)))
def test_a_malformed_answer_is_refused_by_name(raw: bytes) -> None:
    with endpoint(lambda _: (200, raw)) as (url, _):
        model = openai_model.OpenAiModel("openai/gpt-5-mini", url, "")
        with pytest.raises(desks.ModelFailed, match=MALFORMED[raw]):
            model.complete([], [], 10)


def test_a_refusal_says_what_the_endpoint_said() -> None:
    with endpoint(lambda _: (429, b'{"error": "slow\\n  down"}')) as (url, _):
        model = openai_model.OpenAiModel("openai/gpt-5-mini", url, "")
        with pytest.raises(desks.ModelFailed, match=r"/v1/chat/completions answered 429: .*slow"):
            model.complete([], [], 10)


def test_an_endpoint_that_is_not_there_or_is_none_is_said_so() -> None:
    with endpoint(lambda _: (200, b"")) as (gone, _):
        pass
    with pytest.raises(desks.ModelFailed, match="can not be reached"):
        openai_model.OpenAiModel("openai/gpt-5-mini", gone, "", timeout_s=2).complete([], [], 10)
    with pytest.raises(desks.ModelFailed, match="OPENAI_BASE_URL is 'file:///etc/passwd'"):
        openai_model.OpenAiModel("openai/gpt-5-mini", "file:///etc/passwd", "")
    with pytest.raises(desks.ModelFailed, match="REMIT_DEMO_MODEL is 'gpt-5-mini': write provider/model"):
        openai_model.OpenAiModel("gpt-5-mini", "http://localhost", "")


def test_an_endpoint_that_does_not_speak_http_is_said_so() -> None:
    class Mumble(StreamRequestHandler):
        def handle(self) -> None:
            self.rfile.readline()
            self.wfile.write(b"220 mail.example ESMTP\r\n")

    with TCPServer(("127.0.0.1", 0), Mumble) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        model = openai_model.OpenAiModel("openai/gpt-5-mini", f"http://127.0.0.1:{server.server_address[1]}", "")
        with pytest.raises(desks.ModelFailed, match="can not be reached"):
            model.complete([], [], 10)
        thread.join()


def test_an_answer_beyond_all_bounds_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_model, "MAX_ANSWER_BYTES", 1_000)
    with endpoint(lambda _: (200, b" " * 2_000)) as (url, _):
        model = openai_model.OpenAiModel("openai/gpt-5-mini", url, "")
        with pytest.raises(desks.ModelFailed, match="more than 1,000 bytes"):
            model.complete([], [], 10)


def test_a_model_that_fails_in_a_run_ends_it_and_its_reservation_counts_as_spent(office: Office) -> None:
    with endpoint(lambda _: (500, b"oops")) as (url, _):
        model = openai_model.OpenAiModel("openai/gpt-5-mini", url, "")
        with pytest.raises(desks.ModelFailed, match="answered 500"):
            office.work(scenarios.DISCOUNT, model)
    with opened(office.url) as parts:
        (run,) = parts.store.runs(office.configuration.settings.name, 5)
    (ended,) = office.records(run.id, RecordKind.RUN_ENDED)
    assert ended["status"] == "error: ModelFailed"
    assert office.spent(run.id, "care-run") > 0


def test_a_key_alone_does_not_spend_money() -> None:
    assert openai_model.configured({"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "http://localhost"}) is None
    model = openai_model.configured({"OPENAI_API_KEY": "k", "REMIT_DEMO_MODEL": "openai/gpt-5-mini"})
    assert model.name == "openai/gpt-5-mini"


# --- the performance ---


def perform(*command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("REMIT_", "OPENAI_"))}
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=inherited | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


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
    assert len(lines) < 80
    too_wide = [line for line in lines if len(line) > WIDTH]
    assert all(line.lstrip().startswith("remit") for line in too_wide), "commands to copy, and what verify writes"
    total = next(line for line in lines if "records in all" in line)
    made = total.split("records in all, ")[1].split()[0]
    assert f"{made} of {made} came out the same" in played.stdout
    assert "the agent was frozen by user:yousef.karim" in played.stdout
    assert "OK: nothing was changed" in played.stdout
    effects = [written(path) for path in sorted(kept.parent.glob("company-[cd]*.db"))]
    assert effects == [  # the refund a person approved; nothing while frozen; the one that needs nobody
        {"refunds": 1, "notes": 1, "mails": 1},
        {"refunds": 1, "notes": 1, "mails": 1},
        {},
    ]


def written(path: Path) -> dict[str, int]:
    """Which rows the agents' tools have left in a company's own database."""
    with closing(sqlite3.connect(path)) as db:
        counts = {table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in company.EFFECTS}
    return {table: rows for table, rows in counts.items() if rows}


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
        *(str(EXAMPLE / "work.py"), "discount", "--company", "company.db"),
        folder=tmp_path,
        REMIT_URL=address,
        REMIT_API_KEY="rmt_ak_x",
        REMIT_HTTP_TRIES="1",
    )
    assert (worked.returncode, worked.stdout) == (2, "")
    assert worked.stderr.startswith("Error: ")
    assert address in worked.stderr


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
