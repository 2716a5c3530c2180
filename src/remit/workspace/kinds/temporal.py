"""Temporal facts: what policies read as `context.call.temporal`; part of the kind Workspace."""

from __future__ import annotations

from remit.domain.ids import ToolName
from remit.domain.temporal import Temporal, TemporalLevel
from remit.workspace.form import Choice, Duration, Matching, YesNo
from remit.workspace.kinds.tool import TOOL_NAME
from remit.workspace.record import Field, ListOf, Record, Values
from remit.workspace.report import At

FACT_NAME = Matching(str, r"[a-z][a-z0-9_]{0,63}", "the name of a temporal fact", "payments_sum_24h")
MAX_FACTS = 32
MAX_WINDOW_S = 92 * 86_400

_FIELD = Matching(str, r"[A-Za-z_][A-Za-z0-9_]{0,127}", "a field", "amount")
_SUM = Field[str]("sum", _FIELD, "an integer argument or derived field to add up; without it calls are counted", "")
_TOOLS = Field[tuple[ToolName, ...]](
    "tools", ListOf(TOOL_NAME, at_least=1, unique=True), "which tools count; all where left out", ()
)
_PER = Field[TemporalLevel]("per", Choice(TemporalLevel), "whose calls are counted together", required=True)
_WINDOW = Field[int]("window", Duration(), "how far back, such as `24h`, up to 92 days", required=True)
_DENIED = Field[bool]("denied", YesNo(), "whether what is denied or held counts as well", False)


def _temporal(values: Values, at: At) -> Temporal | None:
    if values[_WINDOW] > MAX_WINDOW_S:
        at.key("window").wrong(values.place_of(_WINDOW), "is longer than 92 days", "Write at most `92d`")
        return None
    tools: tuple[ToolName, ...] = values[_TOOLS]
    return Temporal("", values[_PER], values[_WINDOW], values[_SUM], tuple(sorted(tools)), values[_DENIED])


TEMPORAL = Record("a temporal fact", (_SUM, _TOOLS, _PER, _WINDOW, _DENIED), _temporal)
