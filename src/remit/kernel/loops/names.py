"""What the name of a member, or the word before a number, says about the value that follows."""

from enum import IntEnum


class Role(IntEnum):
    """What a value of some name is to loop detection."""

    PLAIN = 0
    VOLATILE = 1
    """Differs in every call or answer and says nothing: request ids, clock readings, attempt counters."""
    RECEIPT = 2
    """The same among results; as an argument it says what is meant: the message to delete, the session to close."""
    POSITION = 3
    """Where in a list one is."""
    AMOUNT = 4
    """A number to be compared roughly even when it is whole."""
    PROGRESS = 5
    """How far something has come."""
    STATE = 6
    """What state something is in."""
    PLACE = 7
    """A coordinate: exact to the last digit."""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


SPAN_UNITS = _names("ns us µs ms s sec secs second seconds minute minutes ثانية ثوان دقيقة دقائق")
"""Units after a number that make it a duration."""

VOLATILE = _names(
    """
    attempt attempts attemptno attemptnumber retry retries retryno retrycount tries tryno trynumber
    iteration iter round turn nonce salt ts timestamp now epoch
    requestid reqid traceid spanid correlationid idempotencykey
    requestedat generatedat fetchedat checkedat servedat servertime
    elapsed elapsedms elapseds took tookms latency latencyms uptime
    محاولة المحاولة
    """
)
"""Volatile names in plain spelling; in running text the same words set aside a number that follows."""

_RECEIPTS = _names(
    """
    request trace span session sessionid messageid eventid callid etag signature duration durationms durations
    """
)
_VOLATILE_ENDINGS = tuple(_names("requestid traceid correlationid timestamp nonce retrycount attemptcount"))
_POSITION = _names(
    """
    page pageno pagenumber pageindex offset skip cursor nextcursor pagetoken nextpagetoken nextpage startafter
    after continuation continuationtoken marker
    """
)
_PROGRESS = _names(
    """
    progress percent percentage pct completed complete processed finished done remaining بالمئة بالمائة
    """
)
_AMOUNT_ENDINGS = tuple(
    _names(
        """
        amount amounts price cost total balance fee expected actual difference delta paid due sum
        aed sar qar kwd bhd omr egp jod usd eur gbp inr dollars dirhams درهم ريال دينار المبلغ السعر
        """
    )
)
_ROLE_BY_NAME = (
    dict.fromkeys(VOLATILE, Role.VOLATILE)
    | dict.fromkeys(_RECEIPTS, Role.RECEIPT)
    | dict.fromkeys(_POSITION, Role.POSITION)
    | dict.fromkeys(_PROGRESS, Role.PROGRESS)
    | dict.fromkeys(("state", "status", "phase", "stage"), Role.STATE)
    | dict.fromkeys(("lat", "lon", "lng", "latitude", "longitude"), Role.PLACE)
)
_NOISE = str.maketrans("", "", "_-\\\"': ")


def plain_name(name: str) -> str:
    """One spelling for `requestId`, `request-id` and `REQUEST_ID`."""
    return name.translate(_NOISE).lower()


def role_of(name: str) -> Role:
    """The role of a name in any spelling; what is not known is PLAIN."""
    return role_of_plain(plain_name(name))


def role_of_plain(plain: str) -> Role:
    """As `role_of`, of a name in its one spelling."""
    role = _ROLE_BY_NAME.get(plain)
    if role is not None:
        return role
    if plain.endswith(_VOLATILE_ENDINGS):
        return Role.VOLATILE
    return Role.AMOUNT if plain.endswith(_AMOUNT_ENDINGS) else Role.PLAIN
