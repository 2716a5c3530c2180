"""One seeded story: agents, people and accidents on a simulated clock, over a real database file."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

import orjson

from remit.control.approvals import AnswerRefused, Approvals
from remit.control.stops import StopRefused, Stops
from remit.domain.action import Action, ActionKind, ActionState, Cost, Outcome, OutcomeStatus
from remit.domain.admission import Admission
from remit.domain.canonical import JsonValue
from remit.domain.clock import Clock, ManualClock
from remit.domain.facts import ApprovalState
from remit.domain.ids import ActionId, AgentName, Ids, OwnerId, ReleaseId, RunId, UserId
from remit.domain.money import Micros
from remit.domain.payload import ARGUMENTS
from remit.domain.release import Configuration
from remit.domain.run import Run
from remit.execution.commands import Admit, Batch, Command, EndRun, Observation, Settle, StartRun
from remit.execution.keys import Keys
from remit.execution.recovery import abandoned
from remit.execution.replay import Agreement, Replay
from remit.execution.rulesets import Rulesets
from remit.execution.transaction import Answer, NothingOpen, Writer, process
from remit.kernel.loops.sketch import result_sketch
from remit.kernel.prepared import prepare
from remit.kernel.ruleset import Ruleset
from remit.storage.port import Approval, OpenAction, Store, Transactions, Wanted, Writes
from remit.storage.sealed import KeyFile, Keyring
from tests.simulation.company import AGENTS, USERS
from tests.simulation.crashes import Crashed, FragileStore, FragileTransactions, Fuse
from tests.simulation.invariants import expect, expect_sound
from tests.worlds import LINA, MODEL, SARA, WORKSPACE, CountingIds

T = TypeVar("T")

STEPS = 45
PROCESSES = 2
MOST_STATEMENTS = 24
"""A fuse is set to burn at one of so many points; most transactions have fewer, and then nothing happens."""

OpenStore = Callable[[Path, Fuse], FragileStore]


class Failed(AssertionError):
    """A seed under which a promise was broken."""

    def __init__(self, seed: int, step: int, doing: str, cause: BaseException) -> None:
        super().__init__(
            f"seed {seed}, step {step} ({doing}): {type(cause).__name__}: {cause}\n"
            f"To see it again: REMIT_SIMULATION_SEED={seed} python -m pytest tests/simulation/test_admission.py"
        )


@dataclass(slots=True)
class Worker:
    """A process: it is known by its owner id, and its connection dies with it."""

    owner: OwnerId
    transactions: Transactions


@dataclass(slots=True)
class Dispatched:
    """An effect that has happened, because its admission was heard of."""

    command: Admit
    worker: int


class QuickApprovals(Approvals):
    """Approvals that need not read the release's YAML for every answer: that would be most of a story's time."""

    def __init__(self, store: Store, clock: Clock, ids: Ids, configuration: Configuration) -> None:
        super().__init__(store, clock, ids)
        self._known = configuration

    def _configurations(self, approval: Approval, releases: Sequence[ReleaseId]) -> tuple[Configuration, ...]:
        return (self._known,)


@dataclass
class Story:
    """What happens, and what everybody was told while it did."""

    seed: int
    path: Path
    rules: Ruleset
    rulesets: Rulesets
    open_store: OpenStore = FragileStore
    clock: ManualClock = field(default_factory=lambda: ManualClock(1_760_000_000_000_000))
    ids: CountingIds = field(default_factory=CountingIds)
    fuse: Fuse = field(default_factory=Fuse)
    runs: list[Run] = field(default_factory=list)
    open: dict[ActionId, Dispatched] = field(default_factory=dict)
    told: dict[str, Answer] = field(default_factory=dict)
    tried: list[Admit] = field(default_factory=list)
    crashes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.step = 0
        self.keyring = Keyring(KeyFile(self.path.with_name("remit.key")))
        self._open()
        self.workers = [self._worker() for _ in range(PROCESSES)]

    def _open(self) -> None:
        self.store = self.open_store(self.path, self.fuse)
        self.keys = Keys(self.store, self.keyring)
        self.stops = Stops(self.store, self.clock, self.ids)
        self.approvals = QuickApprovals(self.store, self.clock, self.ids, self.rules.configuration)

    def _worker(self) -> Worker:
        return Worker(OwnerId(self.ids.new("own")), FragileTransactions(self.path, self.fuse))

    # -- the plot

    def tell(self) -> None:
        """Let everything happen. Raises Failed where a promise is broken."""
        acts: list[tuple[int, Callable[[], None]]] = [
            (3, self.start_run),
            (14, self.act),
            (8, self.settle),
            (1, self.freeze),
            (4, self.unfreeze),
            (4, self.answer),
            (3, self.use_an_answer),
            (6, self.pass_time),
            (2, self.repeat_an_old_attempt),
            (2, self.keep_house),
            (2, self.reconcile),
            (1, self.end_run),
        ]
        weights = [weight for weight, _ in acts]
        doing = "begin"
        try:
            self.start_run()
            for self.step in range(STEPS):
                (_, act) = self.random.choices(acts, weights)[0]
                doing = act.__name__
                died = len(self.crashes)
                act()
                if len(self.crashes) > died:
                    self.check()
            doing = "check at the end"
            self.check()
            self.check_replay()
        except Exception as error:
            raise Failed(self.seed, self.step, doing, error) from error
        finally:
            self.close()

    def close(self) -> None:
        for worker in self.workers:
            worker.transactions.close()
        self.store.close()

    def exposed(self, worker: int | None, attempt: Callable[[], T]) -> T:
        """Do something that may be cut off anywhere, as often as it takes to live to hear the answer."""
        while True:
            risky = self.random.random() < 0.3
            self.fuse.left = self.random.randrange(MOST_STATEMENTS) if risky else None
            try:
                return attempt()
            except Crashed:
                self.crashes.append(self.fuse.burnt_at)
                if worker is None:
                    self.store.close()
                    self._open()
                else:
                    self.workers[worker] = self._worker()
            finally:
                self.fuse.left = None

    def carry_out(self, commands: list[Command]) -> list[Answer | Exception]:
        """Have one of the processes carry out a batch; the same commands again after a crash."""
        index = self.random.randrange(PROCESSES)

        def attempt() -> list[Answer | Exception]:
            worker = self.workers[index]
            writer = Writer(worker.owner, self.ids)
            return process(worker.transactions, Batch(WORKSPACE, commands), self.clock.now(), writer)

        answers = self.exposed(index, attempt)
        for command, answer in zip(commands, answers, strict=True):
            self._hear(command, answer, index)
        return answers

    def _hear(self, command: Command, answer: Answer | Exception, worker: int) -> None:
        if isinstance(answer, Exception):
            late = isinstance(answer, NothingOpen) and isinstance(command, Settle)
            expect(late, f"only an outcome may come too late, and {command.record_key} got {answer!r}")
            return
        before = self.told.setdefault(command.record_key, answer)
        if isinstance(answer, Admission) and isinstance(before, Admission):
            same = (before.state, before.decision, before.at) == (answer.state, answer.decision, answer.at)
            expect(same, f"{command.record_key} was answered twice alike")
            if answer.state is ActionState.ADMITTED and before is answer and isinstance(command, Admit):
                self.open[answer.action] = Dispatched(command, worker)

    # -- what agents do

    def start_run(self) -> None:
        agent = self.rules.agent(AgentName(self.random.choice(AGENTS)))
        assert agent is not None
        id = RunId(self.ids.new("run"))
        key_id, wrapped = self.keys.for_new_run(WORKSPACE, id, "", self.clock.now())
        assert wrapped is not None
        salt = self.keys.unwrapped(wrapped).salt(id)
        user = UserId(self.random.choice(USERS))
        run = Run(
            id,
            WORKSPACE,
            agent.name,
            agent.team,
            self.rules.release,
            user,
            agent.purpose,
            self.clock.now(),
            key_id,
            salt=salt,
        )
        self.carry_out([StartRun(run, wrapped, "")])
        self.runs.append(run)

    def act(self) -> None:
        attempts = [self._attempt() for _ in range(self.random.randint(1, 4))]
        commands: list[Command] = [*attempts]
        if self.open and self.random.random() < 0.4:
            commands.insert(self.random.randrange(len(commands) + 1), self._settlement())
        self.tried += attempts
        self.carry_out(commands)

    def _attempt(self) -> Admit:
        run = self.random.choice(self.runs[-4:])
        kind, target, arguments, cost = self._call()
        return self._prepared(run, kind, target, arguments, cost)

    def _prepared(
        self, run: Run, kind: ActionKind, target: str, arguments: Mapping[str, JsonValue], cost: Cost
    ) -> Admit:
        id = ActionId(self.ids.new("act"))
        action = Action(id, WORKSPACE, run.id, run.agent, kind, target, arguments, cost, run.on_behalf_of)
        raw = orjson.dumps(arguments, option=orjson.OPT_SORT_KEYS)
        return Admit(prepare(self.rules, run, action, raw), (self.keys.of_run(run).seal(id, ARGUMENTS, raw),))

    def use_an_answer(self) -> None:
        """After an approval the agent tries the same again, and sometimes once too often."""
        answered = {each.action for each in self.store.approvals(WORKSPACE, ApprovalState.APPROVED)}
        waiting = [attempt.call for attempt in self.tried if attempt.call.action.id in answered]
        if waiting:
            call = self.random.choice(waiting)
            asked = (call.run, call.action.kind, call.action.target, call.action.arguments, call.action.cost)
            self.carry_out([self._prepared(*asked) for _ in range(self.random.randint(1, 2))])
            self.carry_out([self._prepared(*asked)])

    def _call(self) -> tuple[ActionKind, str, dict[str, int | str], Cost]:
        match self.random.randrange(8):
            case 0 | 1:
                return ActionKind.TOOL, "erp.get", {"id": str(self.random.randrange(3))}, Cost()
            case 2:
                return ActionKind.TOOL, "erp.pay", {"amount": self.random.randint(1, 400)}, Cost()
            case 3 | 4:  # waits for finance; the same few amounts come again after an answer
                return ActionKind.TOOL, "erp.pay", {"amount": self.random.choice([600, 700])}, Cost()
            case 5:
                return ActionKind.TOOL, "erp.scan", {"page": self.random.randrange(5)}, Cost(Micros(100_000))
            case 6:
                most = self.random.randint(1, 90)
                asked: dict[str, int | str] = {"provider": "local", "model": "tiny-1"}
                asked |= {"input_tokens": most, "max_output_tokens": most}
                return ActionKind.MODEL, MODEL, asked, Cost(Micros(3 * most), 2 * most)
            case _:
                return ActionKind.TOOL, self.random.choice(["erp.drop", "erp.nothing"]), {}, Cost()

    def _settlement(self) -> Settle:
        id = self.random.choice(sorted(self.open))
        call = self.open.pop(id).command.call
        status = self.random.choices(list(OutcomeStatus), [6, 2, 1])[0]
        reserved = call.action.cost
        assert reserved.micros is not None
        less = Cost(Micros(self.random.randint(0, reserved.micros)), self.random.randint(0, reserved.tokens), 1)
        cost = self.random.choice([None, less])
        tool, agent = self.rules.tool(call.action.target), self.rules.agent(call.run.agent)
        observation = None
        if tool is not None and agent is not None:
            result = b"the very same thing" if self.random.random() < 0.4 else self.random.randbytes(40).hex().encode()
            observation = Observation(
                call.sketch, result_sketch(result, call.run.salt), tool.pollable, agent.remit.loops
            )
        return Settle(call.run, Outcome(id, status, cost), observation)

    def settle(self) -> None:
        if self.open:
            self.carry_out([self._settlement() for _ in range(self.random.randint(1, min(3, len(self.open))))])

    def repeat_an_old_attempt(self) -> None:
        """A door that never heard the answer asks again, perhaps much later."""
        if self.tried:
            self.carry_out([self.random.choice(self.tried)])

    def end_run(self) -> None:
        """End a run; sometimes somebody goes on trying."""
        run = self.random.choice(self.runs)
        self.carry_out([EndRun(run, "ok")])
        if len(self.runs) > 1 and self.random.random() < 0.9:
            self.runs.remove(run)

    # -- what people do

    def _targets(self) -> list[str]:
        run = self.random.choice(self.runs)
        whole = ["workspace", "team:procurement", "tool:erp.pay", f"model:{MODEL}"]
        return [*whole, f"agent:{run.agent}", f"run:{run.id}", run.on_behalf_of]

    def freeze(self) -> None:
        target = self.random.choice(self._targets())
        self.exposed(None, lambda: self.stops.freeze(WORKSPACE, target, SARA, "smells", anyway=True))

    def unfreeze(self) -> None:
        for target in self._targets():
            try:
                self.exposed(None, partial(self.unfreeze_one, target))
            except StopRefused:
                continue

    def unfreeze_one(self, target: str) -> None:
        self.stops.unfreeze(WORKSPACE, target, SARA, "fine")

    def answer_one(self, approval: Approval, approve: bool) -> None:
        person = self.random.choice([SARA, LINA])
        self.approvals.answer(approval.id, person, approval.digest, approve=approve)

    def answer(self) -> None:
        for approval in self.store.approvals(WORKSPACE, ApprovalState.PENDING)[:2]:
            approve = self.random.random() < 0.8
            try:
                self.exposed(None, partial(self.answer_one, approval, approve))
            except AnswerRefused as error:
                expect("already" in str(error) or "expired" in str(error), f"an answer was refused: {error}")

    # -- what just happens

    def pass_time(self) -> None:
        leaps = {1: 2, 40: 2, 900: 3, 3600: 5, 5 * 3600: 2, 86_400: 3, 31 * 86_400: 1, -2: 1, -4: 1, -30: 1}
        self.clock.advance(self.random.choices(list(leaps), list(leaps.values()))[0])

    def keep_house(self) -> None:
        """A process says that it is there and puts on record what vanished processes have left open."""
        index = self.random.randrange(PROCESSES)

        def beat() -> None:
            transactions = self.workers[index].transactions
            transactions.begin(Wanted())
            transactions.commit(Writes(heartbeat=(self.workers[index].owner, self.clock.now())))

        self.exposed(index, beat)
        for command in abandoned(self.store, self.clock.now()):
            self.carry_out([command])

    def reconcile(self) -> None:
        """Somebody finds out what became of an action that nobody knew about."""
        unknown: list[OpenAction] = [each for each in self.store.open_actions(WORKSPACE) if each.unknown]
        if unknown:
            action = self.random.choice(unknown)
            run = self.store.run(action.run)
            assert run is not None
            status = self.random.choice([OutcomeStatus.OK, OutcomeStatus.ERROR])
            cost = self.random.choice([None, Cost(Micros(0), 0, 0)])
            self.open.pop(action.id, None)
            self.carry_out([Settle(run, Outcome(action.id, status, cost), reconciles=True, by=SARA)])

    # -- what must hold

    def check(self) -> None:
        ledger = expect_sound(self.path, WORKSPACE)
        for key, answer in self.told.items():
            expect(key in ledger.keys, f"{key} was answered, so it is on record")
            if isinstance(answer, Admission):
                recorded = ledger.decided[answer.action]
                expect(recorded["state"] == answer.state, f"{key} was answered as it is on record")
                expect(recorded["decision"] == answer.decision.as_json(), f"{key} was decided as it is on record")
        for action in self.open:
            expect(action in ledger.counted, f"the effect of {action} has an admission on record")

    def check_replay(self) -> None:
        fresh = Replay(self.store, self.rulesets, Keys(self.store, self.keyring))
        for replayed in fresh.all(WORKSPACE):
            same = replayed.agreement is Agreement.SAME
            expect(same, f"{replayed.action} is decided alike again: {replayed.agreement} {replayed.detail}")


@dataclass(frozen=True, slots=True)
class Template:
    """A workspace that was applied once; every story begins with a copy of its files."""

    folder: Path
    release: ReleaseId
    rulesets: Rulesets

    def story(self, seed: int, folder: Path, open_store: OpenStore = FragileStore) -> Story:
        """Prepare the story of one seed in a new folder."""
        folder.mkdir()
        for name in ("remit.db", "remit.key"):
            shutil.copy(self.folder / name, folder / name)
        rules = self.rulesets.of(WORKSPACE, self.release)
        return Story(seed, folder / "remit.db", rules, self.rulesets, open_store)
