"""Secrets: keys of known forms, tokens, passwords in addresses, and what is assigned to a name that says secret."""

from __future__ import annotations

import binascii
import math
import re
from collections import Counter
from collections.abc import Iterator

from remit.screens.folding import fold
from remit.screens.mark import MarkKind
from remit.screens.span import CONTEXT, Span

_WS = r"(?:[ \t\n\r]|\\[nr]){0,8}+"
PEM_BODY = (
    r"[A-Za-z0-9+/]*+={0,2}"
    rf"(?:{_WS}(?:[A-Za-z0-9+/]{{16,}}+={{0,2}}|(?:Proc-Type|DEK-Info|Version|Comment|Charset|Hash):[^\n\\]{{0,80}}+))*+"
    rf"(?:(?:{_WS}=?[A-Za-z0-9+/]{{1,15}}+={{0,2}}){{1,2}}+(?={_WS}-----END))?+"
    rf"(?:{_WS}-----END[ ][A-Z0-9 ]{{1,40}}+-----)?+"
)
"""What follows the first line of a private key (RFC 7468; RFC 4880, section 6.2). Line ends may be escaped."""

PEM_UNDECIDED = re.compile(
    rf"{_WS}(?:\\?|[A-Z][A-Za-z-]{{0,12}}+(?::[^\n\\]{{0,80}}+)?"
    rf"|(?:=?[A-Za-z0-9+/]{{0,15}}+={{0,2}}{_WS}\\?){{0,2}}(?:-{{1,5}}+(?:E|EN|END[A-Z0-9 ]{{0,41}}+-{{0,5}}+)?)?)\Z"
)
"""What stands behind a body that has come so far, and may yet turn out to be part of it."""

_PEM = re.compile(rf"-----BEGIN (?:[A-Z0-9]{{1,20}} ){{0,4}}PRIVATE KEY(?: BLOCK)?-----({PEM_BODY})")
_PEM_LINE = re.compile(r"[A-Za-z0-9+/]{16}")

_KNOWN = re.compile(
    r"""(?<![A-Za-z0-9])(?:
      sk-[A-Za-z0-9_-]{20,400}+                                # OpenAI, Anthropic, OpenRouter, DeepSeek and more
    | (?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA|AGPA|ANPA|ANVA|AIPA)[A-Z2-7]{16}(?![A-Za-z0-9])      # AWS
    | gh[pousr]_[A-Za-z0-9]{30,255}+ | github_pat_[A-Za-z0-9_]{22,255}+
    | gl(?:pat|ptt|dt|rt|cbt|soat)-[A-Za-z0-9_.-]{20,300}+
    | xox[a-z]-[A-Za-z0-9-]{10,300}+ | xoxe\.xox[bp]-[A-Za-z0-9-]{10,300}+  # Slack
    | xapp-[0-9]-[A-Za-z0-9-]{10,300}+
    | AIza[A-Za-z0-9_-]{35} | ya29\.[A-Za-z0-9_-]{20,1000}+ | GOCSPX-[A-Za-z0-9_-]{20,60}+  # Google
    | 1//[A-Za-z0-9_-]{30,200}+
    | [sr]k_(?:live|test)_[A-Za-z0-9]{16,255}+ | whsec_[A-Za-z0-9+/=]{20,100}+                 # Stripe
    | (?:hf|gsk|npm|dckr_pat|figd|lin_api|shp(?:at|ca|pa|ss)|dop_v1|doo_v1|nvapi|pplx|xai|r8|glc|sbp|secret
        |ntn|tskey|vercel)        [_-][A-Za-z0-9_-]{28,300}+
    | SG\.[A-Za-z0-9_-]{16,40}\.[A-Za-z0-9_-]{16,80}+ | SK[0-9a-f]{32}(?![A-Za-z0-9]) | key-[0-9a-f]{32}(?![A-Za-z0-9])
    | pypi-[A-Za-z0-9_-]{40,300}+ | dapi[0-9a-f]{32}(?![A-Za-z0-9]) | hvs\.[A-Za-z0-9_-]{20,300}+
    | [0-9]{8,10}:AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])                                         # Telegram
    | AGE-SECRET-KEY-1[0-9A-Z]{58} | PMAK-[0-9a-f]{24}-[0-9a-f]{34}
    | rmt_[a-z]_[A-Za-z0-9_-]{20,100}+                                                         # Remit's own
    | hooks\.slack\.com/services/[A-Za-z0-9/]{20,120}+
    )""",
    re.VERBOSE,
)
_JWT = re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{4,}+(?:\.[A-Za-z0-9_-]*+){1,3}")
_IN_ADDRESS = re.compile(r"://[^\s/?#@:]{0,128}+:([^\s/?#]{1,256})@")
_AFTER_SCHEME = re.compile(r"(?i)(?<![A-Za-z])(bearer|basic|token|apikey)[ \t]{1,3}\Z")
_SCHEMED = re.compile(r"[A-Za-z0-9._~+/=-]{8,}+")


def _either(*words: str) -> str:
    return "|".join(fold(word).text.replace(" ", "[ _-]?") for word in words)


_PASSWORD = _either("password", "passwd", "passphrase", "pwd", "passcode", "كلمة المرور", "كلمة السر", "الرقم السري")
_SECRET = _either(
    *("secret", "api key", "access key", "secret key", "auth key", "account key", "private key", "signing key"),
    *("encryption key", "master key", "shared access key", "client secret", "credential", "credentials", "auth token"),
    *("access token", "refresh token", "id token", "session token", "bearer token", "token", "sig", "رمز الوصول"),
    *("مفتاح الوصول", "المفتاح السري"),
)
_HINTS = tuple(fold(word).text for word in "pass pwd secret key cred token sig كلمة الرقم رمز مفتاح".split())
"""What every such name holds: without one, nothing is searched."""
_PAGING = "".join(rf"(?<!{word})(?<!{word}[_-])" for word in ("page", "next", "continuation", "sync", "cursor"))
"""What a `page_token` holds says where a list goes on; whoever asked for the list must be able to give it back."""
_KEYED = re.compile(
    rf"(?i)(?:({_PASSWORD})|{_PAGING}(?:{_SECRET}))(?:[_-](?:id|key|value))?"
    r"[\"'`\\*]{0,3}[ \t]{0,2}(?::=|=>|=|:|\b[ \t](?:is|هي|هو)[ \t])[ \t]{0,2}[\"'`\\*]{0,3}"
)
_VALUE = re.compile(r"[!#-&(-;=?-Z^_a-z~]++")
_STANDS_FOR = re.compile(
    r"(?i)[*x.#_-]+|\$.*|%.*%|(?:your|example|sample|changeme|placeholder|redacted|masked)(?:[_-].*)?|none|null|true|false"
    r"|undefined|(?:env|file|vault):.*|process\.env.*|os\.environ.*"
)
"""What stands in the place of a secret."""

_NEXT_NAME = re.compile(r"[&;,][A-Za-z_][A-Za-z0-9_.-]{0,60}[=:]")
_ENDS = ".,;:)&"


def secrets_in(text: str, begin: int, end: int) -> Iterator[Span]:
    """Yield the secrets between two places; what stands before is looked at as far as CONTEXT goes."""
    if text.find("-----BEGIN ", begin, end) >= 0:
        for found in _PEM.finditer(text, begin, end):
            if _PEM_LINE.search(found[1]) is not None:
                yield Span(found.start(), found.end(), MarkKind.PRIVATE_KEY)
    if text.find("://", begin, end) >= 0:
        for found in _IN_ADDRESS.finditer(text, begin, end):
            yield Span(*found.span(1), MarkKind.SECRET)
    if end - begin >= _SHORTEST_KEY:
        for pattern in (_KNOWN, _JWT):
            for found in pattern.finditer(text, begin, end):
                if _is_mixed(found[0]):
                    yield Span(*found.span(), MarkKind.SECRET)
    if end - begin >= _SHORTEST_PAIR:
        yield from _schemed(text, begin, end)
    yield from _keyed(text, begin, end)


_SHORTEST_KEY = 16
_SHORTEST_PAIR = 8
_MIXED_ENTROPY = 2.5


def _is_mixed(value: str) -> bool:
    """Tell whether it has letters and digits, and not just words or one of each: keys are drawn, names are chosen."""
    tail = value[4:]
    return any(char.isdigit() or char.isupper() for char in tail) and entropy(tail) >= _MIXED_ENTROPY


def entropy(text: str) -> float:
    """Return Shannon's entropy of the characters of a text, in bits a character."""
    size = len(text)
    return -sum(n / size * math.log2(n / size) for n in Counter(text).values()) if size else 0.0


def _schemed(text: str, begin: int, end: int) -> Iterator[Span]:
    """Yield what follows `Bearer` or `Basic`, as in a header of HTTP (RFC 7235)."""
    scheme = _AFTER_SCHEME.search(text, max(0, begin - 16), begin)
    value = _SCHEMED.match(text, begin, end)
    if scheme is None or value is None:
        return
    word, credential = scheme[1].lower(), value[0]
    if _is_pair(credential) if word == "basic" else len(credential) >= _SHORTEST_KEY and _is_mixed("    " + credential):
        yield Span(*value.span(), MarkKind.SECRET)


def _is_pair(credential: str) -> bool:
    """Tell whether it is a name and a password, as Basic authentication has them (RFC 7617)."""
    try:
        return b":" in binascii.a2b_base64(credential, strict_mode=True)
    except binascii.Error:
        return False


def _keyed(text: str, begin: int, end: int) -> Iterator[Span]:
    start = max(0, begin - CONTEXT)
    lowered = text[start:end].lower()
    if not any(hint in lowered for hint in _HINTS):
        return
    run = name = -1  # where the run ends that a value is in, and where the next name in it begins: looked for once
    for key in _KEYED.finditer(text, start, end):
        at = key.end()
        if at < begin or at >= end:
            continue
        if at >= run:
            found = _VALUE.match(text, at, end)
            run, name = (at, at) if found is None else (found.end(), -1)
        if at >= name:
            following = _NEXT_NAME.search(text, at, run)
            name = run if following is None else following.start()
        said = text[at:name].rstrip(_ENDS)
        if said and _is_secret(said, by_name=key[1] is not None):
            yield Span(at, at + len(said), MarkKind.SECRET)


_SHORTEST_PASSWORD = 6
_SHORTEST_TOKEN = 12
_TOKEN_ENTROPY = 3.0
_JUDGED = 256
"""By how many of its characters a value is judged."""


def _is_secret(value: str, *, by_name: bool) -> bool:
    value = value[:_JUDGED]
    if _STANDS_FOR.fullmatch(value) is not None:
        return False
    if by_name:
        return len(value) >= _SHORTEST_PASSWORD and not value.isalpha()
    drawn = any(map(str.isdigit, value)) and any(map(str.isalpha, value))
    return len(value) >= _SHORTEST_TOKEN and drawn and entropy(value) >= _TOKEN_ENTROPY
