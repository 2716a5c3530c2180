"""What a tool probably does to the world, by the verbs in its name and by what its server says of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from remit.domain.release import Effect

_VERBS: Mapping[Effect, frozenset[str]] = {
    Effect.READ: frozenset(
        "get list read search find fetch query describe show count check lookup look view browse status diff log logs"
        " ls cat head tail convert calculate compute echo explain preview validate verify compare summarize analyze"
        " inspect retrieve resolve estimate quote ping whoami help select".split()
    ),
    Effect.WRITE: frozenset(
        "create update add set edit write put append insert upsert save move rename copy upload import patch commit"
        " checkout merge tag modify replace change assign attach register schedule book reserve open close start stop"
        " enable disable toggle archive restore mark store sync mkdir touch stage push subscribe unsubscribe".split()
    ),
    Effect.SEND: frozenset(
        "send email mail post publish notify message tweet reply comment invite share broadcast sms call forward"
        " announce submit export".split()
    ),
    Effect.PAY: frozenset(
        "pay refund transfer charge purchase buy order withdraw payout credit debit settle invoice bill wire".split()
    ),
    Effect.DELETE: frozenset(
        "delete remove drop destroy purge erase truncate cancel revoke clear reset wipe rm unlink kill terminate"
        " discard".split()
    ),
    Effect.ADMIN: frozenset(
        "admin grant execute exec run shell eval deploy restart shutdown reboot sudo install uninstall configure"
        " impersonate elevate permit authorize".split()
    ),
}
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


@dataclass(frozen=True, slots=True)
class Guess:
    """An effect, and why it is proposed, as the end of "proposed, because ..."."""

    effect: Effect
    why: str


def guessed(name: str, annotations: object) -> Guess:
    """Return what a tool of this name probably does.

    The verb counts more than what the server claims, for a hint costs it nothing; of a claim only what makes a tool
    more serious is taken as it is. Where neither says anything it is taken for one that destroys, as MCP has it
    (`destructiveHint` is true where it is not given).
    """
    hints = annotations if isinstance(annotations, Mapping) else {}
    reads, destroys = hints.get("readOnlyHint") is True, hints.get("destructiveHint")
    verb, effect = _verb(name)
    if effect is None:
        if reads:
            return Guess(Effect.READ, "its server says that it only reads, and no verb in its name says otherwise")
        if destroys is False:
            return Guess(Effect.WRITE, "its server says that it destroys nothing")
        return Guess(Effect.DELETE, "nothing says what it does: it is taken for one that destroys")
    if effect is Effect.READ and not reads:
        if destroys is True:
            return Guess(Effect.DELETE, f"its name says `{verb}`, but its server says that it destroys")
        if hints.get("readOnlyHint") is False:
            return Guess(Effect.WRITE, f"its name says `{verb}`, but its server says that it does not only read")
    if effect is Effect.WRITE and destroys is True and not reads:
        return Guess(Effect.DELETE, f"its name says `{verb}`, and its server says that it destroys")
    return Guess(effect, f"its name says `{verb}`")


def _verb(name: str) -> tuple[str, Effect | None]:
    """Return the first verb in a name, and what it does."""
    for word in _WORDS.findall(name):
        for effect, verbs in _VERBS.items():
            if word.lower() in verbs:
                return word.lower(), effect
    return "", None
