"""Workflows written in Python: decorators that make the same document as YAML does, versioned and drawn alike.

A function decorated with `@workflow` is called once, while it is written down, with references in place of values. What
it calls meanwhile are steps. `remit workflows compile MODULE` puts the document into a workspace.

    @remit.step(tool="vendor.quote", retry={"attempts": 3})
    def quote(supplier: str, sku: str) -> None: ...

    @remit.workflow(agent="procurement-optimizer", inputs={"sku": {"type": "string"}})
    def renew(inputs):
        found = remit.parallel("quotes", najd=lambda: quote("Najd", inputs.sku), noor=lambda: quote("Noor", inputs.sku))
        remit.approval("agreed", group="finance-approvers", title="Renew?", when=found.najd.price > 50_000)
        return {"price": found.najd.price}
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from remit.sdk.references import Formula, Reference, template

Document = dict[str, Any]
"""One document of a workspace, as YAML would be read."""

_steps: ContextVar[list[Document] | None] = ContextVar("remit_steps", default=None)
"""The steps written down so far of the workflow, or of the way, that is being written in this context."""


class NotWriting(RuntimeError):
    """A step was called where no workflow is being written."""


class WrittenWorkflow:
    """A workflow that was written in Python.

    Attributes:
        document: what stands in the workspace.
        module: the name of the module whose function it is.
    """

    def __init__(self, document: Document, module: str) -> None:
        self.document = document
        self.module = module

    @property
    def name(self) -> str:
        """The workflow's name."""
        return str(self.document["name"])

    def __call__(self, id: str, *, when: Formula | None = None, **inputs: object) -> Reference:
        """Carry it out as a step of another workflow."""
        return _written(id, {"workflow": {"name": self.name, "inputs": template(inputs)}}, when=when)


def workflow(
    *,
    agent: str,
    inputs: Mapping[str, Any] | None = None,
    required: Sequence[str] | None = None,
    name: str = "",
    **more: Any,
) -> Callable[[Callable[[Reference], Any]], WrittenWorkflow]:
    """Write down the decorated function as a workflow.

    Args:
        agent: under whose remit it works.
        inputs: JSON Schemas by name; all are required unless `required` says which.
        required: names of inputs that must be given.
        name: by default the function's, with hyphens.
        **more: other keys of a Workflow's document, such as `schedules`, `triggers`, `timeout`, `concurrency`.
    """
    properties = dict(inputs or {})
    schema = {
        "type": "object",
        "required": list(properties if required is None else required),
        "properties": properties,
    }

    def write(function: Callable[[Reference], Any]) -> WrittenWorkflow:
        with _writing() as steps:
            outputs = function(Reference("inputs"))
        document: Document = {"kind": "Workflow", "name": name or _hyphened(function), "agent": agent}
        if function.__doc__:
            document["description"] = inspect.cleandoc(function.__doc__).partition("\n\n")[0].replace("\n", " ")
        document |= {"inputs": schema, "steps": steps}
        if outputs is not None:
            document["outputs"] = template(outputs)
        return WrittenWorkflow(document | template(more), function.__module__)

    return write


def step(*, tool: str, id: str = "", **more: Any) -> Callable[[Callable[..., Any]], Callable[..., Reference]]:
    """Make the decorated function a call of `tool`: its parameters are the tool's arguments, its body is not run.

    Called in a workflow it writes a step down, which is called as the function is; `id=` and `when=` may be given.

    Args:
        tool: what is called.
        id: of the step, by default the function's name.
        **more: other keys of a step, such as `retry`, `timeout`, `budget`, `compensate`.
    """

    def make(function: Callable[..., Any]) -> Callable[..., Reference]:
        signature = inspect.signature(function)
        own = id or function.__name__

        def call(*values: object, id: str = "", when: Formula | None = None, **named: object) -> Reference:
            given = signature.bind(*values, **named).arguments
            return _written(id or own, {"tool": tool, "arguments": template(given), **template(more)}, when=when)

        call.__name__, call.__doc__ = function.__name__, function.__doc__
        return call

    return make


def parallel(id: str, **ways: Callable[[], Any]) -> Reference:
    """Go several ways side by side. What each comes to is what its last step does."""
    return _written(id, {"parallel": {name: _way(function) for name, function in ways.items()}})


def branch(id: str, *cases: tuple[Formula | None, Callable[[], Any]]) -> Reference:
    """Take the first case whose condition holds; None in place of one is the way that is left."""
    written = [({} if when is None else {"when": when.text}) | {"steps": _way(function)} for when, function in cases]
    return _written(id, {"branch": written})


def each(id: str, over: Formula, function: Callable[[Reference], Any], **more: Any) -> Reference:
    """Do the same for each item of a list; `concurrency=` and `at_most=` may be given."""
    return _written(id, {"map": {"over": over.text, "steps": _way(lambda: function(Reference("item"))), **more}})


def loop(id: str, while_: Formula, at_most: int, function: Callable[[], Any]) -> Reference:
    """Do the same again and again while a condition holds."""
    return _written(id, {"loop": {"while": while_.text, "at_most": at_most, "steps": _way(function)}})


def approval(
    id: str, *, group: str, title: str, title_ar: str = "", when: Formula | None = None, timeout: str = "", **shows: Any
) -> Reference:
    """Let people decide. `shows` is what they see, and what `{placeholders}` of the title are."""
    titles = {"en": title} | ({"ar": title_ar} if title_ar else {})
    told: Document = {"approval": {"group": group, "title": titles, "shows": template(shows)}}
    return _written(id, told | ({"timeout": timeout} if timeout else {}), when=when)


def wait(id: str, *, seconds: int = 0, until: Formula | None = None, event: str = "", timeout: str = "") -> Reference:
    """Wait for so long, until a time, or for an event."""
    told: Document = {"for": f"{seconds}s"} if seconds else {"event": event} if event else {}
    if until is not None:
        told["until"] = until.text
    return _written(id, {"wait": told} | ({"timeout": timeout} if timeout else {}))


def ask(id: str, model: str, *, when: Formula | None = None, **more: Any) -> Reference:
    """Ask a model: with `messages=`, or with `prompt=` and `variables=`."""
    return _written(id, {"model": {"name": model, **template(more)}}, when=when)


def hand_over(id: str, agent: str, task: object, *, when: Formula | None = None, **more: Any) -> Reference:
    """Hand work to an agent; `model=`, `output=` and `turns=` may be given."""
    return _written(id, {"agent": {"name": agent, "task": template(task), **template(more)}}, when=when)


def output() -> Reference:
    """What the step came to, within its `compensate`."""
    return Reference("output")


def _written(id: str, does: Document, *, when: Formula | None = None) -> Reference:
    steps = _steps.get()
    if steps is None:
        raise NotWriting(f"the step {id} was called outside of a function decorated with @remit.workflow")
    steps.append({"id": id} | ({} if when is None else {"when": when.text}) | does)
    return Reference(f"steps.{id}")


def _way(function: Callable[[], Any]) -> list[Document]:
    with _writing() as steps:
        function()
    return steps


@contextmanager
def _writing() -> Iterator[list[Document]]:
    steps: list[Document] = []
    token = _steps.set(steps)
    try:
        yield steps
    finally:
        _steps.reset(token)


def _hyphened(function: Callable[..., Any]) -> str:
    return function.__name__.replace("_", "-")
