"""What `remit doctor` says, and what it can find out through the control plane in either home."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from remit.cli.home import Home, get, pages
from remit.cli.turned import Turned
from remit.cli.when import MICROS_PER_SECOND, moment

UNSEALED = 2_000
"""How many records may wait for the sealer: it works every second, or after 1,000."""
SOON_S = 7 * 86_400


class Level(StrEnum):
    """How a finding is to be taken."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Said:
    """One finding: what was looked at, what was found, and what to do where that is not in order."""

    level: Level
    what: str
    text: str
    remedy: str = ""


def ok(what: str, text: str) -> Said:
    """Say that something is in order."""
    return Said(Level.OK, what, text)


def warn(what: str, text: str, remedy: str) -> Said:
    """Say that somebody should look at something."""
    return Said(Level.WARN, what, text, remedy)


def fail(what: str, text: str, remedy: str = "") -> Said:
    """Say that something is wrong. Where there is no remedy the text has it."""
    return Said(Level.FAIL, what, text, remedy)


def control_plane(at: Home) -> Iterator[Said]:
    """Yield what is to be said of one workspace: its release, ledger, stops, approvals and keys."""
    for look in (_release, _ledger, _stops, _approvals, _keys):
        try:
            yield from look(at)
        except Turned as refused:
            yield warn(look.__name__.strip("_"), f"not looked at: {refused}", "Ask as somebody who may see it")


def _release(at: Home) -> Iterator[Said]:
    releases = get(at, "/releases")["releases"]
    active = [each["id"] for each in releases if "production" in each["active_on"]]
    if active:
        yield ok("release", f"{active[0]} is active in {at.workspace}")
    else:
        yield fail(
            "release", f"no release is active in {at.workspace}: every action is denied", "Run `remit apply DIR`"
        )


def _ledger(at: Home) -> Iterator[Said]:
    told = get(at, "/ledger")
    waiting = told["records"] - told["sealed"]
    if told["alarm"]:
        yield fail("ledger", told["alarm"], "Run `remit audit verify` and keep the database as it is")
    elif waiting > (UNSEALED if at.is_server else 0):
        remedy = "Look into the server's log" if at.is_server else "`remit audit seal` does it; a server does by itself"
        yield warn("ledger", f"{waiting:,} of {told['records']:,} records are not sealed yet", remedy)
    else:
        yield ok("ledger", f"{told['sealed']:,} of {told['records']:,} records are sealed")


def _stops(at: Home) -> Iterator[Said]:
    stops = pages(at, "/stops", "stops", 1_000)
    if not stops:
        yield ok("stops", "nothing is stopped")
        return
    named = ", ".join(sorted(each["target"] for each in stops)[:5])
    more = f" and {len(stops) - 5} more" if len(stops) > 5 else ""
    yield warn("stops", f"stopped: {named}{more}", "`remit stops` says why; `remit unfreeze TARGET` lifts a freeze")


def _approvals(at: Home) -> Iterator[Said]:
    waiting = get(at, "/approvals", state="pending")["approvals"]
    soon = [each for each in waiting if each["expires_at"] < (time.time() + 3_600) * MICROS_PER_SECOND]
    if soon:
        text = f"{len(soon)} of {len(waiting)} that wait expire within the hour"
        yield warn("approvals", text, "`remit approvals ls` lists them")
    else:
        yield ok("approvals", f"{len(waiting)} wait for a person")


def _keys(at: Home) -> Iterator[Said]:
    if at.is_server:
        return  # keys are listed for a session only, and a check asks for no password
    keys = [key for key in get(at, "/keys")["keys"] if key["kind"] == "agent_key" and key["expires_at"]]
    now = time.time() * MICROS_PER_SECOND
    held = {key["holder"] for key in get(at, "/keys")["keys"] if key["kind"] == "agent_key" and key["holds"]}
    over = sorted({key["holder"] for key in keys if not key["holds"] and not key["revoked_at"]} - held)
    soon = [key for key in keys if key["holds"] and not key["successor"] and key["expires_at"] < now + SOON_S * 10**6]
    for agent in over:
        yield warn("keys", f"every key of {agent} has expired", f"`remit keys make {agent}` makes one")
    for key in soon:
        text = f"{key['id']} of {key['holder']} expires {moment(key['expires_at'])}"
        yield warn("keys", text, f"`remit keys rotate {key['id']}` makes its successor")
    if not over and not soon:
        yield ok("keys", f"{len(held)} agents have keys that hold")
