"""The company's records, invented and the same at every start: products, orders, customers, invoices, complaints."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from gulf_trading.vendor import BASE_FILS

SEED = 48213
CUSTOMERS, ORDERS, INVOICES = 400, 600, 2_000

TABLES = """
CREATE TABLE suppliers (name TEXT PRIMARY KEY, city TEXT NOT NULL, trn TEXT NOT NULL);
CREATE TABLE products (sku TEXT PRIMARY KEY, name TEXT NOT NULL, unit TEXT NOT NULL, price_fils INTEGER NOT NULL);
CREATE TABLE orders (id TEXT PRIMARY KEY, supplier TEXT NOT NULL REFERENCES suppliers, status TEXT NOT NULL,
    ordered_on TEXT NOT NULL, reference TEXT UNIQUE, total_aed INTEGER);
CREATE TABLE order_lines (order_id TEXT NOT NULL REFERENCES orders, line INTEGER NOT NULL,
    sku TEXT NOT NULL REFERENCES products, quantity INTEGER NOT NULL, price_fils INTEGER NOT NULL,
    PRIMARY KEY (order_id, line));
CREATE TABLE contracts (order_id TEXT PRIMARY KEY REFERENCES orders, supplier TEXT NOT NULL,
    total_aed INTEGER NOT NULL);
CREATE TABLE reconciliations (id INTEGER PRIMARY KEY, order_id TEXT NOT NULL REFERENCES orders,
    lines_differing INTEGER NOT NULL);
CREATE TABLE customers (id TEXT PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL, city TEXT NOT NULL,
    balance_fils INTEGER NOT NULL);
CREATE TABLE invoices (id TEXT PRIMARY KEY, customer TEXT NOT NULL REFERENCES customers,
    issued_on TEXT NOT NULL, total_fils INTEGER NOT NULL, paid_by TEXT NOT NULL);
CREATE TABLE complaints (id TEXT PRIMARY KEY, customer TEXT NOT NULL REFERENCES customers,
    invoice TEXT NOT NULL REFERENCES invoices, status TEXT NOT NULL, text TEXT NOT NULL);
CREATE TABLE notes (id INTEGER PRIMARY KEY, complaint TEXT NOT NULL REFERENCES complaints, text TEXT NOT NULL);
CREATE TABLE refunds (id INTEGER PRIMARY KEY, invoice TEXT NOT NULL REFERENCES invoices,
    amount_aed INTEGER NOT NULL, reason TEXT NOT NULL);
CREATE TABLE adjustments (id INTEGER PRIMARY KEY, customer TEXT NOT NULL REFERENCES customers,
    amount_aed INTEGER NOT NULL, reason TEXT NOT NULL);
CREATE TABLE mails (id INTEGER PRIMARY KEY, recipient TEXT NOT NULL, subject TEXT NOT NULL, body TEXT NOT NULL);
"""

SUPPLIERS = (
    ("Najd Electric", "Riyadh"),
    ("Al Wathba Switchgear", "Abu Dhabi"),
    ("Jebel Ali Cables", "Dubai"),
    ("Muscat Lighting", "Muscat"),
    ("Deira Tools & Hardware", "Dubai"),
    ("Manama Power Systems", "Manama"),
)
PRODUCTS = {
    "ELC-250": ("Moulded-case breaker 250 A", "piece"),
    "ELC-180": ("Moulded-case breaker 180 A", "piece"),
    "CBL-016": ("Copper cable 4x16 mm²", "metre"),
    "SWG-630": ("Switchgear panel 630 A", "piece"),
    "LED-036": ("LED panel 36 W", "piece"),
    "TRF-100": ("Dry transformer 100 kVA", "piece"),
}
FIRST = (
    "Aisha Ahmed Anjali Bilal Carlos Elena Fatima Hassan Huda Imran Joy Khalid Lina Maria Noura Omar Ravi Salma".split()
)
LAST = "Al-Mansoori Al-Suwaidi Bose Cruz D'Souza Farouk Haddad Ibrahim Khan Mathew Nasser Petrov Qureshi Santos".split()
CITIES = "Dubai,Sharjah,Ajman,Fujairah,Abu Dhabi,Al Ain,Ras Al Khaimah".split(",")

RENEWAL = "PO-48213"
RENEWAL_LINES = (("ELC-250", 40), ("ELC-180", 25), ("CBL-016", 1_200))


@dataclass(frozen=True, slots=True)
class Complaint:
    """What a customer wrote about an invoice."""

    id: str
    customer: str
    invoice: str
    text: str


COMPLAINTS = (
    Complaint(
        "CMP-2071",
        "CU-1042",
        "INV-88120",
        text="Your driver came twice for nothing, and I paid AED 350 for express delivery each time. I want "
        "AED 1,850 put on my account for the trouble, or at least the 700 back.",
    ),
    Complaint(
        "CMP-2084",
        "CU-1107",
        "INV-88164",
        text="Three of the LED panels arrived with scratched frames. They work, so I will keep them, but please "
        "take AED 120 off.",
    ),
)


def fill(database: sqlite3.Connection) -> None:
    """Make the tables and their rows, in a connection that commits by itself."""
    chance = random.Random(SEED)
    database.executescript(TABLES)
    database.execute("BEGIN")
    suppliers = [(name, city, f"100{chance.randrange(10**9):09d}003") for name, city in SUPPLIERS]
    database.executemany("INSERT INTO suppliers VALUES (?, ?, ?)", suppliers)
    products = [(sku, name, unit, BASE_FILS[sku]) for sku, (name, unit) in PRODUCTS.items()]
    database.executemany("INSERT INTO products VALUES (?, ?, ?, ?)", products)
    database.executemany("INSERT INTO customers VALUES (?, ?, ?, ?, ?)", _customers(chance))
    _orders(database, chance)
    _invoices(database, chance)
    complaints = [(each.id, each.customer, each.invoice, "open", each.text) for each in COMPLAINTS]
    database.executemany("INSERT INTO complaints VALUES (?, ?, ?, ?, ?)", complaints)
    database.execute("COMMIT")


def _customers(chance: random.Random) -> Iterator[tuple[object, ...]]:
    for number in range(1_000, 1_000 + CUSTOMERS):
        name = f"{chance.choice(FIRST)} {chance.choice(LAST)}"
        mail = f"{name.lower().replace(' ', '.').replace(chr(39), '')}{number}@mail.example"
        yield f"CU-{number}", name, mail, chance.choice(CITIES), chance.randrange(-20_000, 90_000)


def _orders(database: sqlite3.Connection, chance: random.Random) -> None:
    for number in range(48_000, 48_000 + ORDERS):
        id = f"PO-{number}"
        supplier = "Najd Electric" if id == RENEWAL else chance.choice(SUPPLIERS)[0]
        status = "renewal due" if id == RENEWAL else chance.choice(("open", "delivered", "paid"))
        database.execute("INSERT INTO orders VALUES (?, ?, ?, ?, NULL, NULL)", (id, supplier, status, _day(chance)))
        chosen = chance.sample(sorted(PRODUCTS), chance.randint(1, 4))
        lines = RENEWAL_LINES if id == RENEWAL else [(sku, chance.randint(1, 60)) for sku in chosen]
        for line, (sku, quantity) in enumerate(lines, start=1):
            # What was agreed last year: within three per cent of today's price.
            price = BASE_FILS[sku] * chance.randint(970, 1_030) // 1_000
            database.execute("INSERT INTO order_lines VALUES (?, ?, ?, ?, ?)", (id, line, sku, quantity, price))


def _invoices(database: sqlite3.Connection, chance: random.Random) -> None:
    of_complaints = {each.invoice: each.customer for each in COMPLAINTS}
    for number in range(86_500, 86_500 + INVOICES):
        id = f"INV-{number}"
        customer = of_complaints.get(id, f"CU-{chance.randrange(1_000, 1_000 + CUSTOMERS)}")
        total, paid_by = chance.randrange(90_000, 900_000), chance.choice(("card", "transfer"))
        row = (id, customer, _day(chance), total, paid_by)
        database.execute("INSERT INTO invoices VALUES (?, ?, ?, ?, ?)", row)


def _day(chance: random.Random) -> str:
    return f"2026-{chance.randint(1, 2):02d}-{chance.randint(1, 28):02d}"
