"""What a command says once a channel was moved, or the move proposed."""

from __future__ import annotations

from remit.cli.output import line
from remit.domain.release import Release
from remit.storage.port import Proposal


def tell_moved(release: Release, channel: str, waiting: Proposal | None, before: str = "") -> None:
    """Write one line; `waiting` is the proposal, where it takes another person, `before` what is said first."""
    if waiting is None:
        line(f"{before}Channel {channel} now points at {release.id}.", style="green")
        return
    line(
        f"{before}Proposed by {waiting.by}; channel {channel} has not moved: this workspace demands two people."
        f" Another one runs `remit releases activate {release.id}`.",
        style="yellow",
    )
