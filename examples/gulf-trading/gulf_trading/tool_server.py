"""The company's systems as an MCP server on its standard streams: `python -m gulf_trading.tool_server`.

Written with the official SDK, as the company's own programmers would. It knows nothing of Remit.
GULF_DATABASE names the company's database; GULF_FEED is the seed of the supplier's feed, or `still`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import anyio
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import Field
from typing_extensions import TypedDict

from gulf_trading.company import Company
from gulf_trading.records import SEED
from gulf_trading.vendor import DRIFT_FILS, VendorFeed

STILL = "still"
CONFIRMED_AFTER_S = 2.0
"""How long the ERP takes to answer once it has placed an order."""
ACTION = "remit/action"
"""Whoever sends this in `_meta` of a call can ask `erp.order_status` by it what became of the call."""

Order = Annotated[str, Field(pattern="^PO-[0-9]{5}$", description="Order number, such as PO-48213")]
Invoice = Annotated[str, Field(pattern="^INV-[0-9]{5}$")]
Customer = Annotated[str, Field(pattern="^CU-[0-9]{4}$")]
Complaint = Annotated[str, Field(pattern="^CMP-[0-9]{4}$")]
Reason = Annotated[str, Field(max_length=300)]
Quantity = Annotated[int, Field(ge=1)]

READS = ToolAnnotations(read_only_hint=True)
"""Claims of this server. What a tool may do is said by the workspace, not by them."""
WRITES = ToolAnnotations(read_only_hint=False)
Answer = dict[str, Any]


class Quote(TypedDict):
    """One quoted line."""

    sku: str
    unit_price_aed: Annotated[float, Field(gt=0)]


Quotes = Annotated[list[Quote], Field(min_length=1, max_length=50)]


class Offer(TypedDict):
    """What a supplier wants for a delivery."""

    supplier: str
    total_aed: Annotated[float, Field(gt=0)]


Offers = Annotated[list[Offer], Field(min_length=2, max_length=20)]
Total = Annotated[int, Field(ge=1, description="Total in whole dirhams, rounded up")]


def server_of(company: Company) -> MCPServer[Any]:
    """Return a server with every tool of the company. Calls are carried out one at a time, in this thread."""
    server: MCPServer[Any] = MCPServer("gulf-trading", version="1")
    _erp(server, company)
    _orders(server, company)
    _crm(server, company)
    _billing(server, company)
    return server


def _erp(server: MCPServer[Any], company: Company) -> None:
    @server.tool("erp.get_order", annotations=READS)
    async def get_order(order: Order) -> Answer:
        """Read a purchase order with its lines and contract prices."""
        return _said(company.get_order, order)

    @server.tool("erp.compare_prices", annotations=READS)
    async def compare_prices(order: Order, quotes: Quotes) -> Answer:
        """Compare a purchase order's contract prices with quoted ones, line by line."""
        return _said(company.compare_prices, order, quotes)

    @server.tool("erp.reconcile", annotations=WRITES)
    async def reconcile(order: Order, quotes: Quotes) -> Answer:
        """Book quoted prices against an order. Every line must agree with the supplier's price of this moment to the
        fil; otherwise nothing is booked and the lines that differ are returned."""
        return _said(company.reconcile, order, quotes)

    @server.tool("vendor.quote", annotations=READS)
    async def quote(supplier: str, sku: str, quantity: Quantity) -> Answer:
        """Ask a supplier's price feed for today's unit price. The feed charges for every quote."""
        return _said(company.quote, supplier, sku, quantity)

    @server.tool("erp.compare_offers", annotations=READS)
    async def compare_offers(offers: Offers) -> Answer:
        """Find the cheapest of several suppliers' offers, in whole dirhams."""
        return _said(company.compare_offers, offers)


def _orders(server: MCPServer[Any], company: Company) -> None:
    @server.tool("erp.create_order", annotations=WRITES)
    async def create_order(
        supplier: str, sku: str, quantity: Quantity, total_aed: Total, context: Context[Any, Any]
    ) -> Answer:
        """Place a purchase order with a supplier. Binding once it is sent."""
        reference = (context.request_context.meta or {}).get(ACTION)
        placed = _said(company.create_order, supplier, sku, quantity, total_aed, reference)
        await anyio.sleep(CONFIRMED_AFTER_S)
        return placed

    @server.tool("erp.order_status", annotations=READS)
    async def order_status(action: Annotated[str, Field(max_length=100)]) -> Answer:
        """Tell whether an order was placed, by the reference it was sent with."""
        return _said(company.order_status, action)

    @server.tool("erp.cancel_order", annotations=WRITES)
    async def cancel_order(order: Order) -> Answer:
        """Cancel a purchase order. The same order twice is cancelled once."""
        return _said(company.cancel_order, order)

    @server.tool("contracts.file", annotations=WRITES)
    async def file_contract(order: Order, supplier: str, total_aed: Total) -> Answer:
        """File the contract of a purchase order. Filed twice it is filed once."""
        return _said(company.file_contract, order, supplier, total_aed)


def _crm(server: MCPServer[Any], company: Company) -> None:
    @server.tool("crm.get_customer", annotations=READS)
    async def get_customer(customer: Customer) -> Answer:
        """Read a customer's name, contact details and account balance."""
        return _said(company.get_customer, customer)

    @server.tool("crm.get_complaint", annotations=READS)
    async def get_complaint(complaint: Complaint) -> Answer:
        """Read a complaint with the customer and invoice it is about."""
        return _said(company.get_complaint, complaint)

    @server.tool("crm.add_note", annotations=WRITES)
    async def add_note(complaint: Complaint, text: Annotated[str, Field(max_length=2_000)]) -> Answer:
        """Add a note to a complaint, for colleagues."""
        return _said(company.add_note, complaint, text)


def _billing(server: MCPServer[Any], company: Company) -> None:
    @server.tool("billing.get_invoice", annotations=READS)
    async def get_invoice(invoice: Invoice) -> Answer:
        """Read an invoice with its lines and payments."""
        return _said(company.get_invoice, invoice)

    @server.tool("billing.refund", annotations=WRITES)
    async def refund(
        invoice: Invoice, amount_aed: Annotated[int, Field(ge=1, description="Whole dirhams")], reason: Reason
    ) -> Answer:
        """Pay part of an invoice back to the card or account it was paid from."""
        return _said(company.refund, invoice, amount_aed, reason)

    @server.tool("billing.adjust_account", annotations=WRITES)
    async def adjust_account(
        customer: Customer, amount_aed: Annotated[int, Field(description="Whole dirhams")], reason: Reason
    ) -> Answer:
        """Credit (positive) or debit (negative) a customer's account without an invoice."""
        return _said(company.adjust_account, customer, amount_aed, reason)

    @server.tool("mail.send", annotations=WRITES)
    async def send_mail(
        to: Annotated[str, Field(max_length=254)],
        subject: Annotated[str, Field(max_length=200)],
        body: Annotated[str, Field(max_length=10_000)],
    ) -> Answer:
        """Send an e-mail in the name of Gulf Trading."""
        return _said(company.send_mail, to, subject, body)


def _said(tool: Callable[..., Mapping[str, Any]], *arguments: Any) -> Answer:
    """Call a tool of the company. What it does not find is told to whoever asked; of other errors nothing is."""
    try:
        return dict(tool(*arguments))
    except LookupError as error:
        raise ToolError(str(error.args[0])) from None


def main() -> None:
    """Serve the company that the environment names, until standard input is closed."""
    feed = os.environ.get("GULF_FEED") or str(SEED)
    supplier = VendorFeed(SEED, drift_fils=0) if feed == STILL else VendorFeed(int(feed), drift_fils=DRIFT_FILS)
    with Company(Path(os.environ["GULF_DATABASE"]), feed=supplier) as company:
        server_of(company).run("stdio")


if __name__ == "__main__":
    main()
