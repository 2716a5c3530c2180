"""Calls of models: each is named, measured, admitted with its worst case, and only then sent."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from remit.asgi.reception import Reception
from remit.domain.action import ActionState, Assurance
from remit.domain.admission import Admission
from remit.domain.finding import Code
from remit.domain.ids import AgentName, ModelName
from remit.domain.prompt import PROMPT
from remit.domain.release import Cap
from remit.domain.run import Run
from remit.domain.upstream import Model
from remit.execution.door import Entrance
from remit.execution.metering import prices_at_hand
from remit.execution.under_way import UnderWay
from remit.gateways.llm.asked import Asked, Body
from remit.gateways.llm.caller import Caller
from remit.gateways.llm.dispatch import Admitted, Dispatch
from remit.gateways.llm.masking import Screen, answer_masked
from remit.gateways.llm.named_prompts import filled, reference_in
from remit.gateways.llm.open_calls import OpenCalls
from remit.gateways.llm.size import Size, check_longer, size_of
from remit.gateways.llm.turned import Turned, Why, invalid, not_admitted
from remit.kernel.ruleset import Ruleset

MOST_RUNS = 3
"""How many runs of a conversation are tried that turn out to have ended."""
LONGEST_TASK = 4_000


class Calls:
    """Carries calls out. Owned by one event loop."""

    def __init__(self, reception: Reception, open_calls: OpenCalls, screen: Screen, dispatch: Dispatch) -> None:
        self._reception = reception
        self._open_calls = open_calls
        self._screen = screen
        self._dispatch = dispatch

    def close(self) -> None:
        """Break off every call."""
        self._open_calls.close()

    async def carry_out(self, caller: Caller, body: Body) -> None:
        """Carry one call out and answer it. Raises Turned where nothing of an answer has been sent."""
        await prices_at_hand()
        visit, face = caller.visit, caller.face
        reference = reference_in(body)
        asked = face.read(body) if reference is None else None
        opening = asked.opening if asked is not None else reference.opening if reference is not None else b""
        conversation = f"llm/{hashlib.sha256(opening).hexdigest()}"
        told = asked.task[:LONGEST_TASK] if asked is not None else ""
        refused = Turned(Why.INTERNAL, "no_run", "no run of this conversation stays open")
        for _ in range(MOST_RUNS):
            run = await self._reception.run_of(visit, conversation, lambda: answer_masked(told))
            rules = visit.door.rules_of(run)
            version, chosen = "", asked
            if chosen is None and reference is not None:
                whole, prompt = filled(body, reference, face.name, rules)
                chosen, version = face.read(whole), f"prompt {prompt.name} {prompt.version}"
            assert chosen is not None, "a request names a prompt, or was read as it is"
            admission = await self._attempt(caller, run, rules, chosen, version)
            if admission is None:
                return
            refused = not_admitted(admission, caller.language)
            ended = any(finding.code is Code.RUN_ENDED for finding in admission.decision.findings)
            if not ended or not self._reception.goes_on(run):
                break
        raise refused

    async def _attempt(self, caller: Caller, run: Run, rules: Ruleset, asked: Asked, version: str) -> Admission | None:
        """Have a call admitted and carry it out; return the admission where it is none."""
        visit = caller.visit
        target, model = named(asked.model, rules, visit.agent)
        size = _unknown_size(asked)
        if model is not None:
            check_longer(caller.passed, model)
            asked = self._screen.shown(asked, model)
            size = size_of(asked, model)
        under_way = UnderWay(visit.door.action_id(run, ""), run, "model", target)
        entrance = Entrance(Assurance.ENFORCED, version)
        call = await self._open_calls.begin(visit.door, under_way, caller.language)
        try:
            admission = await visit.door.admit_model(
                run, target, size.read, size.written, under_way.action, {PROMPT: asked.told}, entrance
            )
            if admission.state is not ActionState.ADMITTED or model is None:
                return admission
            size = _within(admission, size)
            await self._dispatch.carry_out(Admitted(caller, asked, run, rules, model, size, admission.action, call))
        finally:
            self._open_calls.end(call)
        return None


def named(name: str, rules: Ruleset, agent: AgentName) -> tuple[str, Model | None]:
    """Return the full name of the model that is meant, and its document; None where the remit does not list it.

    What is not granted goes through admission all the same, which denies it and puts that on record. Raises Turned for
    a model that is granted but that no endpoint serves, and for a short name of several.
    """
    known = rules.agent(agent)
    granted = () if known is None else known.remit.models
    full = ModelName(name)
    if full not in granted:
        ends = [each for each in granted if each.partition("/")[2] == name]
        if len(ends) > 1:
            raise invalid("model.ambiguous", f"{name} may be {' or '.join(sorted(ends))}: write which", "model")
        if not ends:
            return name, None
        full = ends[0]
    model = rules.configuration.models.get(full)
    if model is None:
        text = f"no endpoint serves {full}: a document of kind Model must name one"
        raise Turned(Why.UNKNOWN, "model.no_route", text, {"field": "model"})
    return full, model


def _unknown_size(asked: Asked) -> Size:
    return Size(min(len(asked.body.raw), 1_000_000), asked.most_output or 1)


def _within(admission: Admission, size: Size) -> Size:
    """Return the size that the duties of an admission leave: a policy may have lowered what may be written."""
    for duty in admission.decision.duties:
        if isinstance(duty, Cap) and duty.field == "max_output_tokens":
            size = replace(size, written=min(size.written, duty.maximum))
    return size
