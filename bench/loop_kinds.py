"""Seeded runs of our own making: loops as they occur, and honest work that looks like one.

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


def cursor_paging(r: random.Random, length: int) -> list[Step]:
    """Pages of rows with the same members in every row."""
    cursor = ""
    steps: list[Step] = []
    for _ in range(length):
        following = f"{r.getrandbits(80):020x}"
        rows = [order_row(r) for _ in range(8)]
        steps.append(step("list_orders", {"cursor": cursor, "limit": 8}, {"rows": rows, "next_cursor": following}))
        cursor = following
    return steps


def uuid_paging(r: random.Random, length: int) -> list[Step]:
    """Pages whose rows differ in nothing but an opaque id."""
    return [
        step(
            "list_ids",
            {"page": n},
            {"page": n, "rows": [{"id": new_uuid(r), "kind": "order"} for _ in range(6)]},
        )
        for n in range(length)
    ]


def templated_batch(r: random.Random, length: int) -> list[Step]:
    """One record after the other, of which the id and an amount differ."""
    fixed = {f"{word}_code": f"{word[:3]}-{n}" for n, word in enumerate(WORDS[:20])}
    steps = []
    for _ in range(length):
        order = f"W{r.randint(10**6, 10**7)}"
        record = {**fixed, "order_id": order, "amount": round(r.uniform(90, 99), 2), "status": "open"}
        steps.append(step("get_order", {"order_id": order}, record))
    return steps


def uuid_batch(r: random.Random, length: int) -> list[Step]:
    """The same with UUIDs, and nothing but the id differs."""
    fixed = {f"{word}_code": f"{word[:3]}-{n}" for n, word in enumerate(WORDS[:20])}
    ids = [new_uuid(r) for _ in range(length)]
    return [step("get_order", {"order_id": order}, {**fixed, "order_id": order}) for order in ids]


def acknowledged_writes(r: random.Random, length: int) -> list[Step]:
    """Different items written, the same short answer each time."""
    first = r.randint(100, 10**6)
    return [step("close_order", {"order_id": first + n, "reason": "done"}, {"ok": True}) for n in range(length)]


def acknowledged_mails(r: random.Random, length: int) -> list[Step]:
    """A letter to one customer after the other, from one template."""
    names = r.sample(NAMES, len(NAMES))
    steps = []
    for n in range(length):
        name = f"{names[n % 16]}{n // 16 or ''}"
        text = f"Dear {name}, your order has been shipped and will reach you soon. Kind regards, Gulf Trading"
        steps.append(step("send_mail", {"to": f"{name}@example.com", "text": text}, {"status": "queued", "code": 0}))
    return steps


def deleted_messages(r: random.Random, length: int) -> list[Step]:
    """Messages deleted by an id that elsewhere would be noise."""
    return [step("delete_mail", {"message_id": new_uuid(r)}, {"deleted": True}) for _ in range(length)]


def approved_requests(r: random.Random, length: int) -> list[Step]:
    """Purchase requests approved one by one."""
    first = r.randint(1000, 9000)
    asked = [{"request_id": f"PR-{first + n}", "decision": "approve"} for n in range(length)]
    return [step("approve_request", arguments, {"ok": True}) for arguments in asked]


def overlapping_scroll(r: random.Random, length: int) -> list[Step]:
    """A long page scrolled down, a fifth of it new each time."""
    words = prose(r, 20 * length).split()
    views = [" ".join(words[n * 20 : n * 20 + 100]) for n in range(length)]
    return [step("scroll", {"direction": "down"}, view) for view in views]


def sql_updates(r: random.Random, length: int) -> list[Step]:
    """Statements that differ in one number."""
    ids = r.sample(range(1, 10_000), length)
    return [step("sql", {"q": f"update orders set state = 'closed' where id = {n}"}, {"rows": 1}) for n in ids]


def report_sections(r: random.Random, length: int) -> list[Step]:
    """Prose written section by section."""
    vocabulary = ["".join(r.choices("abcdefghijklmnopqrstuvwxyz", k=r.randint(4, 9))) for _ in range(3000)]
    return [
        step(
            "append_section",
            {"text": " ".join(r.choices(WORDS, k=10) + r.choices(vocabulary, k=15))},
            "saved",
        )
        for _ in range(length)
    ]


def polling_percent(r: random.Random, length: int) -> list[Step]:
    """A job that gets on, reported in a long record."""
    fixed = {f"{word}_code": f"{word[:3]}-{n}" for n, word in enumerate(WORDS[:20])}
    done = [*sorted(r.sample(range(1, 100), length - 1)), 100]
    return [
        step(
            "job",
            {"job": "J7"},
            {**fixed, "progress": percent, "state": "done" if percent == 100 else "running"},
        )
        for percent in done
    ]


def polling_rows(r: random.Random, length: int) -> list[Step]:
    """A job that counts what it has processed."""
    count = 0
    steps = []
    for _ in range(length):
        count += r.randint(20, 900)
        steps.append(step("import_status", {"import": "I-9"}, f"running, processed {count} of 50000 rows"))
    return steps


def recovered_retries(r: random.Random, length: int) -> list[Step]:
    """A flaky tool: every item fails twice, then goes through."""
    steps: list[Step] = []
    while len(steps) < length:
        order = r.randint(10**4, 10**6)
        for attempt in range(3):
            failed = attempt < 2
            text = f"Error 503, request id {new_uuid(r)}" if failed else {"ok": True, "order": order}
            steps.append(step("post_invoice", {"order": order, "attempt": attempt}, text, error=failed))
    return steps


def backoff_then_success(r: random.Random, length: int) -> list[Step]:
    """Three failures with growing waits, then other work."""
    asked, n = {"order": r.randint(1, 99)}, r.randint(2, 3)
    failures = [step("charge", asked, f"Error 429: retry in {2**k} s", error=True) for k in range(n)]
    return [*failures, step("charge", asked, {"ok": True}), *ordinary_work(r, max(2, length - n - 1))]


def read_update_read(r: random.Random, length: int) -> list[Step]:
    """Every record read, changed and read again."""
    steps: list[Step] = []
    fixed = {f"{word}_code": f"{word[:3]}-{n}" for n, word in enumerate(WORDS[:20])}
    while len(steps) < length:
        order = f"W{r.randint(10**6, 10**7)}"
        before, after = {**fixed, "id": order, "status": "open"}, {**fixed, "id": order, "status": "approved"}
        steps.append(step("get_order", {"id": order}, before))
        steps.append(step("approve", {"id": order}, {"ok": True}))
        steps.append(step("get_order", {"id": order}, after))
    return steps


def relisted_pages(r: random.Random, length: int) -> list[Step]:
    """All pages listed, an order paid on each, all pages listed once more."""
    pages = [[order_row(r) for _ in range(6)] for _ in range(max(2, length // 3))]
    lists = [step("list_orders", {"page": n}, {"page": n, "rows": rows}) for n, rows in enumerate(pages)]
    writes = [step("pay", {"order_id": rows[0]["id"]}, {"ok": True}) for rows in pages]
    return [*lists, *writes, *lists]


def verified_list(r: random.Random, length: int) -> list[Step]:
    """Records read one by one, updated one by one, and all checked again at the end."""
    orders = [f"W{r.randint(10**6, 10**7)}" for _ in range(max(2, length // 3))]
    fixed = {f"{word}_code": f"{word[:3]}-{n}" for n, word in enumerate(WORDS[:20])}
    reads = [step("get_order", {"id": order}, {**fixed, "id": order, "status": "open"}) for order in orders]
    writes = [step("approve", {"id": order}, {"ok": True}) for order in orders]
    checks = [step("get_order", {"id": order}, {**fixed, "id": order, "status": "approved"}) for order in orders]
    return reads + writes + checks


def tested_edits(r: random.Random, length: int) -> list[Step]:
    """Code edited and tests run in turn; most of the report stays the same."""
    report = prose(r, 40)
    steps: list[Step] = []
    while len(steps) < length:
        line = r.randint(1, 900)
        steps.append(step("edit", {"file": f"src/m{r.randint(1, 99)}.py", "line": line, "text": prose(r, 3)}, "saved"))
        steps.append(step("run_tests", {}, f"{r.randint(1, 9)} failed, {r.randint(60, 70)} passed. {report}"))
    return steps


def three_calls_an_item(r: random.Random, length: int) -> list[Step]:
    """The same three tools for every item."""
    steps: list[Step] = []
    while len(steps) < length:
        row = order_row(r)
        steps.append(step("get_order", {"id": row["id"]}, row))
        steps.append(step("update_order", {"id": row["id"], "status": "paid"}, {"ok": True, "message": "updated"}))
        steps.append(step("notify", {"to": row["customer"], "order": row["id"]}, "sent"))
    return steps


def watched_states(r: random.Random, length: int) -> list[Step]:
    """A deployment that passes from state to state, in a long record that is otherwise the same."""
    fixed = {f"{word}_code": f"{word[:3]}-{n}" for n, word in enumerate(WORDS[:20])}
    states = ["queued", "preparing", "building", "testing", "approving", "deploying", "verifying", "done"]
    chosen = states[: max(2, length % 9)]
    first = r.randint(1, 99)
    return [step("deployment", {"id": first}, {**fixed, "status": state}) for state in chosen]


def wait_and_poll(r: random.Random, length: int) -> list[Step]:
    """Waiting between looks at a job that gets on slowly."""
    percent = 0
    steps: list[Step] = []
    for _ in range(length):
        percent += r.randint(1, 3)
        steps.append(step("wait", {"seconds": 30}, "ok"))
        steps.append(step("job", {"job": "J7"}, {"job": "J7", "state": "running", "progress": percent}))
    return steps


def payments(r: random.Random, length: int) -> list[Step]:
    """Payments of like amounts on different invoices."""
    return [
        step("pay", {"invoice": f"INV-{r.randint(1000, 99999)}", "amount": drift(r, 250.0)}, {"paid": True})
        for _ in range(length)
    ]


def policy_reread(r: random.Random, length: int) -> list[Step]:
    """The rules looked up again before every item: wasteful, but it gets on."""
    rules = prose(r, 40)
    steps: list[Step] = []
    while len(steps) < length:
        steps.append(step("get_policy", {}, rules))
        steps.append(step("update_order", {"id": r.randint(10**5, 10**6), "state": "closed"}, {"ok": True}))
    return steps


def availability_by_day(r: random.Random, length: int) -> list[Step]:
    """Day after day without a free seat."""
    first = r.randint(1, 5)
    return [
        step(
            "availability",
            {"date": f"2026-04-{first + n:02d}", "from": "RUH", "to": "DXB"},
            {"seats": [], "left": 0},
        )
        for n in range(min(length, 24))
    ]


def route_combinations(r: random.Random, length: int) -> list[Step]:
    """Every pair of cities, from answers of one shape."""
    cities = ["RUH", "DXB", "DOH", "KWI", "BAH", "MCT", "AMM"]
    pairs = [(a, b) for a in cities for b in cities if a != b]
    r.shuffle(pairs)
    return [
        step("search_flights", {"from": a, "to": b}, [{"from": a, "to": b, "seats": 9, "fare": drift(r, 400)}])
        for a, b in pairs[:length]
    ]


def draining_queue(r: random.Random, length: int) -> list[Step]:
    """The same question to a queue, another job each time."""
    return [step("next_job", {}, {"job": f"J{r.randint(10**4, 10**6)}", "kind": "invoice"}) for _ in range(length)]


def same_shape_forever(r: random.Random, length: int) -> list[Step]:
    """A long honest run over records of one shape: everything but ids has long been seen."""
    steps = []
    for _ in range(length * 12):
        row = order_row(r)
        steps.append(step("get_order", {"id": row["id"]}, row))
        if r.random() < 0.3:
            steps.append(step("tag_order", {"id": row["id"], "tag": r.choice(WORDS)}, {"ok": True}))
    return steps


def arabic_batch(r: random.Random, length: int) -> list[Step]:
    """Records in Arabic, told apart by number and amount."""
    steps = []
    for _ in range(length):
        number = str(r.randint(10**4, 10**6)).translate(EASTERN)
        amount = f"{r.uniform(100, 900):.2f}".translate(EASTERN)
        steps.append(step("الفاتورة", {"رقم": number}, f"الفاتورة رقم {number} بمبلغ {amount} ريال من المورد، مدفوعة"))
    return steps


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
HONEST: tuple[Kind, ...] = (
    cursor_paging,
    uuid_paging,
    templated_batch,
    uuid_batch,
    acknowledged_writes,
    acknowledged_mails,
    deleted_messages,
    approved_requests,
    overlapping_scroll,
    sql_updates,
    report_sections,
    polling_percent,
    polling_rows,
    recovered_retries,
    backoff_then_success,
    read_update_read,
    relisted_pages,
    verified_list,
    tested_edits,
    three_calls_an_item,
    watched_states,
    wait_and_poll,
    payments,
    policy_reread,
    availability_by_day,
    route_combinations,
    draining_queue,
    same_shape_forever,
    arabic_batch,
)
