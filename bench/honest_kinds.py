"""Seeded runs of honest work that looks like a loop; see `loop_kinds` for the loops."""

import random

from bench.loop_kinds import EASTERN, NAMES, WORDS, Kind, Step, drift, new_uuid, order_row, ordinary_work, prose, step


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
