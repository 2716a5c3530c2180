"""What stands behind a gateway: servers of tools, and models with the routes that lead to them.

Credentials are references such as `env:ERP_TOKEN`, never the secrets themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from remit.domain.ids import ModelName, ServerName
from remit.domain.money import Micros


class Via(StrEnum):
    """What a tool is at its server: a tool, or the reading of resources or prompts, admitted like any other call."""

    TOOL = "tool"
    RESOURCE = "resource"
    PROMPT = "prompt"


@dataclass(frozen=True, slots=True)
class ToolServer:
    """An MCP server behind the gateway: a command that speaks on its standard streams, or a URL.

    Attributes:
        command: program and arguments; empty where there is a URL.
        env: variables of that program, each a plain text or a reference; it inherits no others but PATH and the like.
        folder: where the program is started; empty: where Remit was.
        url: of a streamable HTTP endpoint; empty where there is a command.
        headers: sent with each request, each a plain text or a reference.
        private: whether the URL may lead to a private or loopback address.
        start_s, answer_s: how long it may take to start, and to answer one call.
        concurrency: most calls at the same time.
    """

    name: ServerName
    command: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    folder: str = ""
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    private: bool = False
    start_s: int = 15
    answer_s: int = 60
    concurrency: int = 16


class Dialect(StrEnum):
    """The interface that a route's endpoint speaks."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    BEDROCK = "bedrock"


@dataclass(frozen=True, slots=True)
class ModelRoute:
    """One endpoint that serves a model.

    Attributes:
        url: the base of the endpoint, as `https://api.openai.com/v1`.
        upstream: what the model is called there.
        credential: a reference to the key; empty: none is sent.
        region: where it computes, for people and policies; of Bedrock also the region that requests are signed for.
        weight: its share of first tries among the routes of the model; 0: only when others failed.
        private: whether the URL may lead to a private or loopback address.
        answer_s: how long the first byte of an answer is waited for.
    """

    dialect: Dialect
    url: str
    upstream: str
    credential: str = ""
    region: str = ""
    weight: int = 1
    private: bool = False
    answer_s: int = 120


class DataClass(StrEnum):
    """What found data is, as far as a model may be kept from seeing it."""

    PII = "pii"
    FINANCIAL = "financial"
    SECRET = "secret"  # noqa: S105 - a class of data, not a password


@dataclass(frozen=True, slots=True)
class Model:
    """A model that agents may ask the gateway for, as `provider/name`.

    Attributes:
        routes: tried by weight, then one after the other until the first byte.
        sees: classes of data it may be shown; what is found of others is masked on the way to it.
        input_price, output_price: micro-USD per million tokens; they override the price lists. Both or neither.
        context_tokens: most tokens it takes in; more is refused before it is sent.
        max_output_tokens: what is asked for where the client does not say; also the most that it may ask for.
        image_tokens, file_tokens: the most that one image, or one file, counts as; None: known of the provider, or a
            call with one is refused.
        mask_answers: what it may not be shown is masked in its answers, too.
    """

    name: ModelName
    routes: tuple[ModelRoute, ...]
    sees: tuple[DataClass, ...] = ()
    input_price: Micros | None = None
    output_price: Micros | None = None
    context_tokens: int = 128_000
    max_output_tokens: int = 4_096
    image_tokens: int | None = None
    file_tokens: int | None = None
    mask_answers: bool = False
