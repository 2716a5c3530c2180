"""What is found, and what looks like it and is left alone. The cases are our own, not those of the measuring stick."""

from __future__ import annotations

import random
import string

import pytest
from stdnum import luhn

from remit.screens import MarkKind, find

ALNUM = string.ascii_letters + string.digits


def drawn(seed: str, size: int, letters: str = ALNUM) -> str:
    """Characters as a key has them; no scanner of this repository should take a test for a leak."""
    r = random.Random(seed)
    return "".join(r.choice(letters) for _ in range(size))


def found(text: str, before: str = "") -> list[tuple[str, str]]:
    return [(mark.kind.value, text[mark.start : mark.end]) for mark in find(text, before)]


IDENTIFIERS = [
    ("Write to omar.al-harbi+po@mail.example.com.sa, please", "EMAIL", "omar.al-harbi+po@mail.example.com.sa"),
    ("<mailto:x@y.ae>", "EMAIL", "x@y.ae"),
    ("راسل layla@example.ae.", "EMAIL", "layla@example.ae"),
    ("(+971) 50 123 4567", "PHONE", "(+971) 50 123 4567"),
    ("tel:+966-11-464-2020", "PHONE", "+966-11-464-2020"),
    ("+44 20 7946 0958 at noon", "PHONE", "+44 20 7946 0958"),
    ("+1 (415) 555-2671 or later", "PHONE", "+1 (415) 555-2671"),
    ("00971 4 366 8888", "PHONE", "00971 4 366 8888"),
    ("ring 055 987 6543", "PHONE", "055 987 6543"),
    ("phone: 971501234567", "PHONE", "971501234567"),
    ("واتساب ٥٠١٢٣٤٥٦٧", "PHONE", "٥٠١٢٣٤٥٦٧"),
    ("هاتف 6612 3456", "PHONE", "6612 3456"),
    ("call 415-555-2671", "PHONE", "415-555-2671"),
    ("5500 0000 0000 0004 exp 12/29", "CARD", "5500 0000 0000 0004"),
    ("3782-822463-10005", "CARD", "3782-822463-10005"),
    ("{pan:6011000990139424}", "CARD", "6011000990139424"),
    ("٤١١١١١١١١١١١١١١١", "CARD", "٤١١١١١١١١١١١١١١١"),
    ("４１１１　１１１１　１１１１　１１１１", "CARD", "４１１１　１１１１　１１１１　１１１１"),
    ("KW81CBKU0000000000001234560101", "IBAN", "KW81CBKU0000000000001234560101"),
    ("GB29 NWBK 6016 1331 9268 19 today", "IBAN", "GB29 NWBK 6016 1331 9268 19"),
    ("DE89-3704-0044-0532-0130-00", "IBAN", "DE89-3704-0044-0532-0130-00"),
    ("(ae07 0331 2345 6789 0123 456)", "IBAN", "ae07 0331 2345 6789 0123 456"),
    ("784-1990-1234567-8", "EMIRATES_ID", "784-1990-1234567-8"),
    ("٧٨٤‑١٩٩٠‑١٢٣٤٥٦٧‑٨", "EMIRATES_ID", "٧٨٤‑١٩٩٠‑١٢٣٤٥٦٧‑٨"),
    ("Emirates ID: 784199012345671", "EMIRATES_ID", "784199012345671"),
    ("iqama 2123456788", "SAUDI_ID", "2123456788"),
    ("1012345672", "SAUDI_ID", "1012345672"),
    ("رقم الهويّة: ١٠١٢٣٤٥٦٧٢", "SAUDI_ID", "١٠١٢٣٤٥٦٧٢"),
    ("Passport No. N1234567", "PASSPORT", "N1234567"),
    ("جواز السفر رقم AB123456", "PASSPORT", "AB123456"),
    ("licence no CN-1234567", "TRADE_LICENCE", "CN-1234567"),
    ("السجل التجاري: 1010123456", "TRADE_LICENCE", "1010123456"),
]

SECRETS = [
    ("sk-proj-" + drawn("a", 60), "{}"),
    ("sk-" + drawn("b", 48), "key {} works"),
    ("sk-ant-api03-" + drawn("c", 90), '"{}"'),
    ("AKIA" + drawn("d", 16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"), "id={}"),
    (drawn("e", 40), "aws_secret_access_key = {}"),
    ("ghp_" + drawn("f", 36), "https://{}@github.com/a/b"),
    ("github_pat_" + drawn("g", 82), "({})"),
    ("xoxb-" + drawn("h", 12, "0123456789") + "-" + drawn("i", 24), "{},"),
    ("AIza" + drawn("j", 35), "?key={}&x=1"),
    ("ya29." + drawn("k", 60), "{}"),
    ("sk_live_" + drawn("l", 24), "{}"),
    ("hf_" + drawn("m", 34), "{}"),
    ("rmt_a_" + drawn("n", 43), "REMIT_TOKEN={}"),
    ("eyJhbGciOiJIUzI1NiJ9." + "eyJ" + drawn("o", 60) + "." + drawn("p", 43), "jwt {}"),
    (drawn("q", 32), "Authorization: Bearer {}"),
    ("dXNlcjpwYXNzd29yZA==", "Authorization: Basic {}"),
    ("s3cr3t!pw", "postgresql://app:{}@db.example.com:5432/erp"),
    ("s3c@r3t", "redis://:{}@cache/0"),
    ("hunter2", "password={}"),
    ("Tr0ub4dor&3", "Password: {}"),
    ("correct-horse1", '{{\\"passwd\\": \\"{}\\"}}'),
    ("s3cret,x;y", "?pwd={}&user=z"),
    ("Qw3rty!", "كلمة المرور: {}"),
    (drawn("r", 32, "0123456789abcdef"), "client_secret: '{}'"),
    (drawn("s", 30), "API-KEY: {}"),
    (drawn("t", 88) + "==", "AccountName=x;AccountKey={};EndpointSuffix=y"),
]

LEFT_ALONE = [
    "Order 1012345672 has shipped",
    "رقم الطلب ١٠١٢٣٤٥٦٧٢",
    "invoice PO-1012345672, total 1,012,345,672 AED",
    '{"created": 1732899998, "id": "chatcmpl-9f3a2b1c0d"}',
    "1732899998",
    "2026-11-29T16:45:26Z to 2026-12-01 09:30",
    "05-12-2024 10:30",
    "192.168.10.254:8080 and 10.0.0.1",
    "version 4.12.2, build 20261129.1 of 3.11.7",
    "f47ac10b-58cc-4372-a567-0e02b2c3d479",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "4111111111111112",  # Luhn does not hold
    "9999 9999 9999 9999",  # no issuer
    "GB29 NWBK 6016 1331 9268 18",  # mod 97 does not hold
    "ISBN 978-3-16-148410-0",
    "tracking 7841234567890",
    "git clone git@github.com:acme/app.git",
    "pip install scikit-learn==1.5.2 pytest@latest",
    "password: ********",
    "password=${DB_PASSWORD} token: <your-token>",
    "the password is wrong and the token expired",
    'nextPageToken: "CAUQAAabc123def456ghi"',
    "max_tokens: 4096, prompt_tokens=1200",
    "credential: env:ERP_TOKEN_NUMBER_12",
    "-----BEGIN PRIVATE KEY----- is how such a file begins",
    "the sk-learn-based-estimator-container of the page",
    "data:image/png;base64," + drawn("u", 400),
    "مرحبا، وصلت الشحنة رقم ٧٨٤٥٥ يوم ١٢ مايو ٢٠٢٦ بقيمة ١٢٬٥٠٠ درهم",
    "3.14159265358979 and 1e10 and 0x7fffffffffff",
    "lat 25.2048493, lon 55.2707828",
    "+5 degrees, +12% of 100000",
    "postgresql://localhost:5432/erp",
]


@pytest.mark.parametrize(("text", "kind", "value"), IDENTIFIERS)
def test_an_identifier_is_found_where_it_stands(text: str, kind: str, value: str) -> None:
    assert found(text) == [(kind, value)]


@pytest.mark.parametrize(("secret", "around"), SECRETS)
def test_a_secret_is_found_whole(secret: str, around: str) -> None:
    assert found(around.format(secret)) == [("SECRET", secret)]


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_what_only_looks_like_it_is_left_alone(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize("words", ["RSA ", "", "EC ", "OPENSSH ", "ENCRYPTED "])
def test_a_private_key_is_one_mark_also_where_line_ends_are_escaped(words: str) -> None:
    lines = [
        f"-----BEGIN {words}PRIVATE KEY-----",
        *(drawn(words + str(n), 64) for n in range(12)),
        "abCD3f==",
        f"-----END {words}PRIVATE KEY-----",
    ]
    for end in ("\n", "\r\n", "\\n"):
        block = end.join(lines)
        assert found(f"key: {block} end") == [("PRIVATE_KEY", block)]


def test_a_private_key_that_breaks_off_is_marked_as_far_as_it_goes() -> None:
    block = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n" + drawn("v", 64) + "\n" + drawn("w", 40)
    assert found(block + " and then words") == [("PRIVATE_KEY", block)]


def test_of_two_readings_the_surer_counts() -> None:
    assert found("0501234567@example.com") == [("EMAIL", "0501234567@example.com")]
    assert found("postgres://u:p4ssw0rd@db.example.com/x") == [("SECRET", "p4ssw0rd")]


def test_many_values_in_one_run_are_all_found() -> None:
    assert [kind for kind, _ in found("a@b.co,c@d.co;4242424242424242,+971501234567")] == [
        "EMAIL",
        "EMAIL",
        "CARD",
        "PHONE",
    ]


def test_what_stands_before_says_what_it_is() -> None:
    assert found("hunter2") == []
    assert found("hunter2", before="password: ") == [("SECRET", "hunter2")]
    assert found("12345678", before="trade_licence: ") == [("TRADE_LICENCE", "12345678")]
    assert found("1732899998", before="created: ") == []


def test_every_seventh_wrong_digit_of_a_card_is_none() -> None:
    """The checksum is what tells: of all last digits one is right."""
    cards = [number for n in range(10) if found(number := f"424242424242424{n}")]
    assert cards == ["4242424242424242"]


def test_saudi_numbers_follow_luhn_and_emirates_ids_mostly() -> None:
    base = "101234567"
    assert [n for n in range(10) if found(base + str(n))] == [int(luhn.calc_check_digit(base))]
    compact = "78419901234567"
    assert [n for n in range(10) if found(compact + str(n))] == [int(luhn.calc_check_digit(compact))]
    # Cards are in use that do not, so the groups alone are enough.
    assert all(found(f"784-1990-1234567-{n}") for n in range(10))


def test_every_kind_is_tried_here() -> None:
    tried = {kind for _, kind, _ in IDENTIFIERS} | {"SECRET", "PRIVATE_KEY"}
    assert tried == {kind.value for kind in MarkKind}
