"""Kind Workspace: what holds for the whole folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from remit.domain.ids import ModelName, WorkspaceName
from remit.domain.money import Micros
from remit.domain.release import ChannelGates, Effect, ModelPrice, Settings
from remit.domain.temporal import Temporal
from remit.workspace.form import Choice, Dollars, Duration, Matching, Name, TimeZoneName, Whole
from remit.workspace.kinds.gates import CHANNEL, CHANNEL_RULES
from remit.workspace.kinds.temporal import FACT_NAME, TEMPORAL
from remit.workspace.record import Field, ListOf, MapOf, Record, Values
from remit.workspace.report import At

MODEL = Matching(
    ModelName,
    r"[a-z0-9][a-z0-9_.-]{0,63}/[A-Za-z0-9][A-Za-z0-9._:/@-]{0,190}",
    "a model with its provider",
    "openai/gpt-5-mini",
)

_MODEL = Field[ModelName]("model", MODEL, "provider and model, such as `openai/gpt-5-mini`", required=True)
_INPUT = Field[Micros]("input", Dollars(), "US dollars for a million tokens read", required=True)
_OUTPUT = Field[Micros]("output", Dollars(), "US dollars for a million tokens written", required=True)


def _price(values: Values, _: At) -> ModelPrice:
    return ModelPrice(values[_MODEL], values[_INPUT], values[_OUTPUT])


PRICE = Record("a price", (_MODEL, _INPUT, _OUTPUT), _price)

_NAME = Field[WorkspaceName | None](
    "name", Name(WorkspaceName, "gulf-trading"), "the workspace's name; the folder's where left out"
)
_ZONE = Field[str]("timezone", TimeZoneName(), "IANA time zone in which days and months begin", "UTC")
_PRICES = Field[tuple[ModelPrice, ...]](
    "prices", ListOf(PRICE), "what models cost here; overrides the public price list", ()
)
_EXPIRY = Field[int]("approval_expiry", Duration(), "how long a hold waits for an answer", 86_400)
_PEOPLE = Field[int]("people", Whole(1, 2), "how many people it takes to point a channel at a release", 1)


def _activation(values: Values, _: At) -> int:
    return values[_PEOPLE]


ACTIVATION = Record("an activation", (_PEOPLE,), _activation)

_ACTIVATION = Field[int]("activation", ACTIVATION, "what it takes to point a channel at a release", 1)
_SIGN_IN = Field[tuple[Effect, ...]](
    "sign_in_to_approve",
    ListOf(Choice(Effect), unique=True),
    "effects whose approvals need a signed-in person, besides `pay`, `delete` and `admin`",
    (),
)
_CHANNELS = Field[Mapping[str, ChannelGates]](
    "channels", MapOf(CHANNEL_RULES, CHANNEL), "what channels require before they point at another release", {}
)
_TEMPORAL = Field[Mapping[str, Temporal]](
    "temporal", MapOf(TEMPORAL, FACT_NAME), "counts and sums that policies read as `context.call.temporal`", {}
)


def _settings(values: Values, at: At) -> Settings | None:
    prices = values[_PRICES]
    models = [price.model for price in prices]
    again = next((index for index, model in enumerate(models) if model in models[:index]), None)
    if again is not None:
        place = values.node.place_of(f"prices[{again}].model")
        at.key("prices").item(again).wrong(place, f"`{models[again]}` has two prices", "Keep one of them")
        return None
    return Settings(
        values[_NAME] or WorkspaceName(""),
        values[_ZONE],
        prices,
        values[_EXPIRY],
        values[_ACTIVATION],
        values[_SIGN_IN],
        tuple(replace(gates, channel=name) for name, gates in sorted(values[_CHANNELS].items())),
        tuple(replace(fact, name=name) for name, fact in sorted(values[_TEMPORAL].items())),
    )


SETTINGS = Record(
    "a Workspace", (_NAME, _ZONE, _PRICES, _EXPIRY, _ACTIVATION, _SIGN_IN, _CHANNELS, _TEMPORAL), _settings
)
"""A Settings whose name is empty takes the folder's."""
