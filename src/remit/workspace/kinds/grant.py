"""One tool in a remit: its name alone, or its name with conditions."""

from __future__ import annotations

from collections.abc import Mapping

from remit.domain.ids import ToolName
from remit.domain.release import Cap, Grant, GrantMode, Mask
from remit.workspace.form import MAX_COUNT, Choice, Name, Text, Whole
from remit.workspace.kinds.tool import TOOL_NAME
from remit.workspace.record import Field, ListOf, MapOf, OneOf, Record, Values
from remit.workspace.report import At

_TOOL = Field[ToolName]("tool", TOOL_NAME, "the tool's name", required=True)
_WHEN = Field[str](
    "when",
    Text("context.input.amount_aed <= 50000", 4_000),
    "Cedar condition over `principal`, `resource` and `context` under which it may be called",
    "",
)
_PERMIT = Field[GrantMode](
    "permit",
    Choice(GrantMode),
    "`grant`: this line permits it; `policy`: a written policy must",
    GrantMode.GRANT,
)
_CALLS = Field[int | None]("calls_per_run", Whole(), "most calls in one run")
_MASK = Field[tuple[str, ...]](
    "mask", ListOf(Text("memo", 200), unique=True), "arguments that are blanked before the call goes out", ()
)
_CAP = Field[Mapping[str, int]](
    "cap",
    MapOf(Whole(-MAX_COUNT)),
    "most that whole-number arguments are lowered to before the call goes out",
    {},
)


def _grant(values: Values, at: At) -> Grant | None:
    if values[_WHEN] and values[_PERMIT] is GrantMode.POLICY:
        remedy = "Move the condition into the policy, or remove `permit: policy`"
        at.key("when").wrong(values.place_of(_WHEN), "would never be read, as a policy permits this tool", remedy)
        return None
    duties: list[Mask | Cap] = [Mask(name) for name in values[_MASK]]
    duties += [Cap(name, most) for name, most in values[_CAP].items()]
    return Grant(values[_TOOL], values[_PERMIT], values[_WHEN], values[_CALLS], tuple(duties))


GRANT = OneOf(
    Name(lambda name: Grant(ToolName(name)), "vendor.quote"),
    Record("a grant", (_TOOL, _WHEN, _PERMIT, _CALLS, _MASK, _CAP), _grant),
)
