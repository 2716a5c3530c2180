"""Counts what comes out otherwise when decisions are made again. Its memory is bounded, whatever it is shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from remit.domain.decision import Decision, duty_as_json
from remit.domain.finding import Verdict
from remit.domain.flip import Comparison, FlipExample, FlipKey, Flips, Gap, cause_of, kind_of
from remit.execution.again import Past, decide_again
from remit.kernel.ruleset import Ruleset

MAX_GROUPS = 500
"""Groups of flips that are kept apart; flips of further ones are counted together."""
MAX_EXAMPLES = 5
MAX_CAUSE = 300


class Tally:
    """What a candidate did with the decisions shown so far. Owned by one thread."""

    def __init__(self, candidate: Ruleset, active: Ruleset | None = None) -> None:
        """Begin. Flips that the rules `active` make as well are told apart from those of the candidate alone."""
        self._candidate = candidate
        self._active = active
        self._groups: dict[FlipKey, list[FlipExample]] = {}
        self._flips: Counter[FlipKey] = Counter()
        self._gaps: Counter[Gap] = Counter()
        self._gap_examples: dict[Gap, list[str]] = {}
        self._more = 0
        self.decided = 0
        self.unchanged = 0
        self.unobserved = 0

    def take(self, past: Past) -> None:
        """Make one decision again and count what came of it."""
        try:
            now = decide_again(self._candidate, past)
        except (KeyError, ValueError, TypeError, AttributeError):  # a record of another make than this version's
            now = Gap.UNREADABLE
        if isinstance(now, Gap):
            self.miss(past.action, now)
            return
        self.decided += 1
        if differs(past, now):
            self._flip(past, now)

    def pass_over(self, unchanged: int) -> None:
        """Count decisions that come out the same without being made again."""
        self.decided += unchanged
        self.unchanged += unchanged

    def miss(self, action: str, gap: Gap) -> None:
        """Count a decision that can not be made again."""
        self._gaps[gap] += 1
        examples = self._gap_examples.setdefault(gap, [])
        if len(examples) < MAX_EXAMPLES:
            examples.append(action)

    def _flip(self, past: Past, now: Decision) -> None:
        before = past.decision()
        kind = kind_of(before, now)
        already = self._active is not None and self._is_already(past, now)
        record = past.record
        key = FlipKey(kind, cause_of(before, now)[:MAX_CAUSE], record["agent"], record["target"], already)
        if key not in self._groups and len(self._groups) == MAX_GROUPS:
            self._more += 1
            return
        examples = self._groups.setdefault(key, [])
        self._flips[key] += 1
        if len(examples) < MAX_EXAMPLES:
            at = record["at"]
            examples.append(FlipExample(past.action, past.run.id, at, before.reasons, now.reasons))

    def _is_already(self, past: Past, now: Decision) -> bool:
        assert self._active is not None
        live = decide_again(self._active, past)
        return isinstance(live, Decision) and not kind_of(live, now)

    def comparison(self) -> Comparison:
        """Return what has been counted so far."""
        flips = (Flips(key, count, tuple(self._groups[key])) for key, count in self._flips.most_common())
        return Comparison(
            self.decided,
            tuple(flips),
            self._more,
            dict(self._gaps),
            {gap: tuple(ids) for gap, ids in self._gap_examples.items()},
            self.unobserved,
            self.unchanged,
        )


def differs(past: Past, now: Decision) -> bool:
    """Tell whether a decision came out otherwise, without reading the recorded one whole: most did not."""
    before = past.record["decision"]
    if before["verdict"] != now.verdict.word:
        return True
    if now.verdict is Verdict.ALLOW:
        return bool(before["duties"] or now.duties) and before["duties"] != [duty_as_json(duty) for duty in now.duties]
    return now.verdict is Verdict.HOLD and before["approvers"] != list(now.approvers)


def merged(comparisons: Iterable[Comparison]) -> Comparison:
    """Return what several processes have counted of one candidate, as one."""
    flips: Counter[FlipKey] = Counter()
    examples: dict[FlipKey, tuple[FlipExample, ...]] = {}
    gaps: Counter[Gap] = Counter()
    gap_examples: dict[Gap, tuple[str, ...]] = {}
    decided = more = unobserved = unchanged = 0
    for each in comparisons:
        unchanged += each.unchanged
        decided, more, unobserved = decided + each.decided, more + each.more, unobserved + each.unobserved
        gaps.update(each.gaps)
        for group in each.flips:
            flips[group.key] += group.count
            examples[group.key] = (*examples.get(group.key, ()), *group.examples)[:MAX_EXAMPLES]
        for gap, ids in each.gap_examples.items():
            gap_examples[gap] = (*gap_examples.get(gap, ()), *ids)[:MAX_EXAMPLES]
    found = tuple(Flips(key, count, examples[key]) for key, count in flips.most_common())
    return Comparison(decided, found, more, dict(gaps), gap_examples, unobserved, unchanged)
