"""Cedar expressions of every kind, right and wrong, and worlds to evaluate them in."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from hypothesis import strategies as st

Draw = Callable[[st.SearchStrategy], object]

INTEGERS = (0, 1, -1, 2, 7, 60, 2**31, 2**63 - 1, -(2**63))
TEXTS = ("", "a", "ab", "a*b", "aXbXab", "été", "\U0001f600", "1", "does not exist", "integer overflow")
USERS = ("alice", "bob", "nobody")
ENTITIES = (
    *(("User", name) for name in USERS),
    ("Group", "g1"),
    ("Group", "g2"),
    ("File", "f"),
    ("App::File", "f"),
    ("Action", "read"),
    ("Action", "any"),
)
NAMES = ("n", "s", "b", "e", "ns", "r", "es", "gone", "does not exist")
DECIMALS = ("1.0", "-0.5", "0.0001", "922337203685477.5807", "-922337203685477.5808", "922337203685477.5808")
BAD_DECIMALS = ("1", "1.", ".1", "1.00000", "+1.0", "1,0", "", "1.0\n", "९.0", "9" * 30 + ".0")
DATETIMES = (
    "2024-02-29",
    "1970-01-01",
    "0000-01-01",
    "9999-12-31T23:59:59.999Z",
    "1969-12-31T23:59:59Z",
    "2024-01-01T10:00:00+0130",
    "2024-01-01T10:00:00.5Z",
    "2023-02-29",
    "2024-13-01",
    "2024-00-10",
    "2024-01-01T24:00:00Z",
    "2024-01-01T23:59:60Z",
    "2024-01-01T10:00:00",
    "2024-01-01T10:00:00+2400",
    "1900-02-29",
    "2000-02-29",
    "10000-01-01",
)
DURATIONS = (
    "1d",
    "-1d2h3m4s5ms",
    "5ms",
    "0s",
    "90m",
    "9223372036854775807ms",
    "-9223372036854775808ms",
    "9223372036854775808ms",
    "106751991168d",
    "1h1d",
    "",
    "-",
    "1",
    "1 d",
    "00000000000000000000000000001ms",
    "99999999999999999999999s",
)
ADDRESSES = (
    "10.0.0.1",
    "10.0.0.0/8",
    "10.1.2.3/8",
    "127.0.0.1",
    "127.0.0.0/8",
    "127.0.0.0/7",
    "224.0.0.1",
    "224.0.0.0/3",
    "::1",
    "::1/127",
    "ff02::1",
    "ff00::/8",
    "ff00::/7",
    "2001:db8::/32",
    "1:2:3:4:5:6:7::",
    "::2:3:4:5:6:7:8",
    "1:2:3:4:5:6:7:8::",
    "::ffff:1.2.3.4",
    "fe80::1%eth0",
    "01.2.3.4",
    "1.2.3",
    "1.2.3.4/33",
    "1.2.3.4/08",
    "1.2.3.4/",
    "1.2.3.4/0",
    "::/0",
    "",
    "10.0.0.1 ",
    "0:0:0:0:0:0:0:1",
    "FF02::1",
)


def literal(text: str) -> str:
    """A string as Cedar source."""
    escaped = (c if " " <= c <= "~" and c not in '"\\' else f"\\u{{{ord(c):x}}}" for c in text)
    return '"' + "".join(escaped) + '"'


def pattern(text: str) -> str:
    """A pattern of `like`: each `*` is a wildcard."""
    return literal(text)


def _one(*options: str) -> st.SearchStrategy[str]:
    return st.sampled_from(options)


KINDS = ("bool", "long", "string", "entity", "set", "record", "decimal", "datetime", "duration", "ip")

LEAVES: Mapping[str, st.SearchStrategy[str]] = {
    "bool": _one("true", "false", "context.b", "principal.b", "context.r.b"),
    "long": _one(*(f"({number})" for number in INTEGERS), "context.n", "principal.n", "context.r.n", "resource.n"),
    "string": _one(*map(literal, TEXTS), "context.s", "principal.s", "context.r.s"),
    "entity": _one(
        "principal",
        "action",
        "resource",
        "context.e",
        "principal.e",
        *(f"{kind}::{literal(id)}" for kind, id in ENTITIES),
    ),
    "set": _one("[]", "context.ns", "context.es", "principal.ns", "[1, 2]", "[true, 1]", "[principal, resource]"),
    "record": _one("context", "context.r", "principal.r", "{}", "{n: 1}", '{"n": true, s: "a"}'),
    "decimal": st.sampled_from((*DECIMALS, *BAD_DECIMALS)).map(lambda text: f"decimal({literal(text)})"),
    "datetime": st.sampled_from(DATETIMES).map(lambda text: f"datetime({literal(text)})"),
    "duration": st.sampled_from(DURATIONS).map(lambda text: f"duration({literal(text)})"),
    "ip": st.sampled_from(ADDRESSES).map(lambda text: f"ip({literal(text)})"),
}

# Parts in «» are expressions of that kind; `?` is one of any kind; `name`, `key` and `pattern` come from their lists.
FORMS: Mapping[str, tuple[str, ...]] = {
    "bool": (
        "«?» == «?»",
        "«?» != «?»",
        "«long» == «long»",
        "«string» == «string»",
        "«entity» == «entity»",
        "«set» == «set»",
        "«record» == «record»",
        "«decimal» == «decimal»",
        "«datetime» == «datetime»",
        "«duration» == «duration»",
        "«ip» == «ip»",
        "«long» < «long»",
        "«long» <= «long»",
        "«long» > «long»",
        "«long» >= «long»",
        "«datetime» < «datetime»",
        "«datetime» >= «datetime»",
        "«duration» <= «duration»",
        "«duration» > «duration»",
        "«bool» && «bool»",
        "«bool» || «bool»",
        "!«bool»",
        "if «bool» then «bool» else «bool»",
        "«record» has «name»",
        "«entity» has «name»",
        "«record» has r.n",
        "context has «name».b",
        "«entity» in «entity»",
        "«entity» in «set»",
        "«entity» in [«entity», «entity»]",
        "«entity» is User",
        "«entity» is App::File",
        "«entity» is User in «entity»",
        "«entity» is Action in «set»",
        "«string» like «pattern»",
        "«set».contains(«?»)",
        "«set».containsAll(«set»)",
        "«set».containsAny(«set»)",
        "«set».isEmpty()",
        "«entity».hasTag(«string»)",
        "«decimal».lessThan(«decimal»)",
        "«decimal».lessThanOrEqual(«decimal»)",
        "«decimal».greaterThan(«decimal»)",
        "«decimal».greaterThanOrEqual(«decimal»)",
        "«ip».isIpv4()",
        "«ip».isIpv6()",
        "«ip».isLoopback()",
        "«ip».isMulticast()",
        "«ip».isInRange(«ip»)",
    ),
    "long": (
        "«long» + «long»",
        "«long» - «long»",
        "«long» * «long»",
        "-«long»",
        "if «bool» then «long» else «long»",
        "«duration».toMilliseconds()",
        "«duration».toSeconds()",
        "«duration».toMinutes()",
        "«duration».toHours()",
        "«duration».toDays()",
        "«record».n",
    ),
    "string": (
        "«record»[«key»]",
        "«entity»[«key»]",
        "«entity».getTag(«string»)",
        "if «bool» then «string» else «string»",
    ),
    "entity": ("«record».e", "«entity».e", "if «bool» then «entity» else «entity»"),
    "set": ("[«?», «?»]", "[«long», «long»]", "[«string», «string»]", "[«set», «set»]", "«record».es", "«entity».ns"),
    "record": ("{b: «?», a: «?»}", "«record».r", "{n: «long», s: «string»}", "«entity».r"),
    "decimal": ("decimal(«string»)",),
    "datetime": ("«datetime».offset(«duration»)", "«datetime».toDate()", "datetime(«string»)"),
    "duration": ("«datetime».durationSince(«datetime»)", "«datetime».toTime()", "duration(«string»)"),
    "ip": ("ip(«string»)",),
}
PATTERNS = ("*", "a*", "*b", "a*b", "a\\*b", "*X*X*", "", "a", "**", "*é*", "*\\u{1f600}", "aXb*bXab", "a*b*b")


@st.composite
def expressions(draw: st.DrawFn, kind: str, depth: int = 3) -> str:
    """An expression that is meant to be of a kind; one in ten is of another."""
    if draw(st.integers(0, 9)) == 0:
        kind = draw(st.sampled_from(KINDS))
    if depth == 0 or draw(st.integers(0, 2)) == 0:
        return draw(LEAVES[kind])
    form = draw(st.sampled_from(FORMS[kind]))
    parts: list[str] = []
    for index, piece in enumerate(_cut(form)):
        if index % 2 == 0:
            parts.append(piece)
        elif piece == "name":
            parts.append(draw(st.sampled_from([name for name in NAMES if name.isidentifier()])))
        elif piece == "key":
            parts.append(literal(draw(st.sampled_from(NAMES))))
        elif piece == "pattern":
            parts.append(f'"{draw(st.sampled_from(PATTERNS))}"')
        else:
            wanted = draw(st.sampled_from(KINDS)) if piece == "?" else piece
            parts.append(f"({draw(expressions(wanted, depth - 1))})")
    return "".join(parts)


def _cut(form: str) -> list[str]:
    """`a «b» c` as `["a ", "b", " c"]`."""
    return form.replace("»", "«").split("«")


@st.composite
def records(draw: st.DrawFn, depth: int = 1) -> dict[str, object]:
    """Attributes in Cedar's JSON form; any may be missing, and some are of another type than usual."""

    def reference() -> object:
        kind, id = draw(st.sampled_from(ENTITIES))
        return {"__entity": {"type": kind, "id": id}}

    made: dict[str, object] = {
        "n": draw(st.sampled_from([*INTEGERS, True])),
        "s": draw(st.sampled_from(TEXTS)),
        "b": draw(st.sampled_from([True, False, 1])),
        "e": reference(),
        "ns": draw(st.lists(st.sampled_from([1, 2, True, "a", [1], {"n": 1}]), max_size=3)),
        "es": [reference() for _ in range(draw(st.integers(0, 2)))],
        "does not exist": draw(st.sampled_from([1, "a"])),
    }
    if depth:
        made["r"] = draw(records(depth - 1))
    gone = draw(st.sets(st.sampled_from(list(made)), max_size=2))
    return {name: value for name, value in made.items() if name not in gone}


@st.composite
def worlds(draw: st.DrawFn) -> list[dict[str, object]]:
    """Entities in Cedar's JSON form: users in groups, a file, an action in a group of actions. `nobody` is unknown."""

    def entity(kind: str, id: str, *parents: tuple[str, str]) -> dict[str, object]:
        return {
            "uid": {"type": kind, "id": id},
            "attrs": draw(records()),
            "parents": [{"type": kind, "id": id} for kind, id in parents if draw(st.booleans())],
            "tags": draw(st.dictionaries(st.sampled_from(TEXTS), st.sampled_from(["a", "b", 1]), max_size=2)),
        }

    return [
        entity("User", "alice", ("Group", "g1"), ("User", "bob")),
        entity("User", "bob", ("Group", "g2")),
        entity("Group", "g1", ("Group", "g2")),
        entity("Group", "g2"),
        entity("File", "f", ("App::File", "f")),
        {"uid": {"type": "Action", "id": "read"}, "attrs": {}, "parents": [{"type": "Action", "id": "any"}]},
        {"uid": {"type": "Action", "id": "any"}, "attrs": {}, "parents": []},
    ]


requests = st.builds(
    lambda principal, resource, context: {
        "principal": f'User::"{principal}"',
        "action": 'Action::"read"',
        "resource": f'{resource}::"f"',
        "context": json.dumps(context),
    },
    st.sampled_from(USERS),
    st.sampled_from(["File", "App::File"]),
    records(),
)
