"""What a command says once a channel was moved, or the move proposed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from remit.cli.output import TABLE, document, line


def proposal(release: Mapping[str, Any], channel: str) -> Mapping[str, Any] | None:
    """Return who has proposed that a channel points at a release, where it waits for another person."""
    return next((each for each in release["proposed"] if each["channel"] == channel), None)


def tell_moved(release: Mapping[str, Any], channel: str, before: str = "") -> None:
    """Write one line, behind what is said first; `release` as the API gives it."""
    waiting = proposal(release, channel)
    if waiting is None:
        line(f"{before}Channel {channel} now points at {release['id']}.", style="green")
        return
    line(
        f"{before}Proposed by {waiting['by']}; channel {channel} has not moved: this workspace demands two people."
        f" Another one runs `remit releases activate {release['id']}`.",
        style="yellow",
    )


def tell(release: Mapping[str, Any], channel: str, output: str) -> None:
    """Say that a channel was moved, or the move proposed, as `output` wants it."""
    if output == TABLE:
        tell_moved(release, channel)
        return
    document({"release": release["id"], "channel": channel, "proposed": proposal(release, channel) is not None}, output)
