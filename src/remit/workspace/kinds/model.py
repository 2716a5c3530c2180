"""Kind Model: a model that agents ask the gateway for, and the endpoints that serve it."""

from __future__ import annotations

from remit.domain.ids import ModelName
from remit.domain.money import Micros
from remit.domain.upstream import DataClass, Dialect, Model, ModelRoute
from remit.workspace.form import Choice, Dollars, Duration, Reference, Text, Whole, YesNo
from remit.workspace.kinds.server import web_address
from remit.workspace.kinds.settings import MODEL as MODEL_NAME
from remit.workspace.record import Field, ListOf, Record, Values
from remit.workspace.report import At

_DIALECT = Field[Dialect]("dialect", Choice(Dialect), "the interface its endpoint speaks", required=True)
_URL = Field[str]("url", Text("https://api.openai.com/v1", 2_000), "base address of the endpoint", required=True)
_UPSTREAM = Field[str]("upstream", Text("gpt-5-mini", 200), "what the model is called there", required=True)
_CREDENTIAL = Field[str]("credential", Reference(), "where its key is found; none is sent where left out", "")
_REGION = Field[str]("region", Text("me-central-1", 100), "where it computes", "")
_WEIGHT = Field[int]("weight", Whole(0, 1_000), "its share of first tries; 0: only when others failed", 1)
_PRIVATE = Field[bool]("private", YesNo(), "whether the URL may lead to a private or loopback address", False)
_ANSWER = Field[int]("answer_within", Duration(), "how long the first byte of an answer is waited for", 120)


def _route(values: Values, at: At) -> ModelRoute | None:
    if not web_address(values[_URL], at, values, _URL):
        return None
    if values[_DIALECT] is Dialect.BEDROCK and not values[_REGION]:
        at.wrong(values.node, "requests to Bedrock are signed for a region", "Add `region`")
        return None
    return ModelRoute(
        dialect=values[_DIALECT],
        url=values[_URL].rstrip("/"),
        upstream=values[_UPSTREAM],
        credential=values[_CREDENTIAL],
        region=values[_REGION],
        weight=values[_WEIGHT],
        private=values[_PRIVATE],
        answer_s=values[_ANSWER],
    )


ROUTE = Record("a route", (_DIALECT, _URL, _UPSTREAM, _CREDENTIAL, _REGION, _WEIGHT, _PRIVATE, _ANSWER), _route)

_NAME = Field[ModelName]("name", MODEL_NAME, "provider and model, as remits list it", required=True)
_ROUTES = Field[tuple[ModelRoute, ...]](
    "routes", ListOf(ROUTE, at_least=1), "endpoints that serve it, by weight and then in this order", required=True
)
_SEES = Field[tuple[DataClass, ...]](
    "sees", ListOf(Choice(DataClass), unique=True), "data it may be shown; what is found of others is masked", ()
)
_INPUT = Field[Micros | None]("input_price", Dollars(), "US dollars for a million tokens read")
_OUTPUT = Field[Micros | None]("output_price", Dollars(), "US dollars for a million tokens written")
_CONTEXT = Field[int]("context_tokens", Whole(1, 100_000_000), "most tokens it takes in", 128_000)
_MAX_OUTPUT = Field[int](
    "max_output_tokens", Whole(1, 10_000_000), "most tokens it writes, and what is asked for where nobody says", 4_096
)
_IMAGE = Field[int | None]("image_tokens", Whole(1, 1_000_000), "the most tokens that one image counts as")
_FILE = Field[int | None]("file_tokens", Whole(1, 10_000_000), "the most tokens that one file counts as")
_MASK = Field[bool]("mask_answers", YesNo(), "whether what it may not be shown is masked in its answers, too", False)


def _model(values: Values, at: At) -> Model | None:
    routes = values[_ROUTES]
    fits = True
    if not any(route.weight for route in routes):
        at.key("routes").wrong(values.place_of(_ROUTES), "no route has a weight", "Give one a `weight` of 1 or more")
        fits = False
    if (_INPUT in values) != (_OUTPUT in values):
        at.wrong(values.node, "has a price in one direction only", "Write both `input_price` and `output_price`")
        fits = False
    if not fits:
        return None
    return Model(
        name=values[_NAME],
        routes=routes,
        sees=values[_SEES],
        input_price=values[_INPUT],
        output_price=values[_OUTPUT],
        context_tokens=values[_CONTEXT],
        max_output_tokens=values[_MAX_OUTPUT],
        image_tokens=values[_IMAGE],
        file_tokens=values[_FILE],
        mask_answers=values[_MASK],
    )


MODEL_RECORD = Record(
    "a Model",
    (_NAME, _ROUTES, _SEES, _INPUT, _OUTPUT, _CONTEXT, _MAX_OUTPUT, _IMAGE, _FILE, _MASK),
    _model,
)
