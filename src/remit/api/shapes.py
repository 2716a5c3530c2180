"""What bodies and answers have in common: unknown fields are refused, pages go on behind an opaque cursor."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any

from fastapi import Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from remit.api.route import asker_of
from remit.asgi.answers import Refusal
from remit.domain.identity import Caller
from remit.domain.text import unfit

Asker = Annotated[Caller, Depends(asker_of)]
"""Who calls, as the seam has found out."""

PAGE = 50
LONGEST_PAGE = 200

Limit = Annotated[int, Query(ge=1, le=LONGEST_PAGE, description="Most entries in the answer.")]
Cursor = Annotated[str, Query(max_length=300, description="`next` of the page before.")]
Named = Annotated[str, Field(min_length=1, max_length=300)]
Prose = Annotated[str, Field(max_length=2_000)]
Channel = Annotated[str, Field(min_length=1, max_length=128, pattern="^[A-Za-z0-9._-]+$")]


class Body(BaseModel):
    """A body that is sent."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Shown(BaseModel):
    """An answer, or a part of one. Instants are microseconds since 1970-01-01 UTC."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Nothing(Body):
    """A body that says nothing."""


class Reason(Body):
    """Why, for whoever reads the history."""

    reason: Prose = ""


def cursor_of(place: str | int) -> str:
    """Return a cursor for a place."""
    return base64.urlsafe_b64encode(str(place).encode()).decode().rstrip("=")


def place_of(cursor: str) -> str | None:
    """Return the place a cursor stands for, None for the beginning. Raises Refusal."""
    if not cursor:
        return None
    try:
        return base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        raise _bad_cursor() from None


def number_of(cursor: str) -> int:
    """Return the number a cursor stands for, 0 for the beginning. Raises Refusal."""
    place = place_of(cursor)
    if place is None:
        return 0
    if not place.isdecimal() or len(place) > 18:
        raise _bad_cursor()
    return int(place)


def _bad_cursor() -> Refusal:
    return Refusal(422, "field_unfit", "the cursor is none", "Take `next` of the page before", field="cursor")


def words(text: str, field: str) -> str:
    """Return prose that may stand on record. Raises Refusal."""
    why = unfit(text, 2_000, prose=True)
    if why is not None:
        raise Refusal(422, "field_unfit", f"{field} {why}", "Send plain text", field=field)
    return text


def missing(what: str, id: str) -> Refusal:
    """Return the refusal for what is not there, or is another workspace's, which looks the same."""
    shown = id.encode("unicode_escape").decode()[:100]
    return Refusal(404, f"no_{what}", f"there is no {what} {shown}", "Check the id; the list shows what there is")


Json = dict[str, Any]
