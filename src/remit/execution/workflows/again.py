"""A run once more, from a step: another run that begins with the steps of the first that are finished and still stand.

What was undone does not stand, and neither does what comes behind a step that is done again. Under another release it
is done only where each of those steps is still there, in the same place and of the same kind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import orjson

from remit.domain.action import OutcomeStatus
from remit.domain.ids import ReleaseId, UserId
from remit.domain.payload import TASK
from remit.domain.workflow import LoopStep, Step, Workflow, within
from remit.domain.workflow_act import WorkflowAct, WorkflowAsked
from remit.domain.workflow_progress import ENDED, Progress, StepState, WorkflowState
from remit.execution.keys import Keys
from remit.execution.workflows.notebook import STEP, opened, shared
from remit.execution.workflows.programs import Programs
from remit.execution.workflows.sharing import Owners, of_others, undoable
from remit.execution.workflows.starting import Start, Starts
from remit.execution.workflows.walking import UNDO, undoing
from remit.storage.journal import NOT_UNDONE, TO_UNDO, Journal, StoredStep, WorkflowRun
from remit.storage.port import Reads
from remit.storage.sealed import DataKey

MOST_TOLD = 8
"""Of how many steps, of which nobody knows, is told at once."""
FINISHED = frozenset({StepState.DONE, StepState.SKIPPED})


class NotAgain(Exception):
    """A run can not be done again as asked. The message says why, and what would be right."""


def kept(workflow: Workflow, rows: Mapping[str, Progress], path: str) -> dict[str, Progress]:
    """Return the rows that still stand where `path` is done again; empty: what failed, or was undone.

    What an agent did within its step is no step, and stands in that alone. Raises NotAgain for a path that has not
    begun.
    """
    places = {place for place, _ in _places(workflow.steps, "")}
    own = {each: row for each, row in rows.items() if _place(each) in places}
    undone = [
        each.removeprefix(UNDO) for each, row in rows.items() if each.startswith(UNDO) and row.state is StepState.DONE
    ]
    if path and path not in own:
        known = ", ".join(sorted(own)) or "none"
        raise NotAgain(f"there is no step {path} that has begun; there is {known}")
    leaves = {each for each, row in own.items() if _is_leaf(workflow, each)}
    left = [each for each in leaves if own[each].state not in FINISHED]
    again = [path] if path else [*left, *undone]
    dropped = {each for start in [*again, *undone, *left] for each in _behind(workflow, own, start)}
    return {each: _reset(workflow, row, dropped) for each, row in own.items() if each not in dropped}


def check_shape(before: Workflow, after: Workflow, rows: Mapping[str, Progress]) -> None:
    """Raise NotAgain where a step that stands is not in the same place, or not of the same kind, in `after`."""
    old, new = dict(_places(before.steps, "")), dict(_places(after.steps, ""))
    for path in sorted(rows):
        place = _place(path)
        if place not in new:
            raise NotAgain(f"the release has no step {place} where this run has finished one: start anew instead")
        if new[place] is not old.get(place):
            was, now = old[place].__name__, new[place].__name__
            raise NotAgain(f"step {place} was a {was} and is a {now} in that release: start anew instead")
    order = [place for place in new if place in {_place(path) for path in rows}]
    if order != [place for place in old if place in set(order)]:
        raise NotAgain("finished steps are in another order in that release: start anew instead")


def _is_leaf(workflow: Workflow, path: str) -> bool:
    step = _step_at(workflow, path)
    return step is not None and not within(step)


def _step_at(workflow: Workflow, path: str) -> Step | None:
    id = path.rpartition("/")[2]
    return next((step for step in workflow.each_step() if step.id == id), None)


def _behind(workflow: Workflow, rows: Mapping[str, Progress], path: str) -> Iterator[str]:
    """Yield a step's path and those of all that is done after it, at each level around it."""
    parts = path.split("/")
    for count in range(1, len(parts) + 1, 2):
        prefix, id = "/".join(parts[: count - 1]), parts[count - 1]
        steps = _sequence(workflow, parts[: count - 1])
        ids = [step.id for step in steps]
        if id not in ids:
            continue
        later = ids[ids.index(id) + 1 :] if count < len(parts) else ids[ids.index(id) :]
        for name in later:
            yield from _whole(rows, f"{prefix}/{name}" if prefix else name)
        if count < len(parts) and isinstance(_step_at(workflow, id), LoopStep):
            here = f"{prefix}/{id}" if prefix else id
            for each in rows:
                number = each.removeprefix(f"{here}/").partition("/")[0] if each.startswith(f"{here}/") else ""
                if number.isdecimal() and int(number) > int(parts[count]):
                    yield each


def _whole(rows: Mapping[str, Progress], path: str) -> Iterator[str]:
    yield from (each for each in rows if each == path or each.startswith(f"{path}/"))


def _sequence(workflow: Workflow, around: list[str]) -> tuple[Step, ...]:
    """Return the steps one after the other in which a step stands: `around` is the path of ids and ways to it."""
    steps = workflow.steps
    for id, way in zip(around[::2], around[1::2], strict=True):
        found = next((step for step in steps if step.id == id), None)
        if found is None:
            return ()
        ways = dict(within(found))
        steps = ways.get(way, ways.get("each", ()))
    return steps


def _reset(workflow: Workflow, row: Progress, dropped: set[str]) -> Progress:
    """Open a step again around others that are done again; a loop takes back what it had decided about their rounds."""
    ways = [path.removeprefix(f"{row.path}/").partition("/")[0] for path in dropped if path.startswith(f"{row.path}/")]
    if not ways:
        return row
    opened_again = replace(row, state=StepState.RUNNING, number=0, ended_at=None)
    if not isinstance(_step_at(workflow, row.path), LoopStep):
        return opened_again
    return replace(opened_again, output={"begun": min(map(int, ways)) + 1, "is_over": False})


def _place(path: str) -> str:
    """Return where a step stands in the definition: its path without the numbers of items and rounds."""
    return "/".join("each" if part.isdecimal() else part for part in path.split("/"))


def _places(steps: tuple[Step, ...], prefix: str) -> Iterator[tuple[str, type[Step]]]:
    for step in steps:
        yield prefix + step.id, type(step)
        for way, inner in within(step):
            yield from _places(inner, f"{prefix}{step.id}/{'each' if way.isdecimal() else way}/")


class Repeats:
    """Starts runs that begin with the finished steps of others. Safe to use from any thread; blocks."""

    def __init__(self, journal: Journal, programs: Programs, starts: Starts, keys: Keys, store: Reads) -> None:
        self._journal = journal
        self._programs = programs
        self._starts = starts
        self._keys = keys
        self._store = store

    def again(self, row: WorkflowRun, path: str, release: ReleaseId, by: str, key: str = "") -> WorkflowRun:
        """Start a run that does `row` again from a step, or from what failed, under a release.

        Raises NotAgain, PayloadLost where the first run's data was erased, and what Starts.start raises.
        """
        if not row.is_over:
            raise NotAgain(f"run {row.run} is {row.state.value}: cancel it first, or wait for its end")
        asked = WorkflowAsked(WorkflowAct.RETRY, row.workflow, UserId(by), release=release, follows=row.run, path=path)
        return self._begin(row, path, release, by, key, asked)

    def check_move(self, row: WorkflowRun, release: ReleaseId) -> None:
        """Raise NotAgain where a run can not go on under another release."""
        if row.release == release:
            raise NotAgain(f"run {row.run} has release {release} already: apply another one first")
        if row.state not in (WorkflowState.WAITING, WorkflowState.QUEUED):
            raise NotAgain(f"run {row.run} is {row.state.value}: only one that waits can be moved")
        rows = self._rows(row)
        below = [each.waits_for for each in rows.values() if each.waits_for.startswith("run:")]
        if below:
            raise NotAgain(f"run {row.run} waits for {', '.join(below)}: move it once that is over")
        unknown = [each for each, progress in rows.items() if progress.state is StepState.UNKNOWN]
        if unknown:
            raise NotAgain(f"nobody knows what became of {', '.join(unknown)}: reconcile it first")
        self._standing(row, rows, "", release)

    def check_undo(self, row: WorkflowRun) -> None:
        """Raise NotAgain where nothing of a run can be undone now, and PayloadLost where what it did is erased."""
        if row.cancel == TO_UNDO and not row.is_over:
            return
        if not row.is_over:
            raise NotAgain(f"run {row.run} is {row.state.value}: cancel it, and what it has done is undone")
        self._keys.of(row.key)
        workflow = self._programs.of(row.workspace, row.release, row.workflow).workflow
        rows = {each.progress.path: each.progress for each in self._journal.steps(row.run)}
        ids = undoable(workflow)
        steps = self._said(row, {path: each for path, each in rows.items() if path.rpartition("/")[2] in ids})
        paths = [path for path, _, _ in undoing(workflow, steps)]
        if all(path in rows and rows[path].state in ENDED for path in paths):
            _check_known(steps)  # before it is said, there is no more to be undone
            if not paths:
                self._check_owner(workflow, row, rows)
                raise NotAgain(
                    f"no step that run {row.run} has done says what undoes it: give such steps a `compensate`"
                )
            left = "".join(row.error.partition(NOT_UNDONE)[1:])
            raise NotAgain(f"run {row.run} is {row.state.value}: what could be undone has been{left}")
        standing = self._journal.standing_on(row.run)
        if standing:
            runs = ", ".join(standing[:MOST_TOLD])
            raise NotAgain(f"{runs} is under way and stands on what run {row.run} has done: cancel that first")

    def _check_owner(self, workflow: Workflow, row: WorkflowRun, rows: Mapping[str, Progress]) -> None:
        """Raise NotAgain where what could be undone of a run is another's to undo."""
        owners = Owners(self._journal)
        for each in of_others(workflow, rows):
            owner, undone = owners.of(row.run, each.path)
            said = "has undone it" if undone is not None and undone.state is StepState.DONE else "alone undoes it"
            raise NotAgain(f"step {each.path} of run {row.run} belongs to run {owner}, which {said}")

    def moved(self, row: WorkflowRun, release: ReleaseId) -> WorkflowRun:
        """Start the run that goes on in the place of one that ends here. Raises as `again`."""
        return self._begin(row, "", release, row.cancelled_by, f"move/{row.run}")

    def _rows(self, row: WorkflowRun) -> dict[str, Progress]:
        """Return how far a run has come; of steps that belong to others as well how far those have undone them.

        Raises NotAgain where such a run is under way: it may yet undo them.
        """
        data = self._keys.of(row.key)
        rows = {each.progress.path: _opened(each, data, row.run) for each in self._journal.steps(row.run)}
        owners = Owners(self._journal)
        for path, each in list(rows.items()):
            if each.belongs_to:
                owner, undone = owners.of(row.run, path)
                found = self._journal.run(owner)
                if found is not None and not found.is_over:
                    raise NotAgain(
                        f"step {path} belongs to run {owner}, which is {found.state.value}: wait for its end"
                    )
                rows[path] = replace(each, belongs_to=owner)
                if undone is not None:
                    rows[undone.path] = undone
        return rows

    def _said(self, row: WorkflowRun, rows: Mapping[str, Progress]) -> Mapping[str, Progress]:
        """Return the rows with what people have said since of those of which nobody knew."""
        keys = {path: f"{each.action}/reconciled" for path, each in rows.items() if each.state is StepState.UNKNOWN}
        records = {} if not keys else self._store.records_at(row.workspace, list(keys.values()))
        said = {path: orjson.loads(records[key])["status"] for path, key in keys.items() if key in records}
        ends = {
            path: StepState.DONE if status == OutcomeStatus.OK else StepState.FAILED for path, status in said.items()
        }
        return {**rows, **{path: replace(rows[path], state=state, waits_for="") for path, state in ends.items()}}

    def _standing(
        self, row: WorkflowRun, rows: Mapping[str, Progress], path: str, release: ReleaseId
    ) -> dict[str, Progress]:
        before = self._programs.of(row.workspace, row.release, row.workflow).workflow
        stands = kept(before, rows, path)
        after = self._programs.of(row.workspace, release, row.workflow).workflow
        if release != row.release:
            check_shape(before, after, stands)
        ids = undoable(before) | undoable(after)
        return {
            path: _owned(each, row.run if each.path.rpartition("/")[2] in ids else "") for path, each in stands.items()
        }

    def _begin(
        self,
        row: WorkflowRun,
        path: str,
        release: ReleaseId,
        by: str,
        key: str,
        asked: WorkflowAsked | None = None,
    ) -> WorkflowRun:
        first = self._store.run(row.run)
        if first is None:
            raise NotAgain(f"run {row.run} is not on record")
        rows = self._said(row, self._rows(row))
        _check_known(rows)
        stands = self._standing(row, rows, path, release)
        sealed_task = self._store.payload(row.run, TASK)
        if sealed_task is None:
            raise NotAgain(f"what run {row.run} was started with is not kept any more")
        inputs = orjson.loads(self._keys.of(row.key).open(sealed_task))["inputs"]
        start = Start(
            workspace=row.workspace,
            workflow=row.workflow,
            inputs=inputs,
            on_behalf_of=first.on_behalf_of,
            by=by,
            key=key,
            release=release,
            budget=row.budget,
            shares=row.run,
            asked=asked,
            verified=first.verified,
        )
        return self._starts.start(start, lambda run: shared(stands.values(), self._keys.of(run.key), run.id))[0]


def _check_known(rows: Mapping[str, Progress]) -> None:
    """Raise NotAgain where nobody knows what became of a step, and nobody has said it since."""
    unknown = sorted(path for path, each in rows.items() if each.state is StepState.UNKNOWN)[:MOST_TOLD]
    if unknown:
        actions = ", ".join(f"`remit reconcile {rows[path].action} --status ...`" for path in unknown)
        raise NotAgain(f"nobody knows what became of {', '.join(unknown)}: say it first, by {actions}")


def _owned(row: Progress, run: str) -> Progress:
    """Return a row with whose it is: its owner so far, or that run; nobody's where it is done again."""
    return replace(row, belongs_to=(row.belongs_to or run) if row.state is StepState.DONE else "")


def _opened(step: StoredStep, key: DataKey, run: str) -> Progress:
    if not step.output:
        return step.progress
    return replace(step.progress, output=opened(key, run, STEP + step.progress.path, step.output))
