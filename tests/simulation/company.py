"""The workspace that is simulated, and its budgets said once more for the model that watches over them."""

from __future__ import annotations

from dataclasses import dataclass

from tests.worlds import TOOLS, agent, budget, documents

HOUR_S, DAY_S = 3600, 86_400
ZONE_S = 4 * HOUR_S
"""Asia/Dubai is four hours ahead of UTC all year, so its windows can be worked out without a time zone database."""

AGENTS = ("buyer", "clerk")
USERS = ("user:ali", "user:noor")


@dataclass(frozen=True, slots=True)
class Watched:
    """A budget as the model knows it. `window_s` None means that it never starts afresh."""

    name: str
    level: str
    unit: str
    limit: int
    window_s: int | None
    hard: bool = True
    subject: str = ""

    def start(self, at_s: int) -> int:
        """When the window that holds an instant began, in seconds."""
        if self.window_s is None:
            return 0
        return (at_s + ZONE_S) // self.window_s * self.window_s - ZONE_S


BUDGETS = (
    Watched("company-hour", "workspace", "calls", 9, HOUR_S),
    Watched("team-day", "team", "micros", 700_000, DAY_S),
    Watched("user-day", "user", "calls", 14, DAY_S),
    Watched("run-calls", "run", "calls", 6, None),
    Watched("buyer-day", "agent", "tokens", 400, DAY_S, subject="buyer"),
    Watched("wish", "workspace", "calls", 3, HOUR_S, hard=False),
)

CHANGES: dict[str, str | None] = {
    "tools/erp.yaml": TOOLS,
    "budgets.yaml": documents(
        budget("company-hour", "workspace", "hour", calls=9),
        budget("team-day", "team", "day", usd=0.7),
        budget("user-day", "user", "day", calls=14),
        budget("run-calls", "run", "run", calls=6),
        budget("wish", "workspace", "hour", calls=3, hard=False),
    ),
    "agents/buyer.yaml": agent(
        "buyer",
        tools=["erp.get", "erp.status", {"tool": "erp.pay", "calls_per_run": 2}, "erp.scan"],
        budgets=[{"name": "buyer-day", "per": "day", "tokens": 400}],
        limits={"rate": "30/hour", "steps": 12, "wall_time": "90d"},
    ),
    "agents/clerk.yaml": agent(
        "clerk", team="procurement", limits={"concurrency": 3, "wall_time": "90d"}, loops={"same_result": 2}
    ),
}
