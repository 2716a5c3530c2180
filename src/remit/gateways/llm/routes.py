"""Which endpoint a call goes to, and how it is spoken to: addresses, credentials, one try after the other."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

from remit.asgi.outbound import Answer, Outbound, OutboundFailed
from remit.domain.clock import Instant
from remit.domain.upstream import Dialect, Model, ModelRoute
from remit.gateways.llm.speaking import Letter
from remit.gateways.llm.translation.bedrock import access_key_in, signed
from remit.gateways.llm.turned import Turned, Why
from remit.storage.vault import NoSecret, Vault

Random = Callable[[], float]
"""Returns a number from 0 up to 1."""

PAUSE_S = 120.0
ANOTHER_TRY = frozenset((409, 425, 429, 500, 503, 529))
"""Answers after which the next route is tried: the endpoint says itself that it has not done it, and bills nothing."""
IN_BETWEEN = frozenset((408, 502, 504, 520, 522, 524))
"""Answers of whoever stands before an endpoint: the endpoint may be at work all the same, so nobody else is asked."""
THEIRS = frozenset((400, 413, 422))
"""Answers that find fault with the request itself; what they say is passed on."""

_log = logging.getLogger("remit.gateways.llm")


def in_order(model: Model, random: Random) -> list[ModelRoute]:
    """Return the routes in the order in which they are tried: the first drawn by weight, the others as they stand."""
    left = list(model.routes)
    total = sum(route.weight for route in left)
    drawn = random() * total
    for route in left:
        drawn -= route.weight
        if drawn < 0:
            return [route, *[other for other in left if other is not route]]
    return left


def address_of(route: ModelRoute, path: str) -> str:
    """Return where a path of a route's interface is; a query, as Azure's api-version, stays behind it.

    Anthropic's own address is written without a version, as its clients have it.
    """
    place, mark, query = route.url.partition("?")
    place = place.rstrip("/")
    if route.dialect is Dialect.ANTHROPIC and not place.endswith("/v1"):
        place += "/v1"
    return f"{place}{path}{mark}{query}"


def is_azure(route: ModelRoute) -> bool:
    """Tell whether a route leads to Azure, which takes its key in a header of its own."""
    return "api-version=" in route.url.partition("?")[2] or (urlsplit(route.url).hostname or "").endswith(".azure.com")


ANTHROPIC_VERSION = "2023-06-01"


def headers_for(
    route: ModelRoute, vault: Vault, extra: Mapping[str, str], letter: Letter, now: Instant
) -> dict[str, str]:
    """Return the headers of a request, the credential or its signature among them. Raises NoSecret."""
    headers = {"content-type": "application/json", **extra}
    if route.dialect is Dialect.ANTHROPIC:
        headers.setdefault("anthropic-version", ANTHROPIC_VERSION)
    if route.credential:
        secret = vault.secret(route.credential)
        key = access_key_in(secret) if route.dialect is Dialect.BEDROCK else None
        if key is not None:
            return signed(key, address_of(route, letter.path), headers, letter.body, route.region, now)
        if route.dialect is Dialect.ANTHROPIC:
            headers["x-api-key"] = secret
        elif is_azure(route):
            headers["api-key"] = secret
        else:
            headers["authorization"] = f"Bearer {secret}"
    return headers


class Tried:
    """What has become of the tries of one call.

    Attributes:
        is_sent: an endpoint may have received a request whose answer never came: nobody knows what it costs.
        is_answered: an endpoint has answered, with an error.
    """

    def __init__(self) -> None:
        self.is_sent = False
        self.is_answered = False
        self.failures: list[Turned] = []

    def failed(self, turned: Turned, *, is_sent: bool) -> None:
        """Note a try that brought nothing."""
        self.failures.append(turned)
        self.is_sent = self.is_sent or is_sent

    @property
    def why(self) -> Turned:
        """What the client is told of it: the last failure."""
        return self.failures[-1]


def failure(error: OutboundFailed, target: str) -> Turned:
    """Say what went wrong on the way to an endpoint, without its address."""
    _log.warning("a call of %s brought no answer: %s", target, error, extra={"code": error.code})
    if error.code == "timed_out":
        text = f"the endpoint of {target} did not answer in time"
        return Turned(Why.TIMED_OUT, "upstream.timed_out", text, may_retry=True)
    text = f"the endpoint of {target} can not be used ({error.code}): an operator finds more in the server's log"
    return Turned(Why.UPSTREAM, f"upstream.{error.code}", text, may_retry=error.code in _PASSING)


_PASSING = ("unreachable", "broken")


def no_credential(error: NoSecret, target: str) -> Turned:
    """Say that a credential is missing; which, only the log says."""
    _log.error("a route of %s can not be used: %s", target, error)
    text = f"the endpoint of {target} can not be used: its credential is missing; an operator must set it"
    return Turned(Why.UPSTREAM, "upstream.no_credential", text)


def refused_by(status: int, said: str, headers: Mapping[str, str], target: str) -> Turned:
    """Say that an endpoint answers with an error. `said` is passed on only where the request itself is at fault."""
    _log.warning("the endpoint of %s answered %d", target, status)
    code = f"upstream.status_{status}"
    if status in THEIRS:
        why = Why.TOO_LARGE if status == 413 else Why.INVALID
        return Turned(why, code, f"the endpoint of {target} refuses the request: {said or 'it does not say why'}")
    if status == 429:
        after = headers.get("retry-after", "")
        wait_s = int(after) if after.isdecimal() and len(after) < 5 else 0
        text = f"the endpoint of {target} takes no more requests for now"
        return Turned(Why.SPENT, code, text, may_retry=True, retry_after_s=wait_s)
    text = f"the endpoint of {target} answers with status {status}: an operator finds more in the server's log"
    if status in ANOTHER_TRY or status in IN_BETWEEN:
        return Turned(Why.UPSTREAM, code, text, may_retry=True)
    return Turned(Why.UPSTREAM, code, text)


async def sent(outbound: Outbound, route: ModelRoute, headers: Mapping[str, str], letter: Letter) -> Answer:
    """Send a call to an endpoint. Raises OutboundFailed."""
    return await outbound.send(
        "POST",
        address_of(route, letter.path),
        headers=headers,
        body=letter.body,
        private=route.private,
        pause_s=route.answer_s,
    )


def worth_another(tried: Tried, left: Sequence[ModelRoute]) -> bool:
    """Tell whether the next route is tried: never where a request may be under way, which might be paid twice."""
    return bool(left) and not tried.is_sent
