"""Gulf Trading's own systems (ERP, CRM, billing, mail) on one SQLite database. They know nothing of Remit."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from gulf_trading import records
from gulf_trading.vendor import VendorFeed

Quote = Mapping[str, Any]
"""A line of an agent's quotes: `sku` and `unit_price_aed`."""

Offer = Mapping[str, Any]
"""What a supplier wants for a delivery: `supplier` and `total_aed`."""

EFFECTS = ("contracts", "reconciliations", "refunds", "adjustments", "notes", "mails")
"""Tables that only tools write to: their rows are what agents have done to the company."""


class Company:
    """The company's systems, opened on a database file, which is filled where it is new. One thread uses it."""

    def __init__(self, path: Path, seed: int = records.SEED, feed: VendorFeed | None = None) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.row_factory = sqlite3.Row
        # The example may lose its own rows when the power fails; Remit's records do not.
        self._database.execute("PRAGMA synchronous = OFF")
        if self._database.execute("SELECT 1 FROM sqlite_schema WHERE name = 'orders'").fetchone() is None:
            records.fill(self._database)
        self._feed = feed or VendorFeed(seed)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    @property
    def tools(self) -> Mapping[str, Callable[..., object]]:
        """What agents may be given, under the names the workspace has for them."""
        return {
            "erp.get_order": self.get_order,
            "erp.compare_prices": self.compare_prices,
            "erp.reconcile": self.reconcile,
            "erp.compare_offers": self.compare_offers,
            "erp.create_order": self.create_order,
            "erp.order_status": self.order_status,
            "erp.cancel_order": self.cancel_order,
            "contracts.file": self.file_contract,
            "vendor.quote": self.quote,
            "crm.get_customer": self.get_customer,
            "crm.get_complaint": self.get_complaint,
            "crm.add_note": self.add_note,
            "billing.get_invoice": self.get_invoice,
            "billing.refund": self.refund,
            "billing.adjust_account": self.adjust_account,
            "mail.send": self.send_mail,
        }

    def effects(self) -> Mapping[str, int]:
        """Count what tools have written so far, by table."""
        return {table: self._one(f"SELECT count(*) AS rows FROM {table}")["rows"] for table in EFFECTS}

    # -- ERP

    def get_order(self, order: str) -> Mapping[str, object]:
        """Read an order. Raises LookupError where there is none."""
        found = self._one("SELECT id, supplier, status, ordered_on FROM orders WHERE id = ?", order)
        lines = [
            {"sku": line["sku"], "quantity": line["quantity"], "contract_price_aed": line["price_fils"] / 100}
            for line in self._lines(order)
        ]
        return {**found, "lines": lines}

    def compare_prices(self, order: str, quotes: Sequence[Quote]) -> Mapping[str, object]:
        """Set quoted prices against those of the contract."""
        quoted = {quote["sku"]: round(quote["unit_price_aed"] * 100) for quote in quotes}
        compared = [
            {
                "sku": line["sku"],
                "contract_price_aed": line["price_fils"] / 100,
                "quoted_price_aed": quoted[line["sku"]] / 100,
                "difference_aed": (quoted[line["sku"]] - line["price_fils"]) / 100,
            }
            for line in self._lines(order)
            if line["sku"] in quoted
        ]
        return {"order": order, "compared": compared, "next": "reconcile the order at the quoted prices"}

    def reconcile(self, order: str, quotes: Sequence[Quote]) -> Mapping[str, object]:
        """Book quotes, provided that each still is the supplier's price to the fil; else say which are not."""
        differing = []
        for quote in quotes:
            now = self._feed.price_fils(quote["sku"])
            off = now - round(quote["unit_price_aed"] * 100)
            if off:
                differing.append({"sku": quote["sku"], "price_now_aed": now / 100, "off_by_aed": off / 100})
        self._write("INSERT INTO reconciliations (order_id, lines_differing) VALUES (?, ?)", order, len(differing))
        if differing:
            return {"order": order, "status": "mismatch", "lines": differing, "next": "compare again"}
        self._write("UPDATE orders SET status = 'renewed' WHERE id = ?", order)
        return {"order": order, "status": "booked", "lines": []}

    def compare_offers(self, offers: Sequence[Offer]) -> Mapping[str, object]:
        """Return the cheapest offer, in whole dirhams, and what it saves against the dearest."""
        best, dearest = (choose(offers, key=lambda offer: offer["total_aed"]) for choose in (min, max))
        total = math.ceil(best["total_aed"])
        return {
            "supplier": best["supplier"],
            "total_aed": total,
            "saves_aed": max(0, math.floor(dearest["total_aed"]) - total),
        }

    def create_order(
        self, supplier: str, sku: str, quantity: int, total_aed: int, reference: str | None = None
    ) -> Mapping[str, object]:
        """Place an order. `reference` is the caller's own number of it, by which `order_status` finds it."""
        self._database.execute("BEGIN IMMEDIATE")
        with self._database:  # both rows or none
            number = self._one("SELECT max(substr(id, 4)) + 1 AS number FROM orders")["number"]
            id = f"PO-{number}"
            self._write(
                "INSERT INTO orders VALUES (?, ?, 'open', date('now'), ?, ?)", id, supplier, reference, total_aed
            )
            price = total_aed * 100 // quantity
            self._write("INSERT INTO order_lines VALUES (?, 1, ?, ?, ?)", id, sku, quantity, price)
        return _placed(id, total_aed)

    def order_status(self, action: str) -> Mapping[str, object]:
        """Tell what became of an order that was placed with this reference."""
        query = "SELECT id, total_aed FROM orders WHERE reference = ?"
        found = self._database.execute(query, (action,)).fetchone()
        if found is None:
            return {"status": "absent"}
        return {"status": "ok", "result": _placed(found["id"], found["total_aed"])}

    def cancel_order(self, order: str) -> Mapping[str, object]:
        """Cancel an order, for good. Raises LookupError where there is none."""
        self._one("SELECT id FROM orders WHERE id = ?", order)
        self._write("UPDATE orders SET status = 'cancelled' WHERE id = ?", order)
        return {"order": order, "status": "cancelled"}

    def file_contract(self, order: str, supplier: str, total_aed: int) -> Mapping[str, object]:
        """File the contract of an order; filed again, it replaces the earlier one."""
        self._write("INSERT OR REPLACE INTO contracts VALUES (?, ?, ?)", order, supplier, total_aed)
        return {"contract": f"CT-{order.removeprefix('PO-')}", "status": "filed"}

    def quote(self, supplier: str, sku: str, quantity: int) -> Mapping[str, object]:
        """Ask the supplier's feed. Raises LookupError for what it does not sell."""
        return self._feed.quote(supplier, sku, quantity)

    # -- CRM

    def get_customer(self, customer: str) -> Mapping[str, object]:
        """Read a customer. Raises LookupError where there is none."""
        return self._one("SELECT id, name, email, city, balance_fils FROM customers WHERE id = ?", customer)

    def get_complaint(self, complaint: str) -> Mapping[str, object]:
        """Read a complaint. Raises LookupError where there is none."""
        return self._one("SELECT id, customer, invoice, status, text FROM complaints WHERE id = ?", complaint)

    def add_note(self, complaint: str, text: str) -> Mapping[str, object]:
        """Note something for colleagues."""
        return {"note": self._write("INSERT INTO notes (complaint, text) VALUES (?, ?)", complaint, text)}

    # -- billing and mail

    def get_invoice(self, invoice: str) -> Mapping[str, object]:
        """Read an invoice. Raises LookupError where there is none."""
        return self._one("SELECT id, customer, issued_on, total_fils, paid_by FROM invoices WHERE id = ?", invoice)

    def refund(self, invoice: str, amount_aed: int, reason: str) -> Mapping[str, object]:
        """Pay money back."""
        statement = "INSERT INTO refunds (invoice, amount_aed, reason) VALUES (?, ?, ?)"
        return {"refund": self._write(statement, invoice, amount_aed, reason), "amount_aed": amount_aed}

    def adjust_account(self, customer: str, amount_aed: int, reason: str) -> Mapping[str, object]:
        """Credit or debit an account."""
        statement = "INSERT INTO adjustments (customer, amount_aed, reason) VALUES (?, ?, ?)"
        adjustment = self._write(statement, customer, amount_aed, reason)
        self._write("UPDATE customers SET balance_fils = balance_fils + ? WHERE id = ?", amount_aed * 100, customer)
        return {"adjustment": adjustment, "amount_aed": amount_aed}

    def send_mail(self, to: str, subject: str, body: str) -> Mapping[str, object]:
        """Put a mail in the outbox, which this company never empties."""
        statement = "INSERT INTO mails (recipient, subject, body) VALUES (?, ?, ?)"
        return {"mail": self._write(statement, to, subject, body), "status": "queued"}

    def _lines(self, order: str) -> list[dict[str, Any]]:
        query = "SELECT line, sku, quantity, price_fils FROM order_lines WHERE order_id = ? ORDER BY line"
        return [dict(row) for row in self._database.execute(query, (order,))]

    def _one(self, query: str, *values: object) -> dict[str, Any]:
        row = self._database.execute(query, values).fetchone()
        if row is None:
            raise LookupError(f"there is no {', '.join(str(value) for value in values)}")
        return dict(row)

    def _write(self, statement: str, *values: object) -> int | None:
        return self._database.execute(statement, values).lastrowid


def _placed(order: str, total_aed: int) -> Mapping[str, object]:
    return {"order": order, "status": "open", "total_aed": total_aed}
