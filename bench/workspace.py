"""A small workspace as files, applied to a database: what a whole call and a start-up are measured on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from remit.compose import open_parts
from remit.control.releases import Releases
from remit.settings import Settings
from remit.workspace.files import Folder

NAME = "bench"

FILES: Mapping[str, str] = {
    "workspace.yaml": "kind: Workspace\nname: bench\ntimezone: Asia/Dubai\n",
    "people.yaml": (
        "kind: Person\nid: user:omar\n---\nkind: Person\nid: user:sara\n---\n"
        "kind: Group\nname: finance\nmembers: [user:omar, user:sara]\n"
    ),
    "agents/buyer.yaml": """
kind: Agent
name: buyer
owner: user:omar
purpose: Keep the stock filled at fair prices.
team: procurement
remit:
  tools: [erp.get_order, {tool: erp.pay, when: "context.input.amount <= 5000"}]
  limits: {steps: 1000000, tool_calls: 1000000}
  budgets: [{name: run-calls, per: run, calls: 1000000}]
""",
    "tools/erp.yaml": """
kind: Tool
name: erp.get_order
effect: read
description: Read an order.
input: {type: object, properties: {order_id: {type: string}, currency: {type: string}}, required: [order_id]}
---
kind: Tool
name: erp.pay
effect: pay
description: Pay an invoice.
input: {type: object, properties: {amount: {type: integer, minimum: 1}}, required: [amount]}
""",
    "policies/pay.cedar": """
@id("big") @hold("finance") @reason("over 500")
forbid(principal, action == Action::"erp.pay", resource) when { context.input.amount > 500 };
""",
}


def applied(folder: Path, changes: Mapping[str, str] | None = None, settings: Settings | None = None) -> Settings:
    """Make a database in `folder` with this workspace's release active, and return the settings that open it.

    `changes` replaces some of the files; `settings` names another database.
    """
    settings = settings or Settings(database_url=f"sqlite:///{folder}/remit.db")
    texts = {**FILES, **(changes or {})}
    folder_read = Folder(NAME, {path: text.encode() for path, text in sorted(texts.items())}, ())
    parts = open_parts(settings)
    releases = Releases(parts.store, parts.clock, parts.ids)
    releases.apply(releases.plan(folder_read, "user:omar", "for the benchmark", "production"), "production")
    parts.close()
    return settings
