"""Which models an agent may ask for: those its remit lists and an endpoint serves, in the active release."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from remit.asgi.reception import Visit
from remit.domain.release import PRODUCTION
from remit.domain.upstream import Model
from remit.execution.rulesets import Rulesets
from remit.gateways.llm.turned import Turned, Why
from remit.storage.port import Reads

BEGINNING = "2024-01-01T00:00:00Z"
"""When a model was made is known to nobody here; clients want a time."""


class Models:
    """Reads the active release. Blocks: to be asked in a thread."""

    def __init__(self, store: Reads, rulesets: Rulesets) -> None:
        self._store = store
        self._rulesets = rulesets

    def of(self, visit: Visit) -> Sequence[Model]:
        """Return the models that a caller may ask for, in a stable order."""
        workspace = visit.caller.workspace
        release = self._store.active(workspace, visit.caller.channel or PRODUCTION)
        if release is None:
            return ()
        rules = self._rulesets.of(workspace, release)
        agent = rules.agent(visit.agent)
        granted = () if agent is None else sorted(agent.remit.models)
        known = rules.configuration.models
        return [known[name] for name in granted if name in known]


def openai_list(models: Sequence[Model], name: str) -> dict[str, Any]:
    """Return all of them, or the one that is named, as OpenAI's interface does. Raises Turned."""
    if name:
        return _openai(_named(models, name))
    return {"object": "list", "data": [_openai(model) for model in models]}


def anthropic_list(models: Sequence[Model], name: str) -> dict[str, Any]:
    """Return all of them, or the one that is named, as Anthropic's interface does. Raises Turned."""
    if name:
        return _anthropic(_named(models, name))
    found = [_anthropic(model) for model in models]
    ends = {"first_id": found[0]["id"], "last_id": found[-1]["id"]} if found else {"first_id": None, "last_id": None}
    return {"data": found, "has_more": False, **ends}


def _named(models: Sequence[Model], name: str) -> Model:
    found = next((model for model in models if model.name == name), None)
    if found is None:
        raise Turned(Why.UNKNOWN, "model.unknown", "there is no such model for this agent", {"field": "model"})
    return found


def _openai(model: Model) -> dict[str, Any]:
    return {"id": model.name, "object": "model", "created": 0, "owned_by": model.name.partition("/")[0]}


def _anthropic(model: Model) -> dict[str, Any]:
    return {"type": "model", "id": model.name, "display_name": model.name, "created_at": BEGINNING}
