"""What a text says once its volatile parts are set aside.

One linear pass over words. Request ids, clock readings, durations and attempt counters are noise: two texts that differ
only there say the same. Amounts are kept roughly, so that a price that drifts by cents is no news. Whole numbers,
codes and identifiers that name a record are kept exactly: they are what tells page 3 from page 4.
"""

import re
from enum import IntEnum

MAX_CHARS = 6_144
"""How much of a text is read, in characters: two thirds from its start and one third from its end."""

_MAX_WORD_CHARS = 64


class Kind(IntEnum):
    """What a token is to loop detection."""

    WORD = 0
    KEY = 1
    """The name of a JSON member."""
    NUMBER = 2
    """A whole number, told apart from others by the word before it."""
    AMOUNT = 3
    """A decimal, or a whole number that its name or currency makes an amount: compared roughly."""
    PROGRESS = 4
    """How far something has come. Its change is always news."""
    CODE = 5
    """Letters with digits, such as an order number or a date."""
    OPAQUE = 6
    """A UUID, hash or very long number that a JSON member names as its content."""
    GONE = 7
    """Volatile: says nothing."""


Token = tuple[Kind, str, str]
"""Kind, text (of a GONE token its placeholder), and context: the name or word that a number belongs to."""

_TOKEN = re.compile(
    r"<(?:id|time|amount|span|volatile)>"  # our own placeholders, so that masking twice is masking once
    r"|\d{1,3}(?:,\d{3}){1,4}\.\d+"
    r"|\w+(?:[-.:]\w+)*(?:%|\\?['\"]\s{0,2}:)?"
)
_DIGIT = re.compile(r"\d")
_UNICODE_ESCAPE = re.compile(r"\\u([0-9a-f]{4})")
_DECIMAL = re.compile(r"\d+\.\d+(?:e-?\d+)?|\d{1,3}(?:,\d{3})+\.\d+")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TIME = re.compile(r"\d{4}-\d\d-\d\dt\d\d[:.]?\d\d.*|\d{4}:\d\d:\d\d:\d\d|\d{8}t\d{4,6}z?")
_CLOCK = re.compile(r"\d{1,2}:\d\d(?::\d\d(?:[.]\d+)?)?z?")
_TICKING = re.compile(r"\d{1,2}:\d\d:(?!00z?$)\d\d.*")
_EPOCH = re.compile(r"(?:1[5-9]|2[01])\d{8}(?:\d{3}|\d{6}|\d{9})?(?:\.\d+)?")
_OPAQUE = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{12,}|\d{14,}"
)
_SPAN = re.compile(r"\d+(?:\.\d+)?(?:ns|us|µs|ms|s|sec|secs)")
_SPAN_UNITS = frozenset("ns us µs ms s sec secs second seconds minute minutes ثانية ثوان دقيقة دقائق".split())

_VOLATILE = frozenset(
    "attempt attempts attemptno attemptnumber retry retries retryno retrycount try tries tryno trynumber iteration iter"
    " round turn nonce salt ts timestamp now time_ms requestid reqid request traceid trace spanid span correlationid"
    " messageid eventid callid idempotencykey sessionid session etag signature requestedat generatedat fetchedat"
    " checkedat servertime elapsed elapsedms elapseds took tookms latency latencyms duration durationms durations"
    " uptime محاولة المحاولة".split()
)
_VOLATILE_ENDINGS = ("requestid", "traceid", "correlationid", "timestamp", "nonce", "retrycount", "attemptcount")
_POSITION = frozenset(
    "page pageno pagenumber pageindex offset skip cursor nextcursor pagetoken nextpagetoken nextpage startafter after"
    " continuation continuationtoken marker nextmarker".split()
)
_AMOUNT_ENDINGS = (
    *"amount amounts price cost total subtotal balance fee expected actual difference delta paid due sum".split(),
    *"aed sar qar kwd bhd omr egp jod usd eur gbp inr dollars dirhams درهم ريال دينار المبلغ السعر".split(),
)
_PROGRESS = frozenset("progress percent percentage pct completed complete processed finished done remaining".split())
_PERCENT = frozenset("percent pct بالمئة بالمائة".split())

# Arabic-Indic and Persian digits, their separators, and the marks that may or may not be written over a letter.
_FOLDING = (
    {0x0660 + n: str(n) for n in range(10)}
    | {0x06F0 + n: str(n) for n in range(10)}
    | {0x066B: ".", 0x066C: ",", 0x066A: "%", 0x060C: " ", 0x061B: " "}
    | dict.fromkeys([0x0640, *range(0x064B, 0x0653), 0x200E, 0x200F])
)
_NAME_NOISE = str.maketrans("", "", "_-\\\"': ")


def is_volatile_name(name: str) -> bool:
    """Whether a member of this name (`request_id`, `traceId`, `attempt`) says nothing about what was asked or found."""
    plain = plain_name(name)
    return plain in _VOLATILE or plain.endswith(_VOLATILE_ENDINGS)


def is_position_name(name: str) -> bool:
    """Whether a member of this name (`page`, `cursor`, `offset`) says where in a list one is."""
    return plain_name(name) in _POSITION


def is_amount_name(name: str) -> bool:
    """Whether a number of this name (`amount`, `unit_price`, `aed`) is compared roughly even when it is whole."""
    return plain_name(name).endswith(_AMOUNT_ENDINGS)


def plain_name(name: str) -> str:
    """One spelling for `requestId`, `request-id` and `REQUEST_ID`."""
    return name.translate(_NAME_NOISE).lower()


def rough_amount(text: str) -> str:
    """An amount to two significant digits: 1000.37 and 1000.91 are the same, 812.40 and 930.00 are not."""
    return f"{float(text.replace(',', '')):.1e}"


def clipped(text: bytes | str) -> str:
    """The part of a text that is read: at most `MAX_CHARS` characters; invalid UTF-8 is replaced, never an error."""
    if len(text) > MAX_CHARS:
        head, tail = text[: MAX_CHARS * 2 // 3], text[-MAX_CHARS // 3 :]
        return clipped(head) + " " + clipped(tail)
    return text if isinstance(text, str) else text.decode("utf-8", "replace")


def masked(text: bytes | str) -> str:
    """The words of a text with placeholders for what is volatile or rough. Masking a masked text changes nothing."""
    return " ".join(_shown(token) for token in scan(clipped(text)))


def scan(text: str) -> list[Token]:
    """The tokens of a text in order, in time linear in its length. Pass it through `clipped` first."""
    raws = _TOKEN.findall(_folded(text))
    tokens: list[Token] = []
    context = ""
    volatile = False
    for index, raw in enumerate(raws):
        if raw[-1] == ":":
            context = raw[:-1].rstrip("\\\"' \t\r\n")
            volatile = is_volatile_name(context) or is_position_name(context)
            tokens.append((Kind.KEY, context, ""))
            continue
        if raw[0] == "<":
            tokens.append((Kind.GONE, raw, ""))
        elif volatile:
            tokens.append((Kind.GONE, "<volatile>", ""))
        elif raw.isalpha() or not _DIGIT.search(raw):
            context = raw[:_MAX_WORD_CHARS]
            tokens.append((Kind.WORD, context, ""))
        else:
            tokens.append(_with_digits(raws, index, context))
        volatile = False
    return tokens


def _folded(text: str) -> str:
    text = text.lower()
    if "\\u" in text:
        text = _UNICODE_ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
    return text if text.isascii() else text.translate(_FOLDING).lower()


def _shown(token: Token) -> str:
    kind, text, _ = token
    if kind is Kind.AMOUNT:
        return "<amount>"
    if kind is Kind.OPAQUE:
        return "<id>"
    return text + '":' if kind is Kind.KEY else text


def _with_digits(raws: list[str], index: int, context: str) -> Token:
    raw = raws[index]
    if _follows_volatile_word(raws, index):
        return (Kind.GONE, "<volatile>", "")
    if raw.isdecimal() or raw[-1] == "%" or _DECIMAL.fullmatch(raw):
        return _number(raws, index, context)
    if _is_clock_reading(raws, index):
        return (Kind.GONE, "<time>", "")
    if _SPAN.fullmatch(raw):
        return (Kind.GONE, "<span>", "")
    if _OPAQUE.fullmatch(raw):
        return _opaque(raws, index)
    return (Kind.CODE, raw[:_MAX_WORD_CHARS], "")


def _follows_volatile_word(raws: list[str], index: int) -> bool:
    """Whether the text reads `attempt 3` or `request id 7f3a`: in prose only a token with digits is set aside."""
    if index == 0:
        return False
    last = plain_name(raws[index - 1])
    if last in _VOLATILE:
        return True
    return index > 1 and plain_name(raws[index - 2]) + last in _VOLATILE


def _number(raws: list[str], index: int, context: str) -> Token:
    raw = raws[index]
    following = raws[index + 1] if index + 1 < len(raws) else ""
    if following in _SPAN_UNITS:
        return (Kind.GONE, "<span>", "")
    if raw[-1] == "%" or following in _PERCENT or plain_name(context) in _PROGRESS:
        return (Kind.PROGRESS, raw[:_MAX_WORD_CHARS], context)
    if _EPOCH.fullmatch(raw):
        return (Kind.GONE, "<time>", "")
    if not raw.isdecimal():
        return (Kind.AMOUNT, raw[:_MAX_WORD_CHARS], context)
    if len(raw) > 13:
        return _opaque(raws, index)
    if is_amount_name(context) or is_amount_name(following):
        return (Kind.AMOUNT, raw, context)
    return (Kind.NUMBER, raw, context)


def _is_clock_reading(raws: list[str], index: int) -> bool:
    """A time of day is content (a departure at 06:00) unless a date stands before it or its seconds tick."""
    raw = raws[index]
    if _TIME.fullmatch(raw) or _TICKING.fullmatch(raw):
        return True
    if _DATE.fullmatch(raw):
        return index + 1 < len(raws) and _CLOCK.fullmatch(raws[index + 1]) is not None
    if index == 0 or not _CLOCK.fullmatch(raw):
        return False
    before = raws[index - 1]
    return before.isdecimal() and len(before) == 4 or bool(_DATE.fullmatch(before) or _TIME.fullmatch(before))


def _opaque(raws: list[str], index: int) -> Token:
    """An opaque id that a JSON member holds names a record; one in running text is most often a request's."""
    if index and raws[index - 1][-1] == ":":
        return (Kind.OPAQUE, raws[index], "")
    return (Kind.GONE, "<id>", "")
