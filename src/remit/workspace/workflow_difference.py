"""What changes about workflows: under whose remit they work, what starts them, and their steps, one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields

from remit.domain.said import Said
from remit.domain.workflow import Step, Workflow, within
from remit.workspace.wording import changed_from, differing_fields, said, same, seconds, shown


def workflow_summary(workflow: Workflow) -> Iterator[Said]:
    """Say what a new workflow is."""
    name = workflow.name
    yield said("workflow.new", name=name, agent=workflow.agent, steps=tuple(step.id for step in workflow.steps))
    for schedule in workflow.schedules:
        yield said("workflow.starts_at", name=name, times=f"{schedule.cron} {schedule.timezone}".rstrip())
    for trigger in workflow.triggers:
        yield said("workflow.started_by", name=name, trigger=shown(trigger))


def workflow_changes(before: Workflow, after: Workflow) -> Iterator[Said]:
    """Say what changes about a workflow."""
    name = after.name
    for changed in differing_fields(before, after):
        old, new = getattr(before, changed), getattr(after, changed)
        match changed:
            case "steps":
                yield from _steps_changes(name, before, after)
            case "agent":
                yield said("workflow.agent", name=name, new=new, old=old)
            case "schedules" | "triggers":
                yield said("workflow.starts", name=name, new=shown(new), old=shown(old))
            case "timeout_s":
                yield said("workflow.time", name=name, new=_time(new), old=_time(old))
            case _:
                yield changed_from(said("thing.workflow", name=name), changed, shown(old), shown(new))


def _time(length: int | None) -> Said:
    return said("workflow.any_time") if length is None else seconds(length)


def _steps_changes(name: str, before: Workflow, after: Workflow) -> Iterator[Said]:
    """Yield a line for each step that comes, goes, moves or changes."""
    found = list(_each_step(name, before, after))
    yield from found
    if not found:
        yield said("workflow.ways", name=name, old=shown(_ways(before)), new=shown(_ways(after)))


def _each_step(name: str, before: Workflow, after: Workflow) -> Iterator[Said]:
    old, new = _by_place(before), _by_place(after)
    for id, (place, step) in new.items():
        if id not in old:
            yield said("step.new_in" if place else "step.new", name=name, step=id, place=place, does=_does(step))
    for id in old:
        if id not in new:
            yield said("step.removed", name=name, step=id)
    for id, (place, step) in new.items():
        if id in old and old[id][0] != place:
            yield said("step.stands_in" if place else "step.stands_alone", name=name, step=id, place=place)
        if id in old and not same(_own(old[id][1]), _own(step)):
            yield said("step.changed", name=name, step=id, old=_does(old[id][1]), new=_does(step))
    if [id for id in old if id in new] != [id for id in new if id in old]:
        yield said("workflow.order", name=name, steps=tuple(new))


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


_OF_OTHERS = ("steps", "cases", "branches")


def _own(step: Step) -> Mapping[str, object]:
    """Return what is a step's own, without the steps within it."""
    own = {each.name: getattr(step, each.name) for each in fields(step) if each.name not in _OF_OTHERS}
    for index, case in enumerate(getattr(step, "cases", ())):
        own[f"case {index}"] = case.when
    return {"kind": type(step).__name__, **own}


def _does(step: Step) -> Said:
    """Say what a step does and under which conditions, whatever is not as it would be by itself."""
    own = _own(step)
    kind = str(own["kind"]).removesuffix("Step").lower()
    plain = {each.name: getattr(type(step)(step.id), each.name) for each in fields(step)}
    told = {
        name: value for name, value in own.items() if name not in ("id", "kind") and not same(value, plain.get(name))
    }
    return said("step.does", kind=kind, details=shown(told))
