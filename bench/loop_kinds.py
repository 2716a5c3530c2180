"""Seeded runs of our own making: loops as they occur, and what they share with honest work.

Each kind is a function from a random source and a length to steps.
"""

import json
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass

WORDS = (
    "vendor price order status invoice supplier contract quantity shipping approval region audit ledger balance"
    " delta quote currency term rate branch stock courier refund claim policy parcel depot"
).split()
NAMES = "salem noura faisal hessa omar layla rashid mariam yousef amal khalid reem tariq dana bader huda".split()
ARABIC = ("المورد السعر الطلب الحالة الفاتورة العقد الكمية الشحن الموافقة المنطقة الرصيد العملة المخزون الفرع").split()
EASTERN = str.maketrans("0123456789.", "٠١٢٣٤٥٦٧٨٩٫")


@dataclass(frozen=True, slots=True)
class Step:
    """One call as a door sees it: canonical arguments and the result as text."""

    tool: str
    arguments: bytes
    result: str
    error: bool = False


Kind = Callable[[random.Random, int], list[Step]]


def step(tool: str, arguments: object, result: object, error: bool = False) -> Step:
    """A step from plain values; a result that is no text is written as JSON."""
    packed = json.dumps(arguments, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    text = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
    return Step(tool, packed, text, error)


def prose(r: random.Random, words: int = 40, vocabulary: list[str] = WORDS) -> str:
    """A text of words with numbers."""
    return " ".join(f"{r.choice(vocabulary)} {r.randint(1, 999)}" for _ in range(words))


def new_uuid(r: random.Random) -> str:
    """A random UUID."""
    return str(uuid.UUID(int=r.getrandbits(128), version=4))


def stamp(n: int) -> str:
    """A clock reading, one minute after the other."""
    return f"2026-03-{1 + n // 1440:02d}T{n // 60 % 24:02d}:{n % 60:02d}:{n * 7 % 60:02d}Z"


def drift(r: random.Random, amount: float) -> float:
    """The amount, a few cents off."""
    return round(amount + r.randint(-60, 60) / 100, 2)


def order_row(r: random.Random) -> dict[str, object]:
    """A row of a list: every row has the same members, few values differ."""
    return {
        "id": f"W{r.randint(10**6, 10**7)}",
        "status": r.choice(["open", "paid", "shipped"]),
        "amount": round(r.uniform(20, 900), 2),
        "currency": "AED",
        "customer": r.choice(NAMES),
        "warehouse": r.choice(["Riyadh", "Dubai", "Doha"]),
    }


def ordinary_work(r: random.Random, length: int) -> list[Step]:
    """A few steps as any run has them."""
    steps = [step("read_task", {"id": r.randint(1, 10**6)}, prose(r, 12))]
    for n in range(length - 1):
        asked = {"ref": f"R{r.randint(10**5, 10**6)}"}
        steps += [step(f"look_up_{n % 3}", asked, order_row(r))]
    return steps


def drifting_cycle(r: random.Random, length: int) -> list[Step]:
    """Three to five tools in a circle, the amounts off by cents each time."""
    tools = ["fetch_erp", "fetch_quote", "compare_prices", "reconcile", "open_case"][: r.randint(3, 5)]
    price, body, sku = r.uniform(100, 9000), prose(r), f"ELC-{r.randint(100, 999)}"
    steps = []
    for n in range(length):
        tool, now = tools[n % len(tools)], drift(r, price)
        result = {"erp": now, "vendor": round(now + 0.01, 2), "verdict": "mismatch", "note": f"{tool} {body}"}
        steps.append(step(tool, {"sku": sku, "expected": now}, result))
    return steps


def drifting_whole_amounts(r: random.Random, length: int) -> list[Step]:
    """The same in whole minor units."""
    price, sku = r.randint(20_000, 900_000), f"ELC-{r.randint(100, 999)}"
    steps = []
    for n in range(length):
        now = price + r.randint(-60, 60)
        result = {"erp_amount": now, "vendor_amount": now + 1, "verdict": "mismatch", "currency": "AED"}
        steps.append(step(["compare_prices", "reconcile"][n % 2], {"sku": sku, "amount": now}, result))
    return steps


def retry_counters(r: random.Random, length: int) -> list[Step]:
    """The same question with a new retry counter, nonce and whitespace each time."""
    sku, body = f"ELC-{r.randint(100, 999)}", prose(r)
    steps = []
    for n in range(length):
        spaces = " " * r.randint(1, 3)
        asked = {"query": f"price{spaces}of {sku}", "retry_count": n, "nonce": f"{r.getrandbits(60):x}"}
        steps.append(step("search", asked, {"requestId": new_uuid(r), "served_at": stamp(n), "text": body}))
    return steps


def shuffled_list(r: random.Random, length: int) -> list[Step]:
    """The same list in another order each time."""
    rows, asked = [order_row(r) for _ in range(12)], {"status": "open"}
    return [step("list_orders", asked, {"rows": r.sample(rows, 12), "took_ms": n}) for n in range(length)]


def alternating_errors(r: random.Random, length: int) -> list[Step]:
    """Errors that take turns."""
    order = r.randint(100, 999)
    texts = [
        "429 too many requests, request id {}",
        "503 unavailable (trace {})",
        "timeout after 30 s, ref {}",
    ]
    return [
        step("post_invoice", {"order": order, "attempt": n}, r.choice(texts).format(new_uuid(r)), error=True)
        for n in range(length)
    ]


def guessing(r: random.Random, length: int) -> list[Step]:
    """Other identifiers tried one after the other, all unknown."""
    return [
        step(
            "get_user",
            {"user_id": f"{r.choice(NAMES)}_{r.randint(100, 9999)}"},
            "Error: user not found",
            error=True,
        )
        for _ in range(length)
    ]


def ping_pong_notes(r: random.Random, length: int) -> list[Step]:
    """Two agents that send each other the same courtesies."""
    notes = [
        "I have looked into this and please confirm the figures before we can proceed any further",
        "Thank you for the update, kindly confirm the figures so that we can proceed",
        "Please confirm whether the figures are correct, and we can then proceed further",
        "Kindly look into this again, thank you, then we proceed",
    ]
    return [
        step(
            "send_note",
            {"to": f"agent-{'ab'[n % 2]}", "text": r.choice(notes)},
            {"delivered": True, "at": stamp(n)},
        )
        for n in range(length)
    ]


def permuted_queries(r: random.Random, length: int) -> list[Step]:
    """The words of a query in another order, the same hits with other scores."""
    words = r.sample(WORDS, 5)
    hits = [{"title": prose(r, 4), "url": f"https://example.com/{r.choice(WORDS)}/{n}"} for n in range(6)]
    steps = []
    for _ in range(length):
        asked = " ".join(r.sample(words, 5))
        scored = [{**hit, "score": drift(r, 4.0)} for hit in r.sample(hits, 6)]
        steps.append(step("web_search", {"query": asked}, {"query": asked, "hits": scored}))
    return steps


def reworded_queries(r: random.Random, length: int) -> list[Step]:
    """Other words each time, but the same page comes back."""
    body, openings = prose(r, 50), ["find", "look for", "search", "get me", "what is", "show"]
    steps = []
    for _ in range(length):
        asked = f"{r.choice(openings)} the {r.choice(['best', 'lowest', 'cheapest'])} price for copper cable in Doha"
        steps.append(step("ask", {"question": asked}, f"You asked: {asked}. {body}"))
    return steps


def arabic_recheck(r: random.Random, length: int) -> list[Step]:
    """A price check in Arabic, digits as written there, amounts off by halalas."""
    price, body = r.uniform(500, 5000), prose(r, 20, ARABIC)
    steps = []
    for n in range(length):
        now = f"{drift(r, price):.2f}".translate(EASTERN)
        text = f"فرق في السعر: {now} ريال، المحاولة {n}. {body}"
        steps.append(step(["مقارنة", "مطابقة"][n % 2], {"المبلغ": now, "الصنف": "كابل"}, text.translate(EASTERN)))
    return steps


def thinking_between(r: random.Random, length: int) -> list[Step]:
    """A thought in slightly other words between two checks of the same."""
    sku, body, steps = f"ELC-{r.randint(100, 999)}", prose(r), []
    openings = ["Let me check", "I will verify", "Checking", "I should compare"]
    for n in range(length):
        thought = f"{r.choice(openings)} the price of {sku} {r.choice(['again', 'once more'])} to be sure"
        asked = {"sku": sku, "as_of": stamp(n), "timestamp": stamp(n)}
        pair = [step("think", {"thought": thought}, ""), step("get_price", {**asked, "as_of": "today"}, body)]
        steps.append(pair[n % 2])
    return steps


def endless_paging(r: random.Random, length: int) -> list[Step]:
    """Paging on and on past the end, where every page is empty."""
    rows = [step("list_orders", {"page": n}, {"rows": [order_row(r) for _ in range(5)]}) for n in range(3)]
    return [*rows, *(step("list_orders", {"page": n}, {"rows": [], "page": n}) for n in range(3, length))]


def volatile_envelope(r: random.Random, length: int) -> list[Step]:
    """The same answer in an envelope of ids, times and durations in many spellings."""
    body, sku = prose(r, 30), r.choice(WORDS)
    steps = []
    for n in range(length):
        result = {
            "X-Request-Id": new_uuid(r),
            "date": f"Mon, 0{1 + n % 9} Mar 2026 10:{n % 60:02d}:{n * 7 % 60:02d} GMT" if n % 2 else stamp(n),
            "epoch": 1_790_000_000 + n * 61,
            "traceId": f"{r.getrandbits(128):032x}",
            "elapsed_ms": r.randint(5, 900),
            "message": f"took {r.randint(2, 99)} ms: {body}",
        }
        steps.append(step("get_stock", {"sku": sku}, result))
    return steps


def long_cycle(r: random.Random, length: int) -> list[Step]:
    """Six to ten calls in a circle."""
    period = r.randint(6, 10)
    calls = [(f"read_{n % 4}", {"doc": f"D{n}"}, prose(r, 25)) for n in range(period)]
    return [step(*calls[n % period]) for n in range(length)]


def random_order(r: random.Random, length: int) -> list[Step]:
    """Three unchanging calls in no order at all."""
    calls = [(f"read_{n}", {"doc": f"D{n}"}, prose(r, 25)) for n in range(3)]
    return [step(*r.choice(calls)) for _ in range(length)]


def unknown_volatile_member(r: random.Random, length: int) -> list[Step]:
    """The same answer with a reference and a load under names nobody could know."""
    body, asked = prose(r, 40), {"sku": r.choice(WORDS)}
    return [
        step(
            "get_stock",
            asked,
            {"node_ref": f"{r.getrandbits(40):x}", "load": r.randint(1, 9999), "text": body},
        )
        for _ in range(length)
    ]


def growing_log(r: random.Random, length: int) -> list[Step]:
    """An answer that repeats itself and adds a line about the last attempt."""
    body, order, log = prose(r, 40), f"W{r.randint(10**6, 10**7)}", ""
    steps = []
    for n in range(length):
        log += f" attempt {n} at {stamp(n)} failed"
        steps.append(step("sync_order", {"order": order}, f"{body} {log}"))
    return steps


def same_page_for_every_page(r: random.Random, length: int) -> list[Step]:
    """A list that ignores which page was asked for."""
    rows = [order_row(r) for _ in range(6)]
    return [step("list_orders", {"page": n}, {"page": n, "rows": rows}) for n in range(length)]


def nested_envelope(r: random.Random, length: int) -> list[Step]:
    """Volatile members deep in the arguments and in the result."""
    body = prose(r)
    steps = []
    for n in range(length):
        asked = {"meta": {"requestedAt": stamp(n), "trace": {"id": new_uuid(r)}}, "doc": "D1"}
        steps.append(step("sync", asked, {"meta": {"generated_at": stamp(n), "id": new_uuid(r)}, "data": body}))
    return steps


def reformulated_search(r: random.Random, length: int) -> list[Step]:
    """Short queries in other words, the same hits in another order."""
    hits = [{"title": prose(r, 6), "snippet": prose(r, 8)} for _ in range(5)]
    words = [["buy", "purchase", "order"], ["copper", "cu"], ["cable", "wire", "cord"], ["price", "cost", "rate"]]
    return [
        step("web_search", {"query": " ".join(r.choice(same) for same in r.sample(words, 3))}, r.sample(hits, 5))
        for _ in range(length)
    ]


def four_in_a_circle(r: random.Random, length: int) -> list[Step]:
    """Four calls in a circle, each with its own unchanging answer."""
    calls = [(f"read_{n}", {"doc": f"D{r.randint(10, 99)}"}, prose(r, 25)) for n in range(4)]
    return [step(*calls[n % 4]) for n in range(length)]


LOOPS: tuple[Kind, ...] = (
    drifting_cycle,
    drifting_whole_amounts,
    retry_counters,
    shuffled_list,
    alternating_errors,
    guessing,
    ping_pong_notes,
    permuted_queries,
    reworded_queries,
    arabic_recheck,
    thinking_between,
    endless_paging,
    volatile_envelope,
    nested_envelope,
    reformulated_search,
    four_in_a_circle,
    long_cycle,
    random_order,
    unknown_volatile_member,
    growing_log,
    same_page_for_every_page,
)
