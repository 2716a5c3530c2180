"""How a call is put to an endpoint, and its answer to the client: as it is where both speak alike, else translated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from remit.domain.upstream import Dialect, ModelRoute
from remit.gateways.llm.asked import Asked
from remit.gateways.llm.face import Face, Follower, Seen
from remit.gateways.llm.translation import from_chat, from_messages, requests
from remit.gateways.llm.translation.answers import ChatWriter, MessageWriter, Writer
from remit.gateways.llm.translation.bedrock import path_of
from remit.gateways.llm.translation.hearing import ChatHearing, ConverseHearing, Hearing, MessageHearing
from remit.gateways.llm.translation.translating import Translating
from remit.gateways.llm.turned import Turned, Why
from remit.gateways.llm.veil import veil_of


@dataclass(frozen=True, slots=True)
class Letter:
    """What is sent to an endpoint."""

    path: str
    body: bytes


_READERS = {"chat": from_chat.read, "messages": from_messages.read}
_WRITERS: Mapping[Dialect, requests.Write] = {
    Dialect.OPENAI: requests.chat,
    Dialect.ANTHROPIC: requests.messages,
    Dialect.BEDROCK: requests.converse,
}


class Speaking:
    """Speaks for one call with one endpoint."""

    def __init__(self, face: Face, asked: Asked, route: ModelRoute, provider: str) -> None:
        self._face = face
        self._asked = asked
        self._route = route
        self._provider = provider

    @property
    def is_alike(self) -> bool:
        """Whether client and endpoint speak the same interface."""
        return self._face.dialect is self._route.dialect

    def letter(self, most_output: int) -> Letter:
        """Return what is sent. Raises Turned for what can not be said in the endpoint's dialect."""
        face, asked, route = self._face, self._asked, self._route
        if self.is_alike:
            changes = face.changes(asked, route.upstream, self._provider, most_output)
            return Letter(face.path, asked.body.changed(changes))
        read = _READERS.get(face.name)
        if read is None:
            text = f"{face.name} are not translated, and the endpoint of this model speaks another interface"
            raise Turned(Why.INVALID, "translation.no_word", text, {"field": "model"})
        try:
            talk = read(asked.body.value)
        except (AttributeError, TypeError, KeyError):
            text = "the request can not be read as its interface is laid down, so it can not be translated"
            raise Turned(Why.INVALID, "translation.unread", text) from None
        value = _WRITERS[route.dialect](talk, route.upstream, most_output, asked.is_stream, self._provider)
        return Letter(self._path(), orjson.dumps(value))

    def _path(self) -> str:
        match self._route.dialect:
            case Dialect.OPENAI:
                return "/chat/completions"
            case Dialect.ANTHROPIC:
                return "/messages"
            case Dialect.BEDROCK:
                return path_of(self._route.upstream, is_stream=self._asked.is_stream)

    @property
    def kind(self) -> str:
        """The media type that a stream of the endpoint has."""
        return "text/event-stream" if self.is_alike else self._hearing().kind

    def follow(self, id: str, created: int) -> Follower:
        """Return who follows a stream. `id` names the answer, where it gets a name here."""
        if self.is_alike:
            return self._face.follow(self._asked)
        return self._translating(id, created)

    def whole(self, id: str, created: int, raw: bytes, seen: Seen) -> bytes:
        """Return an answer in one piece as the client gets it. Raises UpstreamBroken."""
        if self.is_alike:
            return self._face.whole(self._asked, raw, seen)
        translating = self._translating(id, created)
        translating.seen = seen
        return translating.whole(raw)

    def _translating(self, id: str, created: int) -> Translating:
        return Translating(self._face, self._hearing(), self._writer(id, created), veil_of(self._asked.veils))

    def _hearing(self) -> Hearing:
        match self._route.dialect:
            case Dialect.OPENAI:
                return ChatHearing()
            case Dialect.ANTHROPIC:
                return MessageHearing()
            case Dialect.BEDROCK:
                return ConverseHearing()

    def _writer(self, id: str, created: int) -> Writer:
        if self._face.dialect is Dialect.ANTHROPIC:
            return MessageWriter(id, self._asked.model)
        return ChatWriter(id, self._asked.model, created, wants_usage=self._asked.wants_usage)
