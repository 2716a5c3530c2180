"""What `remit doctor` finds out about a server."""

from __future__ import annotations

import time
from collections.abc import Iterator

from remit import __version__
from remit.cli.checkup import SOON_S, Said, fail, ok, warn
from remit.cli.home import get
from remit.cli.remote import Remote
from remit.cli.turned import Turned
from remit.cli.when import MICROS_PER_SECOND, moment


def reached(remote: Remote) -> Iterator[Said]:
    """Yield whether a server answers, is of this version, and knows who asks."""
    began = time.perf_counter()
    remote.public("/healthz")
    yield ok("server", f"{remote.shown} answers in {(time.perf_counter() - began) * 1000:.0f} ms")
    try:
        remote.public("/readyz")
        yield ok("database", "the server reaches its database")
    except Turned as refused:
        yield fail("database", f"the server does not reach its database: {refused}", "Look into the server's log")
    version = str(get(remote, "/openapi.json")["info"]["version"])
    if version == __version__:
        yield ok("version", f"the server is {version}, as this command line")
    else:
        yield warn("version", f"the server is {version}, this command line {__version__}", "Use the same on both")
    me = get(remote, "/me")
    remote.workspace = me["workspace"]
    yield ok("person", f"{me['person']} in {me['workspace']}: {', '.join(me['roles']) or 'no role'}")
    until = remote.expires_at
    if until and until < (time.time() + SOON_S) * MICROS_PER_SECOND:
        yield warn("token", f"your token expires {moment(until)}", "`remit login` makes another")
