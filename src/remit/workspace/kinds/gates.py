"""What a channel requires before it points at another release; part of the kind Workspace."""

from __future__ import annotations

from remit.domain.ids import GroupName
from remit.domain.release import BacktestGate, ChannelGates
from remit.workspace.form import Name, Whole, YesNo
from remit.workspace.kinds.people import GROUP
from remit.workspace.record import Field, Record, Values
from remit.workspace.report import At

CHANNEL = Name(str, "production")

_DAYS = Field[int]("days", Whole(1, 3_660), "how many days of recorded decisions it must go over", required=True)
_FLIPS = Field[int]("unexpected_flips", Whole(0), "how many decisions may flip that nobody expects", 0)


def _backtest(values: Values, _: At) -> BacktestGate:
    return BacktestGate(values[_DAYS], values[_FLIPS])


BACKTEST = Record("a backtest gate", (_DAYS, _FLIPS), _backtest)

_TESTS = Field[bool]("tests", YesNo(), "the release has tests of its own, and all pass", False)
_BACKTEST = Field[BacktestGate | None]("backtest", BACKTEST, "a backtest of the candidate over recorded decisions")
_APPROVAL = Field[GroupName | None](
    "approval", GROUP, "a person of this group agrees, other than the one who proposes; a group without a quorum"
)


def _requires(values: Values, _: At) -> ChannelGates:
    return ChannelGates("", values[_TESTS], values[_BACKTEST], values[_APPROVAL])


REQUIRES = Record("what a channel requires", (_TESTS, _BACKTEST, _APPROVAL), _requires)

_REQUIRES = Field[ChannelGates]("requires", REQUIRES, "gates before activation", required=True)


def _channel(values: Values, _: At) -> ChannelGates:
    return values[_REQUIRES]


CHANNEL_RULES = Record("a channel", (_REQUIRES,), _channel)
