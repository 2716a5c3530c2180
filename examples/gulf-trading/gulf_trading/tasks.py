"""What the agents are asked to do."""

from __future__ import annotations

from gulf_trading.agents import Task

RENEWAL = Task(
    agent="procurement-optimizer",
    on_behalf_of="user:layla.haddad",
    text="Renew contract PO-48213 with Najd Electric at today's prices. Compare before you book.",
    systems=("erp", "vendor", "mail"),
)
CREDIT = Task(
    agent="customer-care",
    on_behalf_of="user:omar.rashid",
    text="Resolve complaint CMP-2071.",
    systems=("crm", "billing", "mail"),
    subject="CU-1042",
)
DISCOUNT = Task(
    agent="customer-care",
    on_behalf_of="user:omar.rashid",
    text="Resolve complaint CMP-2084.",
    systems=("crm", "billing", "mail"),
    subject="CU-1107",
)
TASKS = {"renewal": RENEWAL, "credit": CREDIT, "discount": DISCOUNT}
