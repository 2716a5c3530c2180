"""Kind Budget, and the shorter form that stands in a remit."""

from __future__ import annotations

from remit.domain.ids import BudgetName
from remit.domain.money import Micros
from remit.domain.release import Budget, BudgetLevel, BudgetUnit, BudgetWindow
from remit.domain.text import is_name
from remit.workspace.form import Choice, Dollars, Matching, Name, TimeZoneName, Whole, YesNo
from remit.workspace.record import Field, ListOf, Record, Values
from remit.workspace.report import At

BUDGET_NAME = Name(BudgetName, "company-month")
AMOUNT_KEYS = ("usd", "tokens", "calls")
"""The keys an amount may be written under; each is a unit."""

_NAME = Field[BudgetName]("name", BUDGET_NAME, "the budget's name, unique in the workspace", required=True)
_USD = Field[Micros]("usd", Dollars(positive=True), "the amount in US dollars")
_TOKENS = Field[int]("tokens", Whole(), "the amount in tokens")
_CALLS = Field[int]("calls", Whole(), "the amount in tool and model calls")
_HARD = Field[bool]("hard", YesNo(), "true refuses what would exceed it, false only reports it", True)
_WARN_AT = Field[tuple[int, ...]](
    "warn_at", ListOf(Whole(1, 100)), "shares in per cent at which a warning is reported, ascending", (80,)
)
_ZONE = Field[str]("timezone", TimeZoneName(), "where its windows begin; the workspace's where left out", "")

_LEVEL = Field[BudgetLevel]("level", Choice(BudgetLevel), "whose spend it counts", required=True)
_SUBJECT = Field[str | None](
    "subject",
    Matching(
        str,
        r"(?:user:)?[a-zA-Z0-9](?:[a-zA-Z0-9._-]{0,126}[a-zA-Z0-9])?",
        "a team, agent or user",
        "procurement",
    ),
    "the one team, agent or user it is for; each has its own where left out",
)
_WINDOW = Field[BudgetWindow]("window", Choice(BudgetWindow), "after what time it starts afresh", required=True)
_PER = Field[BudgetWindow]("per", Choice(BudgetWindow), "each run, or the agent's hour, day or month", required=True)

_ONE_AMOUNT = (AMOUNT_KEYS,)


def _amount(values: Values) -> tuple[BudgetUnit, int]:
    if _USD in values:
        return BudgetUnit.MICRO_USD, values[_USD]
    return (BudgetUnit.TOKENS, values[_TOKENS]) if _TOKENS in values else (BudgetUnit.CALLS, values[_CALLS])


def _warnings_ascend(values: Values, at: At) -> bool:
    shares = values[_WARN_AT]
    if list(shares) == sorted(set(shares)):
        return True
    said = "the shares do not ascend"
    at.key("warn_at").wrong(values.place_of(_WARN_AT), said, f"Write {sorted(set(shares))}")
    return False


def _budget(values: Values, at: At) -> Budget | None:
    fits = _warnings_ascend(values, at)
    level, window, subject = values[_LEVEL], values[_WINDOW], values[_SUBJECT]
    if (level is BudgetLevel.RUN) != (window is BudgetWindow.RUN):
        said = f"level `{level}` does not go with window `{window}`"
        remedy = "Give a budget of level `run` the window `run`, and any other `hour`, `day` or `month`"
        at.key("window").wrong(values.place_of(_WINDOW), said, remedy)
        fits = False
    if subject is not None:
        fits = _subject_fits(level, subject, values, at) and fits
    unit, amount = _amount(values)
    made = Budget(values[_NAME], level, unit, window, amount, subject, values[_ZONE], values[_HARD], values[_WARN_AT])
    return made if fits else None


def _subject_fits(level: BudgetLevel, subject: str, values: Values, at: At) -> bool:
    if level is BudgetLevel.WORKSPACE:
        said = "a budget of the whole workspace has no subject"
        at.key("subject").wrong(values.place_of(_SUBJECT), said, "Remove it, or choose another level")
        return False
    if (level is BudgetLevel.USER) == is_name(subject):
        remedy = "Write `user:` and a name" if level is BudgetLevel.USER else "Write a name without `user:`"
        said = f"`{subject}` is not the subject of a budget of level `{level}`"
        at.key("subject").wrong(values.place_of(_SUBJECT), said, remedy)
        return False
    return True


BUDGET = Record(
    "a Budget",
    (_NAME, _LEVEL, _SUBJECT, _USD, _TOKENS, _CALLS, _WINDOW, _ZONE, _HARD, _WARN_AT),
    _budget,
    _ONE_AMOUNT,
)
"""A Budget whose timezone is empty takes the workspace's."""


def _remit_budget(values: Values, at: At) -> Budget | None:
    if not _warnings_ascend(values, at):
        return None
    window = values[_PER]
    level = BudgetLevel.RUN if window is BudgetWindow.RUN else BudgetLevel.AGENT
    unit, amount = _amount(values)
    return Budget(values[_NAME], level, unit, window, amount, None, values[_ZONE], values[_HARD], values[_WARN_AT])


REMIT_BUDGET = Record(
    "a budget of a remit",
    (_NAME, _PER, _USD, _TOKENS, _CALLS, _ZONE, _HARD, _WARN_AT),
    _remit_budget,
    _ONE_AMOUNT,
)
"""Its subject is the agent it stands in, which the agent's record fills in."""
