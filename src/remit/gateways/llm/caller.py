"""Who asks at the model gateway, and how it is answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from remit.asgi.answers import Receive, Send
from remit.asgi.reception import Visit
from remit.domain.messages import Language
from remit.gateways.llm.face import Face


@dataclass(frozen=True, slots=True)
class Caller:
    """One request's agent and the interface it speaks.

    `passed` are headers that are sent on to an endpoint of the same dialect.
    """

    visit: Visit
    face: Face
    language: Language
    passed: Mapping[str, str]
    receive: Receive
    send: Send
