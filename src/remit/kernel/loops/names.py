"""What the name of a member, or the word before a number, says about the value that follows."""

from enum import IntEnum


class Role(IntEnum):
    """What a value of some name is to loop detection."""

    PLAIN = 0
    VOLATILE = 1
    """Differs in every call or answer and says nothing: request ids, clock readings, attempt counters."""
    POSITION = 2
    """Where in a list one is."""
    AMOUNT = 3
    """A number to be compared roughly even when it is whole."""
    PROGRESS = 4
    """How far something has come."""
    STATE = 5
    """What state something is in."""
    PLACE = 6
    """A coordinate: exact to the last digit."""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


SPAN_UNITS = _names("ns us µs ms s sec secs second seconds minute minutes ثانية ثوان دقيقة دقائق")
"""Units after a number that make it a duration."""

VOLATILE = _names(
    """
    attempt attempts attemptno attemptnumber retry retries retryno retrycount try tries tryno trynumber
    iteration iter round turn nonce salt ts timestamp now epoch
    requestid reqid request traceid trace spanid span correlationid messageid eventid callid idempotencykey
    sessionid session etag signature requestedat generatedat fetchedat checkedat servedat servertime
    elapsed elapsedms elapseds took tookms latency latencyms duration durationms durations uptime
    محاولة المحاولة
    """
)
"""Volatile names in plain spelling; in running text the same words set aside a number that follows."""

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
    plain = plain_name(name)
    role = _ROLE_BY_NAME.get(plain)
    if role is not None:
        return role
    if plain.endswith(_VOLATILE_ENDINGS):
        return Role.VOLATILE
    return Role.AMOUNT if plain.endswith(_AMOUNT_ENDINGS) else Role.PLAIN
