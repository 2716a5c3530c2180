"""`remit backtest --pin`: a recorded action becomes a test of the workspace folder."""

from __future__ import annotations

from pathlib import Path

from remit.cli.backtest_history import candidate_of
from remit.cli.output import TABLE, document, line
from remit.cli.session import Failed, session
from remit.control.payload_reads import PayloadReads
from remit.domain.flip import Gap
from remit.domain.flip_words import say_gap
from remit.domain.payload import ARGUMENTS
from remit.execution.backtest.history import History
from remit.execution.backtest.pinning import NotPinned, pinned

VERDICTS = ("allow", "hold", "deny")


def pin(folder: Path, asked: str, workspace: str | None, output: str) -> None:
    """Write `tests/pinned-ACTION.yaml`. The reading of the arguments is on record before the file is written."""
    action, _, expect = asked.partition("=")
    if expect and expect not in VERDICTS:
        raise Failed(f"{expect!r} is no decision: write --pin {action}=allow, =hold or =deny.")
    if not folder.is_dir():
        raise Failed(f"{folder} is no folder: a test is written into a workspace folder.")
    with session() as opened:
        parts = opened.parts
        candidate = candidate_of(opened, folder, workspace)
        past = History(parts.store, parts.keys).one(candidate.workspace, action)
        if past is None:
            raise Failed(
                f"There is no decision on {action} in {candidate.workspace}; `remit runs show RUN` lists them."
            )
        if isinstance(past, Gap):
            raise Failed(f"{action} can not be pinned: {say_gap(past)}.")
        try:
            made = pinned(candidate.rules, past, expect)
        except NotPinned as error:
            raise Failed(f"{action} can not be pinned: {error}.") from None
        reads = PayloadReads(parts.store, parts.keys, parts.clock, parts.ids)
        sealed = reads.sealed(action, ARGUMENTS)
        why: dict[str, object] = {"action": action, "reason": "pinned as a test"}
        reads.record(candidate.workspace, opened.person, why, () if sealed is None else (sealed,))
    file = folder / "tests" / f"pinned-{past.action}.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(made.text, "utf-8")
    if output != TABLE:
        document({"file": str(file), "expect": made.verdict.word, "left_out": list(made.left_out)}, output)
        return
    line(f"{file} expects {made.verdict.word}; `remit policy test {folder}` runs it.", style="green")
    if made.left_out:
        line(f"Left out by their role: {', '.join(made.left_out)}.")
