"""`remit.connect`: to a server, or to a database in this process. What the other one needs is not loaded."""

from __future__ import annotations

from remit.domain.clock import Clock
from remit.sdk.client import Client
from remit.sdk.environment import settings_from

SERVER = ("http://", "https://")


def connect(
    url: str | None = None, workspace: str | None = None, *, api_key: str | None = None, clock: Clock | None = None
) -> Client:
    """Connect an agent.

    Args:
        url: a server as `https://HOST`, or a database as `sqlite:///` and a path or
            `postgresql://user@host/database`. By default REMIT_URL, and where that is not set REMIT_DATABASE_URL.
        workspace: needed only where a database holds more than one; a server knows it by the key.
        api_key: the agent's key for a server; by default REMIT_API_KEY.
        clock: where time comes from, for tests on a database.

    Raises:
        Unavailable: the database can not be opened. A server is not asked before the first run.
        Refused: there is no such workspace, or none yet; or the address or the key can not be used.
    """
    settings = settings_from()
    wanted = url if url is not None else settings.url
    if not wanted.startswith(SERVER):
        from remit.compose import connect as embedded  # the storage, the policy engine and the schemas

        return embedded(wanted or None, workspace, clock=clock)
    from remit.domain.arguments import PayloadLimits
    from remit.sdk.http import HttpDoor
    from remit.sdk.wire import Reach

    reach = Reach(
        wanted,
        settings.api_key.get_secret_value() if api_key is None else api_key,
        settings.http_timeout_s,
        settings.http_tries,
        settings.unencrypted,
    )
    limits = PayloadLimits(bytes=settings.max_payload_bytes, depth=settings.max_payload_depth)
    reads_unasked = settings.unreachable == "allow-reads"
    return Client(HttpDoor(reach, limits, listens=settings.listen, reads_unasked=reads_unasked))
