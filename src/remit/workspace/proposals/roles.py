"""What arguments probably mean to an approver, by their names and types."""

from __future__ import annotations

import re
from collections.abc import Mapping

from remit.domain.release import ArgumentRole

_NAMES: Mapping[ArgumentRole, frozenset[str]] = {
    ArgumentRole.SECRET: frozenset("password passwd secret token apikey credential credentials passphrase pin".split()),
    ArgumentRole.AMOUNT: frozenset("amount price total sum cost value fee quantity qty".split()),
    ArgumentRole.DESTINATION: frozenset(
        "to recipient recipients email cc bcc address destination iban account url webhook channel phone host"
        " endpoint beneficiary payee".split()
    ),
    ArgumentRole.WHEN: frozenset("when date time datetime deadline due at until since start end day month".split()),
    ArgumentRole.PAYLOAD: frozenset(
        "body content text message html data payload document sql query code script subject note comment".split()
    ),
    ArgumentRole.OBJECT: frozenset(
        "id path file filename key uri invoice order name ref reference sku ticket user customer repo table".split()
    ),
}
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_SHOWN = ("default", "const", "enum", "examples")
_NUMBERS = frozenset(("integer", "number"))


def guessed_roles(schema: Mapping[str, object]) -> dict[str, ArgumentRole]:
    """Return the roles of a schema's arguments; those whose names say nothing have none."""
    properties = schema.get("properties")
    found = {}
    for name, part in (properties if isinstance(properties, Mapping) else {}).items():
        role = _role(str(name), part if isinstance(part, Mapping) else {})
        if role is not None:
            found[str(name)] = role
    return found


def _role(name: str, part: Mapping[str, object]) -> ArgumentRole | None:
    words = [word.lower() for word in _WORDS.findall(name)]
    if "apikey" in "".join(words):
        words.append("apikey")
    for role, names in _NAMES.items():
        # The last word is the noun: `account_name` is a name, `source_account` an account.
        said = words[-1:] if role is not ArgumentRole.SECRET else words
        if not names.intersection(said):
            continue
        if role is ArgumentRole.AMOUNT and part.get("type") not in _NUMBERS:
            continue
        if role is ArgumentRole.SECRET and any(key in part for key in _SHOWN):
            continue
        return role
    return None
