"""What changes about workflows: under whose remit they work, what starts them, and their steps, one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields

from remit.domain.workflow import Step, Workflow, within
from remit.workspace.wording import differing_fields, same, seconds, shown


def workflow_summary(workflow: Workflow) -> Iterator[str]:
    """Say what a new workflow is."""
    steps = ", ".join(step.id for step in workflow.steps)
    yield f"workflow {workflow.name} is new; it works under the remit of {workflow.agent}: {steps}"
    for schedule in workflow.schedules:
        yield f"workflow {workflow.name} starts by itself at {schedule.cron} {schedule.timezone}".rstrip()
    for trigger in workflow.triggers:
        yield f"workflow {workflow.name} is started by {shown(trigger)}"


def workflow_changes(before: Workflow, after: Workflow) -> Iterator[str]:
    """Say what changes about a workflow."""
    name = after.name
    for changed in differing_fields(before, after):
        old, new = getattr(before, changed), getattr(after, changed)
        match changed:
            case "steps":
                yield from _steps_changes(name, before, after)
            case "agent":
                yield f"workflow {name} now works under the remit of {new} instead of {old}"
            case "schedules" | "triggers":
                yield f"workflow {name} is now started by {shown(new)} instead of {shown(old)}"
            case "timeout_s":
                yield f"a run of workflow {name} may now take {_time(new)} instead of {_time(old)}"
            case _:
                yield f"workflow {name}: {changed} changed from {shown(old)} to {shown(new)}"


def _time(length: int | None) -> str:
    return "any time" if length is None else seconds(length)


def _steps_changes(name: str, before: Workflow, after: Workflow) -> Iterator[str]:
    """Yield a line for each step that comes, goes, moves or changes."""
    old, new = _by_place(before), _by_place(after)
    said = False
    for id, (place, step) in new.items():
        if id not in old:
            said = True
            yield f"workflow {name} has a new step {id}{_in(place)}: {_does(step)}"
    for id in old:
        if id not in new:
            said = True
            yield f"workflow {name} no longer has the step {id}"
    for id, (place, step) in new.items():
        if id in old and old[id][0] != place:
            said = True
            yield f"workflow {name}: the step {id} now stands{_in(place) or ' by itself'}"
        if id in old and not same(_own(old[id][1]), _own(step)):
            said = True
            yield f"workflow {name}: the step {id} changed from {_does(old[id][1])} to {_does(step)}"
    order = [id for id in old if id in new], [id for id in new if id in old]
    if order[0] != order[1]:
        said = True
        yield f"workflow {name}: its steps are now in the order {', '.join(new)}"
    if not said:
        yield f"workflow {name}: the ways of its steps changed from {shown(_ways(before))} to {shown(_ways(after))}"


def _by_place(workflow: Workflow) -> dict[str, tuple[str, Step]]:
    found: dict[str, tuple[str, Step]] = {}

    def walk(steps: tuple[Step, ...], place: str) -> None:
        for step in steps:
            found[step.id] = (place, step)
            for way, inner in within(step):
                walk(inner, f"{place}/{step.id}/{way}".strip("/"))

    walk(workflow.steps, "")
    return found


def _ways(workflow: Workflow) -> list[str]:
    return [
        f"{step.id}/{way}: {', '.join(each.id for each in inner)}"
        for step in workflow.each_step()
        for way, inner in within(step)
    ]


def _in(place: str) -> str:
    return f" in {place}" if place else ""


_OF_OTHERS = ("steps", "cases", "branches")


def _own(step: Step) -> Mapping[str, object]:
    """Return what is a step's own, without the steps within it."""
    own = {each.name: getattr(step, each.name) for each in fields(step) if each.name not in _OF_OTHERS}
    for index, case in enumerate(getattr(step, "cases", ())):
        own[f"case {index}"] = case.when
    return {"kind": type(step).__name__, **own}


def _does(step: Step) -> str:
    """Say what a step does and under which conditions, whatever is not as it would be by itself."""
    own = _own(step)
    kind = str(own["kind"]).removesuffix("Step").lower()
    plain = {each.name: getattr(type(step)(step.id), each.name) for each in fields(step)}
    told = {
        name: value for name, value in own.items() if name not in ("id", "kind") and not same(value, plain.get(name))
    }
    return f"{kind} ({shown(told)})"
