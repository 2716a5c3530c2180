"""What a text says once its volatile parts are set aside.

One linear pass over words. Request ids, clock readings, durations and attempt counters are noise: two texts
that differ only there say the same. Amounts are kept roughly, so a price that drifts by cents is no news.
Whole numbers, codes and identifiers that name a record are kept exactly: they tell page 3 from page 4.
"""

import re
from enum import IntEnum

from remit.kernel.loops.names import SPAN_UNITS, VOLATILE, Role, role_of

MAX_CHARS = 4_096
"""How much of a text is read, in characters: two thirds from its start and one third from its end."""

MAX_TOKENS = 800
"""How many of its tokens count: prose of `MAX_CHARS` has fewer, a row of bare numbers may have more."""

_MAX_CONTEXT_CHARS = 64


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
    """How far something has come, or in what state it is. Its change is always news."""
    CODE = 5
    """Letters with digits, such as an order number or a date."""
    OPAQUE = 6
    """A UUID, hash or very long number that a JSON member holds as its content."""
    GONE = 7
    """Volatile: says nothing."""

    # An enum hashes its name, in Python; tokens are hashed by the hundred.
    __hash__ = int.__hash__


Token = tuple[Kind, str, str]
"""Kind; text; and context, the name or word that a number belongs to.

The text of a GONE token is its placeholder and its context the text that was set aside.
"""

_TOKEN = re.compile(
    r"<(?:id|time|amount|span|volatile)>"  # our own placeholders, so that masking twice is masking once
    r"|\d{1,3}(?:,\d{3}){1,4}\.\d+"
    r"|\w+(?:[-.:+]\w+)*(?:%|\\?['\"]\s{0,2}:)?"
)
_SHAPE = re.compile(
    r"(?P<decimal>\d+\.\d+(?:e-?\d+)?|\d{1,3}(?:,\d{3})+\.\d+)"
    r"|(?P<moment>\d{4}-\d\d-\d\dt\d\d[:.]?\d\d.*|\d{4}:\d\d:\d\d:\d\d|\d{8}t\d{4,6}z?)"
    r"|(?P<ticking>\d{1,2}:\d\d:(?!00z?$)\d\d(?:\.\d+)?z?)"
    r"|(?P<clock>\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?z?)"
    r"|(?P<date>\d{4}-\d\d-\d\d)"
    r"|(?P<span>\d+(?:\.\d+)?(?:ns|us|µs|ms|s|sec|secs))"
    r"|(?P<opaque>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"|(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{8,})"
)
_DIGIT = re.compile(r"\d")
_EPOCH = re.compile(r"(?:1[5-9]|2[01])\d{8}(?:\d{3}|\d{6}|\d{9})?(?:\.\d+)?")
_TICKING = re.compile(r"\d\d:\d\d:(?!00)\d\d")
_UNICODE_ESCAPE = re.compile(r"\\u([0-9a-f]{4})")
_EPOCH_DIGITS = 10
_LONG_NUMBER_DIGITS = 14
_SECOND_WORDS = frozenset(("id", "no", "number", "count", "at", "ms"))
"""Words that end a volatile name written as two: request id, attempt no, retry count."""
_NO_NEWS = frozenset((Role.VOLATILE, Role.RECEIPT, Role.POSITION))
_SIGNALS = VOLATILE | _SECOND_WORDS
_KEY_END = "\\\"' \t\r\n"

# Arabic-Indic and Persian digits, their separators, and the marks that may be written over a letter.
_FOLDING = (
    {0x0660 + n: str(n) for n in range(10)}
    | {0x06F0 + n: str(n) for n in range(10)}
    | {0x066B: ".", 0x066C: ",", 0x066A: "%", 0x060C: " ", 0x061B: " "}
    | dict.fromkeys([0x0640, *range(0x064B, 0x0653), 0x200E, 0x200F])
)


def is_ticking(text: str) -> bool:
    """Whether a time has seconds other than 00: nobody chose it, a clock was read."""
    return _TICKING.search(text) is not None


def rough_amount(text: str) -> str:
    """An amount to two significant digits: 1000.37 and 1000.91 are the same, 812.40 and 930.00 are not."""
    return f"{float(text.replace(',', '')):.1e}"


def clipped(text: bytes | str) -> str:
    """The part of a text that is read, about `MAX_CHARS` characters; invalid UTF-8 is replaced, no error."""
    if len(text) > MAX_CHARS:
        head, tail = text[: MAX_CHARS * 2 // 3], text[-MAX_CHARS // 3 :]
        return clipped(head) + " " + clipped(tail)
    return text if isinstance(text, str) else text.decode("utf-8", "replace")


def masked(text: bytes | str) -> str:
    """The words of a text, with placeholders for what is volatile or rough. Masking twice is masking once."""
    return " ".join(_shown(token) for token in scan(clipped(text)))


def scan(text: str) -> list[Token]:
    """The tokens of a text in order, in time linear in its length. Pass it through `clipped` first."""
    raws = _TOKEN.findall(_folded(text))
    if len(raws) > MAX_TOKENS:
        raws = raws[: MAX_TOKENS * 2 // 3] + raws[-MAX_TOKENS // 3 :]
    return _Scan(raws).tokens()


class _Scan:
    """One pass over the raw words of a text."""

    __slots__ = ("raws", "roles")

    def __init__(self, raws: list[str]) -> None:
        self.raws = raws
        self.roles: dict[str, Role] = {}
        """What the names met so far mean: in a list of records the same few come in every row."""

    def tokens(self) -> list[Token]:
        # Runs once for every word of every result: members of an enum are slow to look up in Python 3.11.
        word, gone, code, plain, has_digit = Kind.WORD, Kind.GONE, Kind.CODE, Role.PLAIN, _DIGIT.search
        tokens: list[Token] = []
        context, role, before = "", plain, ""
        for index, raw in enumerate(self.raws):
            if raw[-1] == ":":
                context = raw[:-1].rstrip(_KEY_END)
                role = self._role(context)
                tokens.append((Kind.KEY, context, ""))
            else:
                if role is not plain:
                    tokens.append(self._valued(index, context, role))
                elif raw.isalpha() or not has_digit(raw):
                    tokens.append((word if raw[0] != "<" else gone, raw, ""))
                elif raw[0] > "f" and before not in _SIGNALS and raw[-1] != "%":
                    # By far the most frequent with digits, and of no other shape.
                    tokens.append((code, raw, ""))
                else:
                    tokens.append(self._with_digits(index, context))
                if tokens[-1][0] is word:
                    context = raw
                role = plain
            before = raw
        return tokens

    def _valued(self, index: int, context: str, role: Role) -> Token:
        """The token of a value whose name has a role."""
        raw = self.raws[index]
        if raw[0] == "<":
            return (Kind.GONE, raw, "")
        if role in _NO_NEWS:
            return (Kind.GONE, "<volatile>", raw)
        if _DIGIT.search(raw):
            return self._with_digits(index, context)
        return (Kind.PROGRESS, raw, context) if role is Role.STATE else (Kind.WORD, raw, "")

    def _role(self, name: str) -> Role:
        role = self.roles.get(name)
        if role is None:
            role = self.roles[name] = role_of(name)
        return role

    def _with_digits(self, index: int, context: str) -> Token:
        raw = self.raws[index]
        if self._follows_volatile_word(index):
            return (Kind.GONE, "<volatile>", raw)
        if raw.isdecimal() or raw[-1] == "%":
            return self._number(index, context)
        shape = self._shape(index)
        if shape == "decimal":
            return self._number(index, context)
        if shape == "opaque":
            return self._opaque(index)
        if shape == "span":
            return (Kind.GONE, "<span>", raw)
        if shape in ("moment", "ticking") or (shape in ("clock", "date") and self._is_dated(index, shape)):
            return (Kind.GONE, "<time>", raw)
        return (Kind.CODE, raw, "")

    def _follows_volatile_word(self, index: int) -> bool:
        """Whether it reads `attempt 3` or `request id 7f3a`: in prose only what has digits is set aside."""
        if index == 0:
            return False
        last = self.raws[index - 1]
        if last in _SECOND_WORDS and index > 1:
            return self.raws[index - 2] + last in VOLATILE
        return last in VOLATILE

    def _number(self, index: int, context: str) -> Token:
        raw, context = self.raws[index], context[:_MAX_CONTEXT_CHARS]
        following = self._at(index + 1)
        if following[:1].isdigit():
            following = ""  # no unit: a row of numbers
        if following in SPAN_UNITS:
            return (Kind.GONE, "<span>", raw)
        role = self._role(context)
        if raw[-1] == "%" or role is Role.PROGRESS or self._role(following) is Role.PROGRESS:
            return (Kind.PROGRESS, raw, context)
        if len(raw) >= _EPOCH_DIGITS and _EPOCH.fullmatch(raw):
            return (Kind.GONE, "<time>", raw)
        if not raw.isdecimal():
            return (Kind.AMOUNT, raw, context)
        if len(raw) >= _LONG_NUMBER_DIGITS:
            return self._opaque(index)
        if role is Role.AMOUNT or self._role(following) is Role.AMOUNT:
            return (Kind.AMOUNT, raw, context)
        return (Kind.NUMBER, raw, context)

    def _is_dated(self, index: int, shape: str) -> bool:
        """Whether a date and a time of day stand together. Alone each is content: on a day, at 06:00."""
        if shape == "date":
            return self._shape(index + 1) in ("clock", "ticking")
        before = self._at(index - 1)
        return self._shape(index - 1) in ("date", "moment") or (before.isdecimal() and len(before) == 4)

    def _opaque(self, index: int) -> Token:
        """An opaque id that a JSON member holds names a record; one in running text is mostly a request's."""
        raw = self.raws[index]
        if self._at(index - 1).endswith(":"):
            return (Kind.OPAQUE, raw, "")
        return (Kind.GONE, "<id>", raw)

    def _at(self, index: int) -> str:
        return self.raws[index] if 0 <= index < len(self.raws) else ""

    def _shape(self, index: int) -> str | None:
        raw = self._at(index)
        # Of all shapes only an opaque id may begin with a letter, and then with one of the first six.
        if not raw or raw[0] > "f":
            return None
        match = _SHAPE.fullmatch(raw)
        return match.lastgroup if match else None


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
