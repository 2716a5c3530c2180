"""Models for workflows: the same endpoints, masks and bounds as agents meet at the gateway, without a client."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from remit.asgi.outbound import Answer, Outbound, OutboundFailed
from remit.domain.arguments import PayloadLimits
from remit.domain.clock import MICROS_PER_SECOND, Clock
from remit.domain.ids import ActionId, ModelName
from remit.domain.release import Configuration
from remit.domain.upstream import Model, ModelRoute
from remit.execution import metering
from remit.execution.workflows.models import ModelAnswer, ModelRequest
from remit.execution.workflows.ports import CallFailed
from remit.gateways.llm.asked import Asked, body_from
from remit.gateways.llm.face import Seen, UpstreamBroken
from remit.gateways.llm.faces.chat import Chat
from remit.gateways.llm.masking import Screen
from remit.gateways.llm.opening import DEEPEST, MOST_VALUES
from remit.gateways.llm.routes import (
    ANOTHER_TRY,
    IN_BETWEEN,
    Random,
    Tried,
    failure,
    headers_for,
    in_order,
    no_credential,
    refused_by,
    sent,
    worth_another,
)
from remit.gateways.llm.size import size_of
from remit.gateways.llm.speaking import Speaking
from remit.gateways.llm.turned import Turned
from remit.storage.vault import NoSecret, Vault

MOST_BYTES = 16 * 1_048_576


class GatewayModelCalls:
    """See ModelCalls. Owned by the event loop of its way out."""

    def __init__(self, outbound: Outbound, vault: Vault, clock: Clock, draw: Random = random.random) -> None:
        self._outbound = outbound
        self._vault = vault
        self._clock = clock
        self._random = draw
        self._screen = Screen()
        self._face = Chat()
        self._limits = replace(PayloadLimits(), bytes=MOST_BYTES, depth=DEEPEST, values=MOST_VALUES)

    def ready(self, configuration: Configuration, model: str, body: Mapping[str, Any]) -> ModelRequest:
        """See ModelCalls."""
        try:
            asked = self._face.read(body_from(orjson.dumps({**body, "model": model}), self._limits))
            known = _document(configuration, model)
            asked = self._screen.shown(asked, known)
            size = size_of(asked, known)
        except Turned as turned:
            raise CallFailed(turned.code, turned.text, sent=False) from None
        return ModelRequest(model, size.read, size.written, asked.told, asked)

    async def ask(
        self, configuration: Configuration, request: ModelRequest, action: ActionId, timeout_s: float | None
    ) -> ModelAnswer:
        """See ModelCalls."""
        tried = Tried()
        try:
            async with asyncio.timeout(timeout_s):
                return await self._ask(_document(configuration, request.model), request, action, tried)
        except TimeoutError:
            text = f"{request.model} did not answer within {timeout_s:g} s"
            raise CallFailed("timed_out", text, sent=True) from None
        except Turned as turned:
            raise CallFailed(turned.code, turned.text, sent=tried.is_sent) from None

    def output_of(self, raw: bytes) -> ModelAnswer:
        """See ModelCalls."""
        document = orjson.loads(raw)
        return ModelAnswer(document, _usage(document), raw)

    async def _ask(self, model: Model, request: ModelRequest, action: ActionId, tried: Tried) -> ModelAnswer:
        left = in_order(model, self._random)
        while True:
            route = left.pop(0)
            speaking = Speaking(self._face, request.asked, route, model.name.partition("/")[0])
            try:
                answer = await self._try(request, route, speaking, tried)
            except OutboundFailed as error:
                tried.failed(failure(error, model.name), is_sent=error.sent)
            except NoSecret as error:
                tried.failed(no_credential(error, model.name), is_sent=False)
            except Turned as unsaid:
                tried.failed(unsaid, is_sent=False)
            else:
                async with answer:
                    if answer.status == 200:
                        return await self._read(answer, speaking, action, model.name)
                turned = refused_by(answer.status, "", answer.headers, model.name)
                tried.failed(turned, is_sent=answer.status in IN_BETWEEN)
                if answer.status not in ANOTHER_TRY:
                    raise turned
            if not worth_another(tried, left):
                raise tried.why

    async def _try(self, request: ModelRequest, route: ModelRoute, speaking: Speaking, tried: Tried) -> Answer:
        asked: Asked = request.asked
        letter = speaking.letter(max(1, request.max_output_tokens // asked.answers))
        headers = headers_for(route, self._vault, {}, letter, self._clock.now())
        tried.is_sent = True  # until it is known better
        answer = await sent(self._outbound, route, headers, letter)
        tried.is_sent = False
        return answer

    async def _read(self, answer: Answer, speaking: Speaking, action: ActionId, model: str) -> ModelAnswer:
        seconds = self._clock.now() // MICROS_PER_SECOND
        try:
            body = speaking.whole(action, seconds, await answer.read(), Seen())
        except OutboundFailed as error:
            raise CallFailed(error.code, f"the endpoint of {model} broke off its answer", sent=True) from None
        except UpstreamBroken as error:
            raise CallFailed("broken", f"the endpoint of {model} {error}", sent=True) from None
        return self.output_of(body)


def _document(configuration: Configuration, model: str) -> Model:
    found = configuration.models.get(ModelName(model))
    if found is None:
        text = f"no endpoint serves {model}: a document of kind Model must name one"
        raise CallFailed("no_route", text, sent=False)
    return found


def _usage(document: Mapping[str, Any]) -> metering.Usage | None:
    try:
        return metering.usage_of(document)
    except metering.NoUsage:
        return None
