"""Kind Tool: something an agent can call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from remit.domain.ids import ToolName
from remit.domain.money import Micros
from remit.domain.release import ArgumentRole, Derived, DerivedType, Effect, Title, Tool
from remit.domain.title import MAX_TEMPLATE
from remit.domain.upstream import Via
from remit.workspace.form import Choice, Dollars, Matching, Name, Text, YesNo
from remit.workspace.record import Field, JsonMapping, ListOf, MapOf, Record, Values
from remit.workspace.report import At

TOOL_NAME = Name(ToolName, "erp.create_payment")
_LABEL = Name(str, "pii")
_IDENTIFIER = Matching(str, r"[A-Za-z_][A-Za-z0-9_]{0,63}", "a field name", "passengers")

_TYPE = Field[DerivedType]("type", Choice(DerivedType), "what the expression yields", required=True)
_JMESPATH = Field[str]("jmespath", Text("length(passengers)", 1_000), "JMESPath over the arguments", required=True)
_OPTIONAL = Field[bool]("optional", YesNo(), "true leaves the field out where it yields null, false denies then", False)


def _derived(values: Values, _: At) -> Derived:
    return Derived("", values[_TYPE], values[_JMESPATH], values[_OPTIONAL])


DERIVED = Record("a derived field", (_TYPE, _JMESPATH, _OPTIONAL), _derived)
"""Its name is the key it stands under, which the tool's record fills in."""

_LABELS = Field[tuple[str, ...]]("labels", ListOf(_LABEL, unique=True), "what the result is, such as `pii`", ())
_SCHEMA = Field[Mapping[str, object] | None](
    "schema", JsonMapping(), "JSON Schema of the result; workflows are checked against it"
)


@dataclass(frozen=True, slots=True)
class Output:
    """What a tool's document says of its result."""

    labels: tuple[str, ...] = ()
    schema: Mapping[str, object] | None = None


def _output(values: Values, _: At) -> Output:
    return Output(values[_LABELS], values[_SCHEMA])


OUTPUT = Record("an output", (_LABELS, _SCHEMA), _output)

_ENGLISH = Field[str]("en", Text("Pay {amount} to {destination}", MAX_TEMPLATE), "the title in English", required=True)
_ARABIC = Field[str](
    "ar", Text("دفع {amount} إلى {destination}", MAX_TEMPLATE), "the title in Arabic; ours where left out", ""
)


def _title(values: Values, _: At) -> Title:
    return Title(values[_ENGLISH], values[_ARABIC])


TITLE = Record("a title", (_ENGLISH, _ARABIC), _title)

_NAME = Field[ToolName]("name", TOOL_NAME, "the tool's name, such as `erp.create_payment`", required=True)
_SERVER = Field[str | None]("server", Name(str, "erp"), "where it runs; the name up to its first dot where left out")
_EFFECT = Field[Effect]("effect", Choice(Effect), "what a call does to the world", required=True)
_DESCRIPTION = Field[str]("description", Text("Pays a supplier."), "what it does, for people and models", "")
_INPUT = Field[Mapping[str, object]](
    "input",
    JsonMapping(),
    "JSON Schema 2020-12 of the arguments, with `type: object` at its root",
    required=True,
)
_ROLES = Field[Mapping[str, ArgumentRole]](
    "roles", MapOf(Choice(ArgumentRole)), "what arguments mean to an approver and to a check", {}
)
_DERIVED = Field[Mapping[str, Derived]](
    "derived", MapOf(DERIVED, _IDENTIFIER), "fields for policies, computed from the arguments", {}
)
_NOT_GOVERNABLE = Field[tuple[str, ...]](
    "not_governable",
    ListOf(Text("note", 200), unique=True),
    "arguments that no policy can read, known and accepted",
    (),
)
_OUTPUT = Field[Output]("output", OUTPUT, "what comes back", Output())
_REVERSIBLE = Field[bool]("reversible", YesNo(), "whether a call can be undone", False)
_IDEMPOTENT = Field[bool]("idempotent", YesNo(), "whether the same call twice does no more than once", False)
_POLLABLE = Field[bool]("pollable", YesNo(), "whether it is meant to be called again until something changes", False)
_COST = Field[Micros]("cost_per_call", Dollars(), "US dollars a call costs", Micros(0))
_TITLE = Field[Title | None]("title", TITLE, "what people who approve a call read first, with `{placeholders}`")
_STATUS = Field[str](
    "status", TOOL_NAME, "the tool that tells by `action`, its id, what became of a call: `ok`, `error` or `absent`", ""
)
_UPSTREAM = Field[str](
    "upstream",
    Text("create_payment", 200),
    "what its server calls it; the name without the server's where left out",
    "",
)
_VIA = Field[Via](
    "via", Choice(Via), "what it is at its server: a tool, or the reading of resources or prompts", Via.TOOL
)
_PIN = Field[str](
    "pin",
    Matching(str, r"sha256:[0-9a-f]{64}", "the digest of a definition", "sha256:" + 64 * "0"),
    "digest of its definition at the server, as a person accepted it; `remit tools import` writes it",
    "",
)


def _tool(values: Values, _: At) -> Tool:
    name = values[_NAME]
    server = values[_SERVER] or name.partition(".")[0]
    derived = tuple(Derived(key, each.type, each.jmespath, each.optional) for key, each in values[_DERIVED].items())
    return Tool(
        name=name,
        server=server,
        effect=values[_EFFECT],
        description=values[_DESCRIPTION],
        input_schema=values[_INPUT],
        roles=values[_ROLES],
        derived=derived,
        not_governable=values[_NOT_GOVERNABLE],
        output_labels=values[_OUTPUT].labels,
        output_schema=values[_OUTPUT].schema,
        status=values[_STATUS],
        reversible=values[_REVERSIBLE],
        idempotent=values[_IDEMPOTENT],
        pollable=values[_POLLABLE],
        cost_per_call=values[_COST],
        title=values[_TITLE],
        upstream=values[_UPSTREAM] or name.removeprefix(f"{server}."),
        via=values[_VIA],
        pin=values[_PIN],
    )


TOOL = Record(
    "a Tool",
    (
        _NAME,
        _SERVER,
        _EFFECT,
        _DESCRIPTION,
        _INPUT,
        _ROLES,
        _DERIVED,
        _NOT_GOVERNABLE,
        _OUTPUT,
        _REVERSIBLE,
        _IDEMPOTENT,
        _POLLABLE,
        _COST,
        _TITLE,
        _STATUS,
        _UPSTREAM,
        _VIA,
        _PIN,
    ),
    _tool,
)
